import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import postgres, { type Sql } from "postgres";
import { datahubSyncTables, defineDatahubSync, mirrored } from "../../src/package/convex.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { serveLocalDeployment } from "../../local/convex/serve.js";
import { startPostgres } from "../../local/postgres/start-postgres.js";
import { Cli } from "../cli.js";
import { servePeerDeployment } from "./deployment.js";
import { Contestant } from "./figures.js";
import { startProgram, type Programs } from "./programs.js";
import { CURSOR, OURS } from "./names.js";

const SYNC_KEY = "a key for the benchmark";
const TABLE = "things";

const table = defineTable({
  id: mirrored(v.number()),
  name: mirrored(v.string()),
  quantity: mirrored(v.number()),
  price: mirrored(v.number()),
  updated_at: mirrored(v.string()),
});

/** A source of one narrow table, and whoever mirrors it, each for itself: the memory of one is free for the next. */
export class NarrowStage {
  private constructor(
    readonly sql: Sql,
    private readonly url: string,
    private readonly cli: Cli,
    private readonly folder: string,
    private readonly stop: () => Promise<void>,
  ) {}

  static async open(rows: number): Promise<NarrowStage> {
    const server = await startPostgres();
    const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
    await sql`CREATE TABLE things (
      id int PRIMARY KEY, name text, quantity int, price numeric(10, 2), updated_at timestamptz DEFAULT now())`;
    await sql`INSERT INTO things SELECT n, 'thing number ' || n, n % 1000, n % 9973 / 100.0 FROM generate_series(1, ${rows}::int) n`;
    await sql`VACUUM ANALYZE things`;
    const cli = await Cli.create();
    await cli.configure({ tables: [{ relation: TABLE }] });
    const folder = await mkdtemp(join(tmpdir(), "datahub-sync-narrow-"));
    return new NarrowStage(sql, server.url(), cli, folder, async () => {
      await sql.end();
      await Promise.all([server.stop(), cli.remove(), rm(folder, { recursive: true })]);
    });
  }

  /** Every hundredth row. */
  async changeOnePercent(): Promise<void> {
    await this.sql`UPDATE things SET quantity = quantity + 1, updated_at = now() WHERE id % 100 = 7`;
  }

  async withOurs<T>(work: (ours: Contestant) => Promise<T>): Promise<T> {
    const tables = { [TABLE]: table };
    const deployment = LocalDeployment.create({
      schema: defineSchema({ ...datahubSyncTables, ...tables }),
      modules: { datahubSync: defineDatahubSync({ tables }) },
      env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
    });
    const served = await serveLocalDeployment(deployment);
    const withKey = (environment: Record<string, string>) => ({
      ...environment,
      CONVEX_SYNC_AUTH_KEY: SYNC_KEY,
    });
    const sides = { databaseUrl: this.url, convexUrl: served.url };
    const ours = await Contestant.open(OURS, sides, deployment, (environment, flags) =>
      this.cli.run(withKey(environment), "sync", "--json", ...flags),
    );
    await this.cli.run(withKey(ours.environment), "migrate");
    return finish(ours, served, work);
  }

  async withCursor<T>(programs: Programs, work: (cursor: Contestant) => Promise<T>): Promise<T> {
    const served = await servePeerDeployment({
      [TABLE]: defineTable(table.validator.fields).index("by_source_id", ["id"]),
    });
    const sides = { databaseUrl: this.url, convexUrl: served.convexUrl };
    const start = startProgram(programs, "cursor", this.folder, [TABLE]);
    return finish(await Contestant.open(CURSOR, sides, served.deployment, start), served, work);
  }

  async close(): Promise<void> {
    await this.stop();
  }
}

async function finish<T>(
  contestant: Contestant,
  served: { close(): Promise<void> },
  work: (contestant: Contestant) => Promise<T>,
): Promise<T> {
  try {
    return await work(contestant);
  } finally {
    await contestant.close();
    await served.close();
  }
}
