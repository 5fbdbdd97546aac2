import { once } from "node:events";
import { existsSync } from "node:fs";
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
  CREATE TABLE customers (email text NOT NULL UNIQUE, password_hash text, last_seen timestamptz);
  INSERT INTO customers SELECT 'c' || n || '@example.com', 'x', now() FROM generate_series(1, 5) n;
  CREATE VIEW unpaid AS SELECT region, number, total FROM orders WHERE state <> 'paid';
  CREATE VIEW per_region AS SELECT region, count(*) AS orders, sum(total) AS total FROM orders GROUP BY region;`;

/** The app has a table of its own, and mirrors beside it. */
const APP_SCHEMA = `
  import { defineSchema, defineTable } from "convex/server";
  import { v } from "convex/values";
  import { datahubSyncTables } from "./datahubSync/ledger.js";
  import { mirrorTables } from "./mirrors.js";
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
    for (const folder of [cli.folder, convex.folder]) {
      await mkdir(join(folder, "convex"));
      await cp(join(project, "convex/datahubSync"), join(folder, "convex/datahubSync"), { recursive: true });
      await cp(join(project, "convex/tsconfig.json"), join(folder, "convex/tsconfig.json"));
    }
    await convex.write({ "schema.ts": APP_SCHEMA });
  }, 120_000);
  afterAll(async () => {
    await sql.end();
    local.child.kill("SIGTERM");
    await local.finished;
    await cli.remove();
    await convex.remove();
  });

  it("init says what there is, asks for what it cannot know, and overwrites nothing", async () => {
    const listed = await run("init", "--list");
    expect(listed.stdout).toMatch(/^orders .* region, number$/m);
    expect(listed.stdout).toContain(
      "per_region  The view per_region does not show the rows of orders one by one, and has no key",
    );
    expect(await run("init")).toMatchObject({ code: 2, stdout: "" });
    const shown = await run("init", "--all", "--key", "per_region=region", "--dry-run");
    // Of orders, which a view shows as well, and of customers.
    expect(shown.stdout).toContain("triggers to 2 tables");
    expect(shown.stdout).toContain("excluded: password_hash");
    expect(existsSync(join(cli.folder, "convex/mirrors.ts"))).toBe(false);

    const written = await run("init", "--all", "--key", "per_region=region", "--yes", "--json");
    expect(JSON.parse(written.stdout)).toMatchObject({
      written: true,
      chosen: ["customers", "orders", "per_region", "unpaid"],
    });
    for (const file of ["mirrors.ts", "datahubSync.ts"])
      await cp(join(cli.folder, "convex", file), join(convex.folder, "convex", file));
    const again = await run("init", "--all", "--key", "per_region=region", "--yes");
    expect(again.stdout).not.toContain("Written:");
  }, 60_000);

  it("says that nothing is deployed, before anything is", async () => {
    expect(await run("migrate")).toMatchObject({ code: 0 });
    const early = await run("sync");
    expect(early.code).not.toBe(0);
    expect(early.stderr).toContain("npx convex deploy");
  }, 60_000);

  it("adopt takes over what somebody had imported, after counts and a yes, and removes the rest when told to", async () => {
    // What was generated is type-checked by the real CLI.
    const { exitCode, output } = await convex.attempt("deploy", "--typecheck", "enable");
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const file = join(convex.folder, "customers.jsonl");
    const emails = ["c1@example.com", "c2@example.com", "c2@example.com", "nobody@example.com"];
    await writeFile(file, emails.map((email) => JSON.stringify({ email })).join("\n"));
    await convex.run("import", file, "--table", "customers");
    const imported = (await convex.documents("customers")).map(({ _id }) => _id);

    const unasked = await run("adopt", "--table", "customers");
    expect(unasked).toMatchObject({ code: 2, stdout: "" });
    expect(unasked.stderr).toContain("Look with --dry-run, and add --yes.");
    const looked = await run("adopt", "--table", "customers", "--dry-run", "--json");
    expect(looked.code).toBe(0);
    expect(JSON.parse(looked.stdout)).toMatchObject({
      ok: true,
      run: null,
      tables: [{ table: "customers", equal: 2, differing: 0, withoutRow: 1, doubles: 1, withoutKey: 0 }],
    });
    expect(await convex.documents("customers")).toHaveLength(4);

    const adopted = await run("adopt", "--table", "customers", "--yes");
    expect(adopted.code).toBe(5);
    expect(adopted.stdout).toMatch(/^customers +2 +0 +1 +1 +0$/m);
    const kept = (await convex.documents("customers")).map(({ _id }) => _id);
    expect(kept).toEqual(expect.arrayContaining(imported));
    expect(kept).toHaveLength(4 + 3);
    expect(await run("adopt", "--table", "customers", "--remove", "--yes")).toMatchObject({ code: 0 });
    expect(await convex.documents("customers")).toHaveLength(5);
  }, 120_000);

  it("mirrors them once they are deployed, beside what the app has", async () => {
    const first = await cli.sync(["--env-file", ".env.mine"]);
    expect(first).toMatchObject({ code: 0, report: { totals: { inserted: 300 + 200 + 3 } } });

    await sql`UPDATE orders SET state = 'paid' WHERE number = 1`;
    const next = await cli.sync(["--env-file", ".env.mine"]);
    expect(next).toMatchObject({ code: 0, report: { totals: { updated: 1, deleted: 1 } } });
    const verified = await run("verify");
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain("Equal: 507 rows of 4 tables, value by value.");
    const documents = await convex.documents("orders");
    const rows = await sql`
      SELECT region, number, state::text, total::float8, to_json(tags) AS tags,
             to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS placed_at FROM orders`;
    const shown = (list: readonly object[]) => list.map((each) => JSON.stringify(each, KEYS)).sort();
    expect(shown(documents)).toEqual(shown([...rows]));
  }, 120_000);

  it("an added column is told with the line to add, and written by schema", async () => {
    expect(await run("schema", "--check")).toMatchObject({ code: 0 });
    await sql`ALTER TABLE orders ADD COLUMN note text`;
    const checked = await run("schema", "--check");
    expect(checked.code).toBe(3);
    expect(checked.stdout).toContain("orders  lacks     note: mirrored(v.string()),");
    expect(await run("schema")).toMatchObject({ code: 0 });
    const module = await readFile(join(cli.folder, "convex/mirrors.ts"), "utf8");
    expect(module).toContain("note: mirrored(v.string()),");
    expect(module).toContain('.index("by_key", ["region", "number"])');
    await writeFile(
      join(cli.folder, "convex/mirrors.ts"),
      `// by hand\n${module.replace(/^ *note.*\n/m, "")}`,
    );
    const refused = await run("schema");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("was written by somebody");
    await sql`ALTER TABLE orders DROP COLUMN note`;
  }, 60_000);

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
