import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { openReader } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track } from "../support/tracked-table.js";

/** Statements of owners that an added column or index would make fail. */
describe.each(ALL_POSTGRES_VERSIONS)(
  "invariant 12: what worked before tracking works (Postgres %i)",
  (version) => {
    const table = useTable({ version });
    const { run, make, newEntries } = table;

    async function copy(rows: string): Promise<void> {
      await table.sql.begin(async (tx) => {
        await pipeline(Readable.from([rows]), await tx.unsafe(`COPY ${table.name} FROM STDIN`).writable());
      });
    }

    test("COPY and INSERT by position, and SELECT * into an archive", async () => {
      await run("CREATE TABLE $t_archive (id int, a text, updated_at timestamp)");
      await make("id int PRIMARY KEY, a text, updated_at timestamp", { updatedAt: "content" });
      await copy("1\ta\t2020-01-01\n");
      await run("INSERT INTO $t VALUES (2, 'b', now())");
      await run("INSERT INTO $t_archive SELECT * FROM $t");
      await run("INSERT INTO $t SELECT id + 10, a, updated_at FROM $t_archive");
      expect(
        await run(
          "SELECT count(*)::int AS n FROM (SELECT * FROM $t UNION SELECT * FROM $t_archive) AS all_rows",
        ),
      ).toEqual([{ n: 4 }]);
      await run("CREATE TABLE $t_like (LIKE $t INCLUDING ALL)");
      expect(await newEntries("INSERT INTO $t_like SELECT * FROM $t")).toEqual([]);
    });

    test("a key of a text as long as the owner's index takes, which is not compressed", async () => {
      await make("id text PRIMARY KEY, a text");
      // Random, so that it stays as long as it is: 2,690 characters.
      const text =
        "(SELECT left(string_agg(md5(n::text || random()), ''), 2690) FROM generate_series(1, 90) n)";
      await run(`INSERT INTO $t VALUES (${text}, 'a')`);
      const [row] = await run("SELECT id FROM $t");
      const id = row!["id"] as string;
      expect(id).toHaveLength(2690);
      expect(await newEntries("UPDATE $t SET a = 'b'")).toEqual([`u ${id}`]);
      const reader = await openReader(table.database, table.name);
      expect(await reader.existing([id])).toEqual(new Set([id]));
      expect(await newEntries("UPDATE $t SET id = 'short'")).toEqual(["i short", `d ${id}`]);
      await run(`UPDATE $t SET id = ${text}`);
      await run("DELETE FROM $t");
    });

    test("a key of two texts full of what a key text may use as marks", async () => {
      await make("p text, q text, a text, PRIMARY KEY (p, q)");
      const parts = (mark: string) =>
        `repeat(${mark}, 1300), (SELECT left(string_agg(md5(random()::text), ${mark}), 1370) FROM generate_series(1, 90) n)`;
      for (const mark of ["','", "chr(1)", "chr(2)", "'\\'", "'\"'"]) {
        await run(`INSERT INTO $t VALUES (${parts(mark)})`);
        const reader = await openReader(table.database, table.name);
        const [key] = await reader.allKeys(null, 10);
        expect(await newEntries("UPDATE $t SET a = 'b'")).toEqual([`u ${key!}`]);
        expect(await reader.existing([key!])).toEqual(new Set([key]));
        expect((await reader.rows([key!], 1000)).rows).toMatchObject([{ key }]);
        expect(await newEntries("DELETE FROM $t")).toEqual([`d ${key!}`]);
      }
    });

    test("a key of 32 columns", async () => {
      const names = Array.from({ length: 32 }, (_, n) => `k${n}`);
      const types = ["int", "text", "date", "uuid"];
      const columns = names.map((name, n) => `${name} ${types[n % 4]!}`).join(", ");
      await make(`${columns}, a text, PRIMARY KEY (${names.join(", ")})`);
      const values = ["-17", "'x,'", "'2024-02-29'", "'00000000-0000-4000-8000-000000000001'"];
      await run(`INSERT INTO $t VALUES (${names.map((_, n) => values[n % 4]!).join(", ")}, 'a')`);
      const reader = await openReader(table.database, table.name);
      const [key] = await reader.allKeys(null, 10);
      expect(await newEntries("UPDATE $t SET a = 'b'")).toEqual([`u ${key!}`]);
      expect(await newEntries("UPDATE $t SET k31 = k3, k0 = k0, a = 'b'")).toEqual([]);
      expect(await reader.existing([key!])).toEqual(new Set([key]));
      expect(await reader.keyHashes(key!, 10)).toEqual([]);
      const [moved] = await newEntries("UPDATE $t SET k31 = 'ffffffff-0000-4000-8000-000000000001'");
      expect((await reader.keyHashes(key!, 10)).map((row) => `i ${row.key}`)).toEqual([moved]);
    });

    test.each([
      ["content", "int2"],
      ["as-written", "text"],
      ["content", "text"],
    ] as const)("a table of 1,599 columns, updated_at %s, most of %s", async (updatedAt, type) => {
      const names = Array.from({ length: 1597 }, (_, n) => `c${n}`);
      const columns = names.map((name, n) => `${name} ${n % 7 === 0 ? "text" : type}`);
      await make(`id int PRIMARY KEY, updated_at timestamp, ${columns.join(", ")}`, { updatedAt });
      await run("INSERT INTO $t (id, updated_at, c0, c1596) VALUES (1, '2020-01-01', 'a', '1')");
      expect(await newEntries("UPDATE $t SET c0 = 'a', c1596 = '1'")).toEqual([]);
      expect(await newEntries("UPDATE $t SET c1596 = '2'")).toEqual(["u a1"]);
      expect(await newEntries("UPDATE $t SET c0 = 'x'")).toEqual(["u a1"]);
      expect(await newEntries("UPDATE $t SET id = 2")).toEqual(["i a2", "d a1"]);
      await copy(`5\t2020-01-01\t${names.map(() => "\\N").join("\t")}\n`);
      expect(await newEntries("DELETE FROM $t")).toEqual(["d a2", "d a5"]);
      // The last column that Postgres has room for.
      await run("ALTER TABLE $t ADD COLUMN last int");
      await run("INSERT INTO $t (id, last) VALUES (9, 1)");
    });

    test("a table with none but its key's columns, and one with none but ignored ones beside it", async () => {
      await make("id int PRIMARY KEY");
      expect(await newEntries("INSERT INTO $t VALUES (1)")).toEqual(["i a1"]);
      expect(await newEntries("UPDATE $t SET id = 1")).toEqual([]);
      expect(await newEntries("UPDATE $t SET id = 2")).toEqual(["i a2", "d a1"]);
      table.name += "_b";
      await make("id int PRIMARY KEY, updated_at timestamp", {
        updatedAt: "content",
        ignored: ["updated_at"],
      });
      await run("INSERT INTO $t VALUES (1, '2020-01-01')");
      expect(await newEntries("UPDATE $t SET updated_at = now()")).toEqual([]);
    });

    test("changes of the table itself", async () => {
      await run("CREATE TABLE $t_other (id int PRIMARY KEY)");
      await make("id int PRIMARY KEY, a text, b int, updated_at timestamp", { updatedAt: "content" });
      for (const change of [
        "ALTER TABLE $t DROP COLUMN a",
        "ALTER TABLE $t ALTER b TYPE text",
        "ALTER TABLE $t RENAME b TO c",
        "ALTER TABLE $t ADD other int REFERENCES $t_other",
        "ALTER TABLE $t DROP CONSTRAINT $t_pkey",
        "ALTER TABLE $t ADD PRIMARY KEY (id)",
        "ALTER TABLE $t DROP COLUMN updated_at",
        "ALTER TABLE $t SET UNLOGGED",
        "ALTER TABLE $t SET LOGGED",
        "ALTER TABLE $t ENABLE ROW LEVEL SECURITY",
        "CLUSTER $t USING $t_pkey",
        "VACUUM FULL $t",
        "ALTER TABLE $t RENAME COLUMN id TO key",
        "ALTER TABLE $t DROP COLUMN key",
        "CREATE TABLE $t_heir () INHERITS ($t)",
        "DROP TABLE $t CASCADE",
      ]) {
        await run(change);
      }
    });

    test("dropping the schema, tables and all, leaves no trace and no failure", async () => {
      await run("CREATE SCHEMA s$t; CREATE TABLE s$t.x (id int PRIMARY KEY)");
      await track(table.sql, table.named("s$t.x"));
      await run("DROP SCHEMA s$t CASCADE");
      await make("id int PRIMARY KEY");
      expect(await newEntries("INSERT INTO $t VALUES (1)")).toEqual(["i a1"]);
    });
  },
);
