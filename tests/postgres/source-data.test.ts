import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { insertRows } from "../../local/data/insert-rows.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { createOtherJob, type TouchedRows } from "../../local/data/other-job.js";
import { findSourceTable, SOURCE_TABLES, type SourceTableName } from "../../local/data/source-tables.js";
import { packageRoot } from "../../src/package-root.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

type Rows = Map<string, Record<string, unknown>>;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await createSourceTables(database.sql);
});
afterEach(() => database.drop());

/** Every table's rows by id, values as Postgres prints them. */
async function readAll(sql = database.sql): Promise<Record<SourceTableName, Rows>> {
  const all = {} as Record<SourceTableName, Rows>;
  for (const { name, columns } of SOURCE_TABLES) {
    const printed = columns.map((column) => `"${column}"::text`).join(", ");
    const rows = await sql.unsafe<Record<string, string>[]>(`SELECT ${printed} FROM ${name}`);
    all[name] = new Map(rows.map((row) => [row["id"]!, { ...row }]));
  }
  return all;
}

function without(rows: Rows, columns: string[]): Rows {
  const copy = structuredClone(rows);
  for (const row of copy.values()) for (const column of columns) delete row[column];
  return copy;
}

const sizes = (touched: TouchedRows) =>
  Object.fromEntries(Object.entries(touched).map(([name, ids]) => [name, new Set(ids).size]));

test("the committed DDL is what the Drizzle schema says", () => {
  const drizzleKit = join(packageRoot(), "node_modules", "drizzle-kit", "bin.cjs");
  const printed = execFileSync(
    process.execPath,
    [drizzleKit, "export", "--config", "drizzle.source.config.ts", "--sql"],
    { cwd: packageRoot(), encoding: "utf8" },
  );
  const committed = readFileSync(join(packageRoot(), "local/source-schema/tables.sql"), "utf8");
  expect(committed).toBe(printed);
});

test("every table gets its share of the rows, the same for the same seed", async () => {
  const counts = await fillSourceTables(database.sql, { seed: 3, scale: 0.01 });
  expect(counts).toEqual({
    sow_poles: 45,
    sow_drops: 237,
    nokia_exports: 19,
    onemap_installations: 217,
    onemap_poles: 54,
    lawley_activations: 19,
    mohadin_activations: 4,
  });
  const first = await readAll();
  for (const { name } of SOURCE_TABLES) expect(first[name].size).toBe(counts[name]);

  const again = await createTestDatabase();
  try {
    await createSourceTables(again.sql);
    await fillSourceTables(again.sql, { seed: 3, scale: 0.01 });
    expect(await readAll(again.sql)).toEqual(first);
  } finally {
    await again.drop();
  }
});

test("awkward text arrives as it was", async () => {
  const table = findSourceTable("sow_poles");
  const awkward = 'back\\slash, tab\t, line\n, return\r, \\N, "quote", façade \u{1F4A1}';
  const row = { ...table.makeRow(1, 0), comments: awkward, raw_data: { awkward, empty: "" }, status: "" };
  await insertRows(database.sql, table, [row]);
  const [stored] =
    await database.sql`SELECT comments, raw_data, status, owner IS NULL AS no_owner FROM sow_poles`;
  expect(stored).toMatchObject({ comments: awkward, raw_data: { awkward, empty: "" }, status: "" });
});

test("a row that Postgres refuses makes the insert fail, with the reason", async () => {
  const table = findSourceTable("sow_poles");
  const row = { ...table.makeRow(1, 0), pon_no: "not a number" };
  await expect(insertRows(database.sql, table, [row])).rejects.toThrow(
    "invalid input syntax for type integer",
  );
  expect(await database.sql`SELECT 1 FROM sow_poles`).toHaveLength(0);
});

