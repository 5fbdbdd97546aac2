import { once } from "node:events";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parse } from "dotenv";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliProcess, type Running } from "./cli-process.js";
import { ConvexCli } from "./convex-cli.js";

/** What somebody brings who has heard of this an hour ago. */
const SCHEMA = `
  CREATE TYPE state AS ENUM ('open', 'sent', 'paid');
  CREATE TABLE orders (region text, number serial, state state NOT NULL DEFAULT 'open', total numeric(12,2),
                       tags text[], placed_at timestamptz, PRIMARY KEY (region, number));
  INSERT INTO orders (region, state, total, tags, placed_at)
  SELECT 'r' || n % 3, (ARRAY['open', 'sent', 'paid']::state[])[1 + n % 3], n * 1.5, ARRAY['a', NULL, n::text],
         timestamptz '2026-01-01 00:00:00.123456+00' + n * interval '1 hour'
    FROM generate_series(1, 300) n;
  CREATE VIEW unpaid AS SELECT region, number, total FROM orders WHERE state <> 'paid';`;

const CONFIGURATION = {
  tables: [{ relation: "orders" }, { relation: "unpaid" }],
};

const MIRRORS = `
  import { defineTable } from "convex/server";
  import { v } from "convex/values";
  import { mirrored } from "./datahubSync/mirrored";
  export const mirrorTables = {
    orders: defineTable({
      region: mirrored(v.string()),
      number: mirrored(v.number()),
      state: mirrored(v.string()),
      total: mirrored(v.number()),
      tags: mirrored(v.any()),
      placed_at: mirrored(v.string()),
    }).index("by_number", ["region", "number"]),
    unpaid: defineTable({
      region: mirrored(v.string()),
      number: mirrored(v.number()),
      total: mirrored(v.number()),
    }),
  };`;

const DATAHUB_SYNC = `
  import { defineDatahubSync } from "./datahubSync/functions";
  import { mirrorTables } from "./mirrors";
  export const {
    handshake, beginRuns, rotateFence, applyBatch, finishRuns, listLedger, listDocuments, listMissing, lookupKeys, readDocuments,
  } = defineDatahubSync({ tables: mirrorTables });`;

const APP_SCHEMA = `
  import { defineSchema, defineTable } from "convex/server";
  import { v } from "convex/values";
  import { datahubSyncTables } from "./datahubSync/ledger";
  import { mirrorTables } from "./mirrors";
  export default defineSchema({
    ...mirrorTables,
    ...datahubSyncTables,
    users: defineTable({ name: v.string() }),
  });`;

const project = fileURLToPath(new URL("../..", import.meta.url));

describe("tables of one's own, through a real deploy to the local deployment", () => {
  let cli: CliProcess;
  let local: Running;
  let convex: ConvexCli;
  let sql: Sql;
  const run = (...args: string[]) => cli.run([...args, "--env-file", ".env.mine"]);

  beforeAll(async () => {
    cli = await CliProcess.create();
    local = cli.start(["local", "--empty", "--write-env", ".env.mine"]);
    const [line] = (await once(createInterface(local.child.stdout!), "line")) as [string];
    expect(JSON.parse(line)).toMatchObject({ ready: true, rows: {} });
    const variables = parse(await readFile(join(cli.folder, ".env.mine")));
    sql = postgres(variables["DATABASE_URL"]!, { max: 1, onnotice: () => {} });
    await sql.unsafe(SCHEMA);
    convex = await ConvexCli.create({
      url: variables["CONVEX_SELF_HOSTED_URL"]!,
      adminKey: variables["CONVEX_SELF_HOSTED_ADMIN_KEY"]!,
    });
    await mkdir(join(convex.folder, "convex"));
    await cp(join(project, "convex/datahubSync"), join(convex.folder, "convex/datahubSync"), {
      recursive: true,
    });
    await convex.write({ "mirrors.ts": MIRRORS, "datahubSync.ts": DATAHUB_SYNC, "schema.ts": APP_SCHEMA });
    await writeFile(join(cli.folder, "datahub-sync.config.json"), JSON.stringify(CONFIGURATION));
  }, 120_000);
  afterAll(async () => {
    await sql.end();
    local.child.kill("SIGTERM");
    await local.finished;
    await cli.remove();
    await convex.remove();
  });

  it("says that nothing is deployed, before anything is", async () => {
    expect(await run("migrate")).toMatchObject({ code: 0 });
    const early = await run("sync");
    expect(early.code).not.toBe(0);
    expect(early.stderr).toContain("npx convex deploy");
  }, 60_000);

  it("mirrors them once they are deployed, beside what the app has", async () => {
    const { exitCode, output } = await convex.attempt("deploy", "--typecheck", "disable");
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const first = await cli.sync(["--env-file", ".env.mine"]);
    expect(first).toMatchObject({ code: 0, report: { totals: { inserted: 300 + 200 } } });

    await sql`UPDATE orders SET state = 'paid' WHERE number = 1`;
    const next = await cli.sync(["--env-file", ".env.mine"]);
    expect(next).toMatchObject({ code: 0, report: { totals: { updated: 1, deleted: 1 } } });
    const documents = await convex.documents("orders");
    const rows = await sql`
      SELECT region, number, state::text, total::float8, to_json(tags) AS tags,
             to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS placed_at FROM orders`;
    const shown = (list: readonly object[]) => list.map((each) => JSON.stringify(each, KEYS)).sort();
    expect(shown(documents)).toEqual(shown([...rows]));
  }, 120_000);

  it("a deploy in the middle of a run changes nothing of what arrives", async () => {
    await sql`UPDATE orders SET total = total + 1`;
    const [deployed, synced] = await Promise.all([
      convex.attempt("deploy", "--typecheck", "disable"),
      cli.sync(["--full", "--env-file", ".env.mine"]),
    ]);
    expect(deployed.exitCode).toBe(0);
    expect(synced.code).toBe(0);
    const sum = (await convex.documents("orders")).reduce((total, { total: t }) => total + Number(t), 0);
    const [row] = await sql<[{ sum: number }]>`SELECT sum(total)::float8 AS sum FROM orders`;
    expect(sum).toBeCloseTo(row.sum, 6);
  }, 120_000);
});

const KEYS = ["region", "number", "state", "total", "tags", "placed_at"];
