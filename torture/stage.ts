import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { defineDatahubSync } from "../convex/datahubSyncPackage.js";
import { LocalDeployment } from "../src/local/convex/deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../src/local/convex/serve.js";
import type { Random } from "../src/local/data/random.js";
import type { LocalPostgres } from "../src/local/postgres/start-postgres.js";
import type { Chaos } from "./chaos.js";
import { TYPES_DDL } from "./column-kinds.js";
import { Command } from "./command.js";
import { CommitWatch } from "./commit-watch.js";
import { PINNED_SETTINGS } from "./oracle/mirrored-table.js";
import { CHANGES_DDL, createTable, deploySchema, writeConfig, type TortureTable } from "./tables.js";

/** What one seed plays on: a database, a deployment, a folder. */
export interface Stage {
  server: LocalPostgres;
  tables: readonly TortureTable[];
  database: string;
  /** With the superuser's password. */
  url: string;
  deployment: LocalDeployment;
  watch: CommitWatch;
  folder: string;
  syncKey: string;
  /** Starts the command line; the configuration and the log's folder are given. */
  start(args: readonly string[]): Command;
  /** Only for who comes to no harm: not for writers. */
  connect(): Sql;
  close(options: { keepFolder: boolean }): Promise<void>;
}

export interface StageOptions {
  seed: number;
  server: LocalPostgres;
  /** The built command line. */
  main: string;
  tables: readonly TortureTable[];
  chaos: Chaos;
  random: Random;
}

export async function setStage({ seed, server, main, tables, chaos, random }: StageOptions): Promise<Stage> {
  const database = `torture_${seed}`;
  await createDatabase(server, database, random);
  const url = server.url(database);
  await runOnce(url, `${TYPES_DDL}; ${CHANGES_DDL}; ${tables.map(createTable).join("\n")}`);

  const folder = await mkdtemp(join(tmpdir(), `datahub-sync-torture-${seed}-`));
  const config = join(folder, "tables.json");
  await mkdir(join(folder, "logs"));
  await writeFile(config, writeConfig(tables));

  const syncKey = randomBytes(32).toString("hex");
  const { mirrors, schema } = deploySchema(tables);
  const deployment = LocalDeployment.create({
    schema,
    modules: { datahubSync: defineDatahubSync({ tables: mirrors }) },
    env: { CONVEX_SYNC_AUTH_KEY: syncKey },
    faults: chaos.faults,
    clock: chaos.clock,
    seed,
  });
  const watch = new CommitWatch(
    deployment,
    tables.map(({ mirror }) => mirror),
  );
  const served: ServedDeployment = await serveLocalDeployment(deployment);
  let runs = 0;
  const environment = {
    DATABASE_URL: url,
    CONVEX_URL: served.url,
    CONVEX_SYNC_AUTH_KEY: syncKey,
    TZ: random.pick(["UTC", "America/New_York", "Asia/Kolkata"]),
  };
  return {
    ...{ server, tables, database, url, deployment, watch, folder, syncKey },
    start(args) {
      const common = ["--config", config, "--log-dir", join(folder, "logs")];
      return new Command({ main, folder, environment }, ++runs, [...args, ...common]);
    },
    connect: () => postgres(url, { max: 1, onnotice: () => {}, connection: { ...PINNED_SETTINGS } }),
    async close({ keepFolder }) {
      await served.close();
      await runOnce(server.url(), `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      if (!keepFolder) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** With settings that no text of a value may depend on. */
async function createDatabase(server: LocalPostgres, name: string, random: Random): Promise<void> {
  await runOnce(server.url(), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await runOnce(server.url(), `CREATE DATABASE ${name}`);
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

export async function runOnce(url: string, statements: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statements);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
