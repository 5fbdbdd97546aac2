import { defineSchema, defineTable, type GenericSchema } from "convex/server";
import { v } from "convex/values";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { datahubSyncTables, defineDatahubSync } from "../../src/package/convex.js";
import { systemClock, type Clock } from "../../src/model/clock.js";
import { pageSizes } from "../../src/model/page-sizes.js";
import { Secret } from "../../src/model/secret.js";
import type {
  DatabaseConfig,
  MirrorConfig,
  Settings,
  SourceConfig,
  SyncConfig,
} from "../../src/model/config.js";
import { LocalDeployment, type LocalDeploymentOptions } from "../../local/convex/deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import type {
  Budget,
  ProgressListener,
  RunMode,
  RunReport,
  StatusReport,
  TableReport,
} from "../../src/model/report.js";
import type { DryRunReport } from "../../src/commands/dry-run-report.js";
import { dryRunSync } from "../../src/commands/dry-run.js";
import { migrate } from "../../src/commands/migrate.js";
import { readStatus } from "../../src/commands/read-status.js";
import type { RunOptions } from "../../src/sync/run-options.js";
import { runSync } from "../../src/sync/run-sync.js";
import { compareMirror } from "./compare-mirror.js";
import { createMigratedDatabase, type MigratedDatabase } from "./migrated-database.js";
import type { TestDatabaseOptions } from "./postgres.js";

const SYNC_KEY = "a key for tests";

/** The counts of a run that found nothing to do. */
export const NOTHING = {
  read: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  rejected: 0,
  heldBack: 0,
};

/** Waits are a hundredth as long: backoff of minutes passes in a second. Limits below are set to match. */
export const HURRY = 100;
export const hurriedClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / HURRY, signal),
};

const SETTINGS: Settings = {
  leaseSeconds: 90 * HURRY,
  maxInFlight: 4,
  parallel: 1,
  ...pageSizes(500),
  writeBytesPerSecond: Infinity,
  callTimeoutMs: 30_000 * HURRY,
  runDeadlineMs: 3_600_000 * HURRY,
  logDir: "/nonexistent",
  waitFor: null,
  metricsFile: null,
  alerts: {
    pings: { start: null, success: null, failure: null },
    webhook: null,
    webhookWhen: "changes",
  },
  logLevel: "error",
};

const SILENT: ProgressListener = {
  showsProgress: false,
  tableStarted: () => {},
  tableProgress: () => {},
  tableFinished: () => {},
  notice: () => {},
};

export interface SyncOptions {
  allowDeletes?: boolean;
  takeOver?: boolean;
  adopt?: readonly string[];
  /** Of these mirrors alone, by the last letters of their names. */
  only?: readonly string[];
  signal?: AbortSignal;
  progress?: Partial<ProgressListener>;
  /** In the place of the one that hurries. */
  clock?: Clock;
}

export interface MirrorOptions {
  /** SQL that makes the table; `$t` stands for its name, which no other test uses. */
  ddl: string;
  /** The mirrors; one of the table itself by default. `$t` in a name stands for the table's. */
  mirrors?: (Partial<Omit<MirrorConfig, "relation">> & { relation: string })[];
  /** The tables of the deployment's schema, by mirror; without it, tables that take any document. */
  schema?: (table: string) => GenericSchema;
  settings?: Partial<Settings>;
  budget?: Budget;
  deployment?: Partial<LocalDeploymentOptions>;
}

/** An ad-hoc table, a deployment of its own, and the program between them. */
export class MirrorFixture {
  private constructor(
    readonly db: MigratedDatabase,
    /** What `$t` stands for, and the first mirror's name unless it was given another. */
    readonly table: string,
    readonly deployment: LocalDeployment,
    readonly served: ServedDeployment,
    readonly config: SyncConfig,
  ) {}

