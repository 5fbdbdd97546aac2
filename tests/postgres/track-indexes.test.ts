import { beforeAll, describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("the index of the key's text (Postgres %i)", (version) => {
  const table = useTable({ version });
  beforeAll(async () => {
    await table.run(`
      CREATE DOMAIN measure AS float8;
      CREATE DOMAIN length AS measure;
      CREATE DOMAIN code AS text;
      CREATE DOMAIN short_code AS code CHECK (length(VALUE) < 9);
      CREATE DOMAIN token AS uuid;
      CREATE TYPE mood AS ENUM ('sad', 'glad')`);
  });

  /** Tracks a table with these columns, and returns the definition of the index, if it got one. */
  async function keyIndexes(columns: string, name = '"a table"'): Promise<string[]> {
    await table.run(`CREATE TABLE ${name} (${columns})`);
    await track(table.sql, name);
    const found = await table.sql<{ definition: string }[]>`
      SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
       WHERE relname LIKE 'datahub\\_sync\\_key\\_%' AND indrelid = ${name}::text::regclass`;
    await table.run(`DROP TABLE ${name}`);
    return found.map(({ definition }) => definition);
  }

  test.each(["int", "text", "varchar(9)", "char(3)", "numeric", "bool", "inet", "code", "short_code"])(
    "is made for %s",
    async (type) => {
      expect(await keyIndexes(`id ${type} PRIMARY KEY`)).toHaveLength(1);
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
    for (const type of types) expect([type, await keyIndexes(`id ${type} PRIMARY KEY`)]).toEqual([type, []]);
  });

  test("is made whatever the columns and the table are called", async () => {
    const [first, second, third] = [`"(x.id"`, `"(x.""(x.id"")::text"`, `"replace("`];
    const columns = `${first} text, ${second} text, ${third} int, PRIMARY KEY (${first}, ${second}, ${third})`;
    expect(await keyIndexes(columns, `"(x. ""t"" '$1' \\"`)).toHaveLength(1);
  });
});
