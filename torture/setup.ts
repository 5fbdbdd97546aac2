import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { Random } from "../local/data/random.js";
import type { LocalPostgres } from "../local/postgres/start-postgres.js";
import { auditTable, CHANGES_DDL } from "./audit.js";
import type { CallFaults } from "./call-faults.js";
import { TYPES_DDL } from "./column-kinds.js";
import { LockWatch } from "./lock-watch.js";
import { PINNED_SETTINGS } from "../local/oracle/mirrored-table.js";
import { createTable, ignoredByAll, type TortureTable } from "./tables.js";
import { openTarget, type Target } from "./target.js";

/** What one seed uses: a database, one or two deployments, a folder. */
export interface Setup {
  server: LocalPostgres;
  /** As the first deployment mirrors them. */
  tables: readonly TortureTable[];
  database: string;
  /** With the superuser's password. */
  url: string;
  /** Only the first one has faults. */
  targets: readonly [Target, ...Target[]];
  folder: string;
  /** Counts the beginnings and the ends of changes to the tables themselves. */
  alterations: number;
  /** The change that is being made; the next one comes after it. */
  changing: Promise<void>;
  locks: LockWatch;
  /** Every mirror of a table, of all deployments. */
  mirrorsOf(base: string): TortureTable[];
  /** For connections without faults: not for writers. */
  connect(): Sql;
  close(options: { keepFolder: boolean }): Promise<void>;
}

export interface SetupOptions {
  seed: number;
  server: LocalPostgres;
  /** The built command line. */
  main: string;
  /** For each deployment, the shapes of its tables. */
  shapes: readonly (readonly (readonly TortureTable[])[])[];
  callFaults: CallFaults;
  random: Random;
}

export async function setUp({
  seed,
  server,
  main,
  shapes,
  callFaults,
  random,
}: SetupOptions): Promise<Setup> {
  const database = `torture_${seed}`;
  await createDatabase(server, database, random);
  const url = server.url(database);
  const tables = shapes[0]![0]!;
  const mirrored = shapes.map((ofTarget) => ofTarget[0]!);
  const mirrorsOf = (base: string) => mirrored.flat().filter((table) => table.base === base);
  const audits = mirrored.flat().map((table) => auditTable(table, ignoredByAll(mirrorsOf(table.base))));
  await runOnce(url, [TYPES_DDL, CHANGES_DDL, ...tables.map(createTable), ...audits].join(";\n"));

  const folder = await mkdtemp(join(tmpdir(), `datahub-sync-torture-${seed}-`));
  let runs = 0;
  const runnerUrl = await createRunner(server, database);
  const environment = { DATABASE_URL: url, TZ: random.pick(["UTC", "America/New_York", "Asia/Kolkata"]) };
  const targets: Target[] = [];
  for (const [number, ofTarget] of shapes.entries()) {
    const target = await openTarget({
      name: number === 0 ? "tables" : `tables of ${number}`,
      shapes: ofTarget,
      folder,
      main,
      environment,
      runnerUrl,
      callFaults: number === 0 ? callFaults : null,
      seed: seed + number,
      countRun: () => ++runs,
    });
    targets.push(target);
  }
  const locks = new LockWatch(server.url(), database);
  return {
    locks,
    server,
    tables,
    database,
    url,
    folder,
    mirrorsOf,
    alterations: 0,
    changing: Promise.resolve(),
    targets: targets as [Target, ...Target[]],
    connect: () => postgres(url, { max: 1, onnotice: () => {}, connection: { ...PINNED_SETTINGS } }),
    async close({ keepFolder }) {
      await locks.end();
      for (const target of targets) await target.close();
      await runOnce(server.url(), `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      await runOnce(server.url(), `DROP ROLE IF EXISTS runner_of_${database}`);
      if (!keepFolder) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** With settings, and an order of texts, that no text of a value may depend on. */
async function createDatabase(server: LocalPostgres, name: string, random: Random): Promise<void> {
  await runOnce(server.url(), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  const locale = random.pick([
    "LOCALE 'C'",
    "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'",
    ...(server.version >= 17 ? ["LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"] : []),
  ]);
  await runOnce(server.url(), `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${locale}`);
  const settings = {
    TimeZone: random.pick(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    DateStyle: random.pick(["ISO, MDY", "German, DMY", "Postgres, DMY"]),
    IntervalStyle: random.pick(["postgres", "iso_8601", "sql_standard"]),
    extra_float_digits: random.pick(["1", "0", "-5"]),
    bytea_output: random.pick(["hex", "escape"]),
  };
  for (const [setting, value] of Object.entries(settings)) {
    await runOnce(server.url(), `ALTER DATABASE ${name} SET ${setting} = '${value}'`);
  }
}

/** A role that may read everything and owns nothing; `grant_runner` gives it the rest. */
async function createRunner(server: LocalPostgres, database: string): Promise<string> {
  const role = `runner_of_${database}`;
  await runOnce(
    server.url(),
    `DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'invented' IN ROLE pg_read_all_data`,
  );
  const url = new URL(server.url(database));
  url.username = role;
  url.password = "invented";
  return url.href;
}

export async function runOnce(url: string, statements: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statements);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