  static async create(db: MigratedDatabase, table: string, options: MirrorOptions): Promise<MirrorFixture> {
    const named = (text: string) => text.replaceAll("$t", table);
    const mirrors = (options.mirrors ?? [{ relation: "$t" }]).map((mirror): MirrorConfig => ({
      base: null,
      key: null,
      ignore: [],
      updatedAt: "as-written",
      exclude: [],
      columns: {},
      ...mirror,
      name: named(mirror.name ?? mirror.relation),
      relation: { schema: "public", name: named(mirror.relation) },
    }));
    const anything = Object.fromEntries(mirrors.map(({ name: mirror }) => [mirror, defineTable(v.any())]));
    const tables = options.schema?.(table) ?? anything;
    const deployment = LocalDeployment.create({
      modules: { datahubSync: defineDatahubSync({ tables }) },
      schema: defineSchema({ ...datahubSyncTables, ...tables }),
      env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
      clock: hurriedClock,
      ...options.deployment,
    });
    const served = await serveLocalDeployment(deployment);
    const config: SyncConfig = {
      mirrors,
      allMirrors: mirrors,
      target: served.url,
      database: databaseConfig(db.url),
      convex: { url: served.url, syncKey: new Secret(SYNC_KEY), deployment: "test" },
      settings: { ...SETTINGS, ...pageSizes(options.settings?.pageRows ?? 500), ...options.settings },
      budget: options.budget ?? null,
    };
    const fixture = new MirrorFixture(db, table, deployment, served, config);
    await fixture.run(options.ddl);
    return fixture;
  }

  get sql() {
    return this.db.sql;
  }

  /** Runs SQL in which `$t` stands for the table. */
  async run(statement: string): Promise<Record<string, unknown>[]> {
    const rows = await this.sql.unsafe<Record<string, unknown>[]>(statement.replaceAll("$t", this.table));
    return rows.map((row) => ({ ...row }));
  }

  async migrate(): Promise<void> {
    const report = await migrate({ config: this.config, clock: hurriedClock });
    expect(report.tables.filter(({ outcome }) => outcome === "failed")).toEqual([]);
  }

