import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { datahubSyncTables, defineDatahubSync } from "../../src/package/convex.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { compareMirror } from "../support/compare-mirror.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { logEntries, type LogEntry } from "../support/tracked-table.js";
import { CliProcess } from "./cli-process.js";
import { OwnersProject } from "./owners-project.js";

const SYNC_KEY = "a key for tests";

const CONFIG = { tables: [{ relation: "orders", updatedAt: "content" }, { relation: "order_lines" }] };

/** @param more further columns */
const ordersFile = (more = "") => `
  import { index, pgEnum, pgTable, serial, timestamp, varchar } from "drizzle-orm/pg-core";

  export const orderState = pgEnum("order_state", ["open", "paid", "sent"]);
  export const orders = pgTable("orders", {
    id: serial().primaryKey(),
    customer: varchar({ length: 80 }).notNull(),
    state: orderState().notNull().default("open"),
    updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
    ${more}
  }, (table) => [index("orders_customer").on(table.customer)]);`;

const linesFile = `
  import { integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
  import { orders } from "./orders";

  export const orderLines = pgTable("order_lines", {
    orderId: integer("order_id").notNull().references(() => orders.id, { onDelete: "cascade" }),
    place: integer().notNull(),
    article: text().notNull(),
  }, (table) => [primaryKey({ columns: [table.orderId, table.place] })]);`;

const FILES = ["orders.ts", "order-lines.ts"];
const PUBLIC = { schemaFilter: ["public"] };

/**
 * drizzle-kit 0.31 reads the columns of a composite key in no order (drizzle-team/drizzle-orm#6078): any push may make
 * the unchanged key anew, whether we are there or not. Nothing else may be in a push of an unchanged schema.
 */
const KEY_MADE_ANEW = [
  'ALTER TABLE "order_lines" DROP CONSTRAINT "order_lines_order_id_place_pk"',
  'ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_order_id_place_pk" PRIMARY KEY("order_id","place")',
];

const besidesTheKey = (statements: string[]) => statements.filter((each) => !KEY_MADE_ANEW.includes(each));

/** What uses the code that was pulled. */
const SCRIPT = `
  import { drizzle } from "drizzle-orm/postgres-js";
  import * as relations from "./pulled/relations";
  import * as schema from "./pulled/schema";

  const db = drizzle(process.env.DATABASE_URL!, { schema: { ...schema, ...relations } });
  const [order] = await db.insert(schema.orders).values({ customer: "Dora" }).returning();
  await db.insert(schema.orderLines).values({ orderId: order!.id, place: 1, article: "glue" });
  const found = await db.query.orders.findFirst({
    where: (orders, { eq }) => eq(orders.id, order!.id),
    with: { orderLines: true },
  });
  console.log(JSON.stringify({ exports: Object.keys(schema).sort(), articles: found!.orderLines.map((line) => line.article) }));
  await db.$client.end();`;

/** All that is ours in the database: which triggers, functions and tables by their rows in the catalog, and the log. */
interface Ours {
  triggers: readonly { name: string }[];
  schema: readonly unknown[];
  log: LogEntry[][];
}

