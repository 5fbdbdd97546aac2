import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { track } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("the index of the key's text (Postgres %i)", (version) => {
  let db: MigratedDatabase;
  beforeAll(async () => {
    db = await createMigratedDatabase({ version });
    await db.sql.unsafe(`
      CREATE DOMAIN measure AS float8;
      CREATE DOMAIN length AS measure;
      CREATE DOMAIN code AS text;
      CREATE DOMAIN short_code AS code CHECK (length(VALUE) < 9);
      CREATE DOMAIN token AS uuid;
      CREATE TYPE mood AS ENUM ('sad', 'glad')`);
  });
  afterAll(() => db.drop());

  /** Tracks a table with such a key, and returns the definitions of the index, if it got one. */
  async function keyIndexes(table: string, columns: string): Promise<string[]> {
    await db.sql.unsafe(`CREATE TABLE "${table.replaceAll('"', '""')}" (${columns})`);
    await track(db.sql, `"${table.replaceAll('"', '""')}"`);
    const found = await db.sql<{ definition: string }[]>`
      SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
       WHERE relname LIKE 'datahub\\_sync\\_key\\_%' AND indrelid = (SELECT oid FROM pg_class WHERE relname = ${table})`;
    return found.map(({ definition }) => definition);
  }

  test.each(["int", "text", "varchar(9)", "char(3)", "numeric", "bool", "inet", "code", "short_code"])(
    "is made for %s",
    async (type) => {
      expect(await keyIndexes(`of ${type}`, `id ${type} PRIMARY KEY`)).toHaveLength(1);
    },
  );

  test.each([
    ["the column's own order is the text's", ["uuid", "token"]],
    [
      "writers with other settings would index other texts",
      ["float8", "measure", "length", "bytea", "interval"],
    ],
    ["the text depends on settings", ["timestamptz", "mood", "float8[]"]],
  ])("is not made where %s", async (_, types) => {
    for (const type of types)
      expect([type, await keyIndexes(`of ${type}`, `id ${type} PRIMARY KEY`)]).toEqual([type, []]);
  });

  test("is made whatever the columns and the table are called", async () => {
    const table = `(x. "t" '$1' \\`;
    const columns = `"(x.id" text, "(x.""(x.id"")::text" text, "replace(" int`;
    const indexes = await keyIndexes(
      table,
      `${columns}, PRIMARY KEY ("(x.id", "(x.""(x.id"")::text", "replace(")`,
    );
    expect(indexes).toHaveLength(1);
  });
});