  /** One run of the program, as it is. */
  async runSync(mode: RunMode = "delta", options: SyncOptions = {}): Promise<RunReport> {
    return runSync(this.#runOptions(mode, options));
  }

  /** What such a run would do. */
  async dryRun(mode: RunMode = "delta", options: SyncOptions = {}): Promise<DryRunReport> {
    return dryRunSync(this.#runOptions(mode, options));
  }

  #runOptions(mode: RunMode, options: SyncOptions): RunOptions {
    const { only } = options;
    const mirrors = this.config.mirrors.filter(
      ({ name }) => only === undefined || only.some((end) => name.endsWith(end)),
    );
    return {
      config: { ...this.config, mirrors },
      mode,
      allowDeletes: options.allowDeletes ? this.config.mirrors.map(({ name }) => name) : [],
      takeOver: options.takeOver ?? false,
      adopt: options.adopt ?? [],
      progress: { ...SILENT, ...options.progress },
      clock: options.clock ?? hurriedClock,
      signal: options.signal ?? new AbortController().signal,
    };
  }

  /** A run that is expected to get to its end; the report of its first table. */
  async sync(mode: RunMode = "delta", options: SyncOptions = {}): Promise<TableReport> {
    const report = await this.runSync(mode, options);
    for (const table of report.tables) expect(table.error).toBeUndefined();
    return report.tables[0]!;
  }

  status(): Promise<StatusReport> {
    return readStatus({ config: this.config, clock: hurriedClock });
  }

  /** The documents of a mirror, without what Convex adds. */
  documents(mirror = this.config.mirrors[0]!.name): (Record<string, unknown> & { _id: string })[] {
    return [...this.deployment.tableDocuments(mirror)].map(({ _creationTime, ...document }) => document);
  }

  /** Fails unless every document is its row, every row has its document, and the ledger says the same. */
  async compare(): Promise<void> {
    for (const mirror of this.config.mirrors) await compareMirror(this.sql, this.deployment, mirror);
  }

  /** What a run costs on the mirrored tables and the ledger. */
  async cost(
    work: () => Promise<unknown>,
  ): Promise<{ documentsRead: number; documentsWritten: number; ledgerWritten: number }> {
    this.deployment.resetUsage();
    await work();
    const { byTable } = this.deployment.usage();
    const sum = { documentsRead: 0, documentsWritten: 0 };
    for (const { name: mirror } of this.config.mirrors) {
      sum.documentsRead += byTable[mirror]?.documentsRead ?? 0;
      sum.documentsWritten += byTable[mirror]?.documentsWritten ?? 0;
    }
    return { ...sum, ledgerWritten: byTable["datahubSyncLedger"]?.documentsWritten ?? 0 };
  }

  /** As if the time of a crashed run's lease had passed. */
  async expireLease(): Promise<void> {
    await this.sql`
      WITH target AS (
        UPDATE datahub_sync.targets SET exclusive_until = exclusive_until - interval '1 day'
         WHERE url = ${this.config.convex.url} RETURNING id)
      UPDATE datahub_sync.leases SET expires_at = clock_timestamp() - interval '1 second' FROM target WHERE target_id = id`;
  }

  /** The state that Postgres keeps of a mirror. */
  async record(mirror = this.config.mirrors[0]!.name): Promise<Record<string, unknown>> {
    const [row] = await this.sql<Record<string, unknown>[]>`
      SELECT m.*, m.watermark::text AS watermark, m.run_snapshot::text AS run_snapshot FROM datahub_sync.mirrors m
       WHERE name = ${mirror} AND target_id = (SELECT id FROM datahub_sync.targets WHERE url = ${this.config.convex.url})`;
    return { ...row };
  }

  /** The state document that Convex keeps of a mirror. */
  state(mirror = this.config.mirrors[0]!.name): Record<string, unknown> | undefined {
    return [...this.deployment.tableDocuments("datahubSyncMirrors")].find(({ table }) => table === mirror);
  }

  /** The same deployment, fed from another database: a copy, a branch, a mistaken URL. */
  withDatabase(db: MigratedDatabase): MirrorFixture {
    const database = databaseConfig(db.url);
    return new MirrorFixture(db, this.table, this.deployment, this.served, { ...this.config, database });
  }

  close(): Promise<void> {
    return this.served.close();
  }
}

function databaseConfig(text: string): DatabaseConfig {
  const url = new URL(text);
  const database = url.pathname.slice(1);
  return { url: new Secret(text), host: url.hostname, port: Number(url.port), database, sslMode: "disable" };
}

/** The configuration of a command that works on Postgres alone, without mirrors. */
export function sourceConfig(url: string): SourceConfig {
  return { mirrors: [], allMirrors: [], target: "", database: databaseConfig(url), settings: SETTINGS };
}

/** Small pages, so that a few rows make several of them. */
export const SMALL_PAGES = { pageKeys: 5, pageHashes: 7 };

/**
 * Opens mirrors for the tests of a file: one database for all, a table and a deployment for each.
 * @param options `settings`: of all of them
 */
export function useMirrors(
  options: TestDatabaseOptions & Pick<MirrorOptions, "settings"> = {},
): (options: MirrorOptions) => Promise<MirrorFixture> {
  let db: MigratedDatabase;
  let opened: MirrorFixture[] = [];
  let tables = 0;
  beforeAll(async () => {
    db = await createMigratedDatabase(options);
  });
  afterEach(async () => {
    await Promise.all(opened.map((fixture) => fixture.close()));
    opened = [];
  });
  afterAll(() => db.drop());
  return async (mirror) => {
    const fixture = await MirrorFixture.create(db, `mirror_${++tables}`, {
      ...mirror,
      settings: { ...options.settings, ...mirror.settings },
    });
    opened.push(fixture);
    await fixture.migrate();
    return fixture;
  };
}