describe("an owner who works with drizzle-kit", () => {
  let database: TestDatabase;
  let deployment: LocalDeployment;
  let served: ServedDeployment;
  let cli: CliProcess;
  let owner: OwnersProject;

  beforeAll(async () => {
    database = await createTestDatabase();
    const tables = { orders: defineTable(v.any()), order_lines: defineTable(v.any()) };
    deployment = LocalDeployment.create({
      modules: { datahubSync: defineDatahubSync({ tables }) },
      schema: defineSchema({ ...datahubSyncTables, ...tables }),
      env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
    });
    served = await serveLocalDeployment(deployment);
    const { url } = database;
    cli = await CliProcess.create({
      DATABASE_URL: url,
      CONVEX_URL: served.url,
      CONVEX_SYNC_AUTH_KEY: SYNC_KEY,
    });
    await writeFile(join(cli.folder, "datahub-sync.config.json"), JSON.stringify(CONFIG));
    owner = await OwnersProject.create(url);
    await owner.write("orders.ts", ordersFile());
    await owner.write("order-lines.ts", linesFile);
  }, 300_000); // the command line may have to be built, beside other tests
  afterAll(async () => {
    await owner.remove();
    await cli.remove();
    await served.close();
    await database.drop();
  });

  /** Each kind of change, on both tables. */
  async function writeRows(): Promise<void> {
    const { sql } = database;
    await sql`
      WITH made AS (INSERT INTO orders (customer) VALUES ('Ann'), ('Ben'), ('Cleo') RETURNING id)
      INSERT INTO order_lines SELECT id, place, 'nails' FROM made, generate_series(1, 3) place`;
    await sql`UPDATE orders SET state = 'paid' WHERE customer = 'Ann'`;
    await sql`UPDATE order_lines SET article = 'screws' WHERE place = 2`;
    await sql`DELETE FROM orders WHERE customer = 'Cleo'`;
  }

  async function readOurs(): Promise<Ours> {
    const { sql } = database;
    return {
      triggers: await sql<{ name: string }[]>`
        SELECT tgname AS name, tgrelid::regclass::text AS table, oid, xmin::text, tgenabled FROM pg_trigger
         WHERE NOT tgisinternal ORDER BY tgname`,
      schema: await sql`
        SELECT relname AS name, oid, xmin::text FROM pg_class WHERE relnamespace = 'datahub_sync'::regnamespace
         UNION ALL
        SELECT proname, oid, xmin::text FROM pg_proc WHERE pronamespace = 'datahub_sync'::regnamespace ORDER BY 1, 2`,
      log: await Promise.all(["orders", "order_lines"].map((table) => logEntries(sql, table))),
    };
  }

  /** A run in this mode that leaves both mirrors equal to their tables. */
  async function expectMirrored(mode: "full" | "delta"): Promise<void> {
    const tables = CONFIG.tables.map(({ relation: table }) => ({ table, mode }));
    expect(await cli.sync()).toMatchObject({ code: 0, report: { ok: true, tables } });
    for (const { relation: name } of CONFIG.tables) {
      await compareMirror(database.sql, deployment, {
        relation: { schema: "public", name },
        name,
        base: null,
        key: null,
        ignore: [],
        updatedAt: "as-written",
        exclude: [],
        columns: {},
      });
    }
  }

  test("his push makes the tables, and migrate tracks them", async () => {
    expect(await owner.push(FILES, PUBLIC)).toHaveLength(5);
    await writeRows();
    expect(await cli.run(["migrate"])).toMatchObject({ code: 0 });
    await expectMirrored("full");
  });

  test("his push of the unchanged schema finds nothing of ours and leaves everything as it was", async () => {
    await writeRows();
    const before = await readOurs();
    expect(before.triggers.map(({ name }) => name)).toEqual([
      "zzz_datahub_sync_1_content",
      "zzz_datahub_sync_1_log",
      "zzz_datahub_sync_1_truncate",
      "zzz_datahub_sync_2_log",
      "zzz_datahub_sync_2_truncate",
    ]);
    expect(before.log.map((entries) => entries.length)).toEqual([5, 15]);

    expect(await owner.push(["orders.ts"], { ...PUBLIC, tablesFilter: ["orders"] })).toEqual([]);
    expect(besidesTheKey(await owner.push(FILES, PUBLIC))).toEqual([]);
    expect(besidesTheKey(await owner.push(FILES))).toEqual([]);
    expect(await readOurs()).toEqual(before);
    await database.sql.unsafe(KEY_MADE_ANEW.join(";")); // if the push did not, another one will

    await writeRows();
    await expectMirrored("delta");
  });

  test("his push of a new column works, writers go on, and migrate makes all well", async () => {
    const before = await readOurs();
    await owner.write("orders.ts", ordersFile("note: text(),").replace("varchar }", "varchar, text }"));
    const statements = besidesTheKey(await owner.push(FILES, PUBLIC));
    expect(statements).toEqual(['ALTER TABLE "orders" ADD COLUMN "note" text']);
    expect(await readOurs()).toEqual(before);

    await writeRows();
    await database.sql`UPDATE orders SET note = 'by hand' WHERE customer = 'Ben'`;
    expect(await cli.run(["migrate"])).toMatchObject({ code: 0 });
    const tables = [{ mode: "full" }, { mode: "delta" }];
    expect(await cli.sync()).toMatchObject({ code: 0, report: { ok: true, tables } });
    await database.sql`UPDATE orders SET note = 'once more' WHERE customer = 'Ann'`;
    await expectMirrored("delta");
  });

  test("what he pulls has nothing of ours, compiles, and works", async () => {
    const pulled = await owner.pull(PUBLIC);
    expect(pulled).not.toMatch(/datahub|sync|zzz_|changes/i);
    expect(await owner.pull()).toBe(pulled);
    await owner.compilePulled();
    const said = JSON.parse(await owner.runScript(SCRIPT)) as unknown;
    expect(said).toEqual({
      exports: ["orderLines", "orderState", "orders"],
      articles: ["glue"],
    });
    await expectMirrored("delta");
  });
});