describe("the other job", () => {
  beforeEach(() => fillSourceTables(database.sql, { seed: 3, scale: 0.01 }));

  test.each([false, true])(
    "rewrites all rows of five tables and changes none (keepStored %s)",
    async (keepStored) => {
      const before = await readAll();
      const touched = await createOtherJob(database.sql, { seed: 1 }).rewriteAllRows({ keepStored });
      const after = await readAll();
      for (const { name, rewritten } of SOURCE_TABLES) {
        if (!rewritten) {
          expect(touched[name]).toBeUndefined();
          expect(after[name]).toEqual(before[name]);
          continue;
        }
        expect(new Set(touched[name])).toEqual(new Set(before[name].keys()));
        const stamps = ["updated_at", "sync_timestamp"];
        expect(without(after[name], stamps)).toEqual(without(before[name], stamps));
        for (const [id, row] of after[name]) {
          for (const stamp of stamps) expect(row[stamp]).not.toBe(before[name].get(id)?.[stamp]);
        }
      }
    },
  );

  test("changes exactly the rows that it names", async () => {
    const before = await readAll();
    const touched = await createOtherJob(database.sql, { seed: 1 }).changeRows(9);
    expect(sizes(touched)).toEqual({
      sow_poles: 2,
      sow_drops: 2,
      nokia_exports: 1,
      onemap_installations: 1,
      onemap_poles: 1,
      lawley_activations: 1,
      mohadin_activations: 1,
    });
    const after = await readAll();
    for (const { name } of SOURCE_TABLES) {
      const content = (rows: Rows) => without(rows, ["updated_at", "sync_timestamp"]);
      const [was, is] = [content(before[name]), content(after[name])];
      const changed = [...is].filter(([id, row]) => JSON.stringify(row) !== JSON.stringify(was.get(id)));
      expect(new Set(changed.map(([id]) => id))).toEqual(new Set(touched[name]));
      for (const [id, row] of changed) {
        expect(Object.keys(row).filter((column) => row[column] !== was.get(id)?.[column])).toHaveLength(2);
      }
    }
  });

  test("adds and deletes exactly the rows that it names, and counts add up", async () => {
    const before = await readAll();
    const job = createOtherJob(database.sql, { seed: 1 });
    const changed = await job.changeRows(14);
    const added = await job.addRows(20);
    const addedAgain = await job.addRows(3, { tables: ["mohadin_activations"] });
    const deleted = await job.deleteRows(7);
    const after = await readAll();
    for (const { name } of SOURCE_TABLES) {
      const inserted = [...(added[name] ?? []), ...(addedAgain[name] ?? [])];
      const expected = new Set([...before[name].keys(), ...inserted]);
      for (const id of deleted[name]!) {
        expect(before[name].has(id)).toBe(true);
        expect(changed[name]).not.toContain(id);
        expected.delete(id);
      }
      expect(new Set(after[name].keys())).toEqual(expected);
    }
  });

  test("jobs of different seeds choose different rows, those of one seed the same", async () => {
    const choose = async (seed: number) => {
      const rollback = new Error("rollback");
      let touched: TouchedRows = {};
      await database.sql
        .begin(async (transaction) => {
          // A transaction has all of the client that the job uses.
          const client = transaction as unknown as typeof database.sql;
          touched = await createOtherJob(client, { seed }).changeRows(7, { tables: ["sow_drops"] });
          throw rollback;
        })
        .catch((error: unknown) => expect(error).toBe(rollback));
      return new Set(touched.sow_drops);
    };
    const first = await choose(1);
    expect(await choose(1)).toEqual(first);
    expect(await choose(2)).not.toEqual(first);
  });

  test("truncates a table and loads it again, equal in every value", async () => {
    const before = await readAll();
    const touched = await createOtherJob(database.sql, { seed: 1 }).truncateAndReload("sow_drops");
    expect(sizes(touched)).toEqual({ sow_drops: 237 });
    expect(await readAll()).toEqual(before);
  });

  test("truncates a table and loads it again under new ids", async () => {
    const before = await readAll();
    const touched = await createOtherJob(database.sql, { seed: 1 }).truncateAndReload("onemap_poles", {
      newIds: true,
    });
    const after = await readAll();
    expect(new Set(after.onemap_poles.keys())).toEqual(new Set(touched.onemap_poles));
    expect([...after.onemap_poles.keys()].some((id) => before.onemap_poles.has(id))).toBe(false);
    const content = (rows: Rows) =>
      [...without(rows, ["id"]).values()].map((row) => JSON.stringify(row)).sort();
    expect(content(after.onemap_poles)).toEqual(content(before.onemap_poles));
  });
});
