import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import postgres from "postgres";
import { datahubSyncTables, defineDatahubSync, mirrored } from "../src/package/convex.js";
import { LocalDeployment } from "../local/convex/deployment.js";
import { serveLocalDeployment } from "../local/convex/serve.js";
import { startPostgres } from "../local/postgres/start-postgres.js";
import { Cli } from "./cli.js";

const SYNC_KEY = "a key for the benchmark";
const ROWS = 10;

/** A source of many small tables, each mirrored, and the command line that is configured for them. */
export interface ManyMirrors {
  cli: Cli;
  /** The configuration file. */
  config: object;
  environment: Record<string, string>;
  stop(): Promise<void>;
}

export async function startManyMirrors(count: number): Promise<ManyMirrors> {
  const names = Array.from({ length: count }, (_, n) => `table_${n}`);
  const server = await startPostgres();
  const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
  for (const name of names) {
    await sql.unsafe(
      `CREATE TABLE ${name} (id int PRIMARY KEY, name text, at timestamptz, n numeric(10, 2), raw jsonb);
       INSERT INTO ${name} SELECT n, 'row ' || n, now(), n, '{"a": 1}' FROM generate_series(1, ${ROWS}) n`,
    );
  }
  await sql.unsafe("ANALYZE");
  await sql.end();
  const fields = {
    id: mirrored(v.number()),
    name: mirrored(v.string()),
    at: mirrored(v.string()),
    n: mirrored(v.number()),
    raw: mirrored(v.any()),
  };
  const tables = Object.fromEntries(names.map((name) => [name, defineTable(fields)]));
  const deployment = LocalDeployment.create({
    schema: defineSchema({ ...datahubSyncTables, ...tables }),
    modules: { datahubSync: defineDatahubSync({ tables }) },
    env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
  });
  const served = await serveLocalDeployment(deployment);
  const cli = await Cli.create();
  const config = { tables: names.map((relation) => ({ relation })) };
  await cli.configure(config);
  return {
    cli,
    config,
    environment: {
      DATABASE_URL: server.url(),
      CONVEX_URL: served.url,
      CONVEX_SYNC_AUTH_KEY: SYNC_KEY,
    },
    async stop() {
      await Promise.all([cli.remove(), served.close(), server.stop()]);
    },
  };
}
