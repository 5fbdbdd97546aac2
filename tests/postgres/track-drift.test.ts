import type { ReservedSql } from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readTracking } from "../../src/source/tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { currentXid, track } from "../support/tracked-table.js";

/**
 * Somebody changes a tracked table while a session goes on writing to it, with plans and functions that it has
 * compiled before.
 */
describe.each(ALL_POSTGRES_VERSIONS)(
  "invariant 12: tracking never fails a write (Postgres %i)",
  (version) => {
    const table = useTable({ version });
    const { run } = table;
    let writer: ReservedSql;
    beforeEach(async () => {
      await table.make("id int PRIMARY KEY, a text, b int, c jsonb, updated_at timestamp");
      writer = await table.sql.reserve();
      await write(1);
    });
    afterEach(() => writer.release());

    /** Every kind of write, in one session, of columns that no test takes away. */
    async function write(first: number): Promise<void> {
      await run(`INSERT INTO $t (id) VALUES (${first}), (${first + 1}), (${first + 2})`, writer);
      await run(`UPDATE $t SET id = id WHERE id = ${first}`, writer);
      await run(`UPDATE $t SET id = ${first + 3} WHERE id = ${first + 1}`, writer);
      await run(`DELETE FROM $t WHERE id = ${first + 2}`, writer);
    }

    async function problem(): Promise<string | null> {
      const [row] = await run("SELECT '$t'::regclass::oid::text AS oid");
      const tracking = await readTracking(table.sql, {
        schema: "public",
        name: table.name,
        oid: row!["oid"] as string,
      });
      return tracking!.problem;
    }

    test.each([
      ["a column dropped", "DROP COLUMN a"],
      ["a wide column dropped", "DROP COLUMN c"],
      ["a column renamed", "RENAME COLUMN a TO z"],
      ["a column retyped", "ALTER COLUMN b TYPE text"],
      ["a column retyped to one without an equality", "ALTER COLUMN a TYPE json USING NULL"],
      ["a column added", "ADD COLUMN d int DEFAULT 5"],
      ["updated_at dropped", "DROP COLUMN updated_at"],
      ["updated_at retyped", "ALTER COLUMN updated_at TYPE date"],
      ["sync_xid dropped", "DROP COLUMN sync_xid"],
      ["sync_xid retyped", "ALTER COLUMN sync_xid DROP DEFAULT, ALTER COLUMN sync_xid TYPE text"],
      ["the key retyped", "ALTER COLUMN id TYPE bigint"],
    ])("%s: writes go on, and the next run sees it", async (_, change) => {
      expect(await problem()).toBeNull();
      await run(`ALTER TABLE $t ${change}`);
      await write(10);
      expect(await problem()).toMatch(/columns are not those/);
    });

    test.each([
      ["text", "id text PRIMARY KEY", "id", "int USING id::int"],
      ["several columns", "id text, q text, PRIMARY KEY (id, q)", "q", "int USING q::int"],
      ["varchar", "id varchar(9) PRIMARY KEY", "id", "bigint USING id::bigint"],
      ["int", "id int PRIMARY KEY", "id", "text"],
      ["uuid", "id uuid PRIMARY KEY", "id", "text"],
    ])("a key of %s can be given another type", async (_, columns, column, type) => {
      await run(`CREATE TABLE $t_k (${columns}, a text)`);
      await track(table.sql, `${table.name}_k`);
      await run(`ALTER TABLE $t_k ALTER ${column} TYPE ${type}`);
      await track(table.sql, `${table.name}_k`);
    });

    test("the key renamed: writes go on, and deletions are recorded as unknown", async () => {
      await run("ALTER TABLE $t RENAME COLUMN id TO key");
      await run("INSERT INTO $t (key, a) VALUES (20, 'a')", writer);
      await run("UPDATE $t SET a = 'b' WHERE key = 20", writer);
      await run("DELETE FROM $t WHERE key = 20", writer);
      expect((await table.deletions()).at(-1)).toEqual({ kind: "unknown", key: null });
      expect(await problem()).not.toBeNull();
    });

    test("rows written after a column is gone are stamped as changed", async () => {
      await run("ALTER TABLE $t DROP COLUMN a");
      const xid = await writer.unsafe("BEGIN").then(() => currentXid(writer));
      await run("UPDATE $t SET b = b", writer);
      await writer.unsafe("COMMIT");
      const rows = await run("SELECT DISTINCT sync_xid::text AS xid FROM $t");
      expect(rows).toEqual([{ xid }]);
    });

    test("a new expression of a generated column shows as a change of columns", async () => {
      await run("ALTER TABLE $t ADD COLUMN g int GENERATED ALWAYS AS (b * 2) STORED");
      await table.track();
      expect(await problem()).toBeNull();
      await run("ALTER TABLE $t DROP COLUMN g");
      await run("ALTER TABLE $t ADD COLUMN g int GENERATED ALWAYS AS (b * 3) STORED");
      expect(await problem()).not.toBeNull();
      await table.track();
      if (version >= 17) {
        await run("ALTER TABLE $t ALTER COLUMN g SET EXPRESSION AS (b * 4)");
        expect(await problem()).toMatch(/columns are not those/);
      }
    });

    test.each([
      ["dropped", "DROP TRIGGER zzz_datahub_sync_stamp ON", ""],
      ["disabled", "ALTER TABLE", "DISABLE TRIGGER zzz_datahub_sync_forget"],
      ["set back to ordinary", "ALTER TABLE", "ENABLE TRIGGER zzz_datahub_sync_stamp"],
    ])("a trigger that was %s is noticed", async (_, before, after) => {
      await run(`${before} $t ${after}`);
      expect(await problem()).toMatch(/trigger/);
    });

    test("a trigger that was disabled for a while is noticed", async () => {
      await run("ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_stamp");
      await run("ALTER TABLE $t ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp");
      expect(await problem()).toMatch(/trigger/);
    });

    test("a table that was dropped and made again is noticed, and can be tracked again", async () => {
      await run("DROP TABLE $t");
      await run("CREATE TABLE $t (id int PRIMARY KEY, a text)");
      expect(await problem()).toMatch(/dropped and created again/);
      await write(30); // untracked, and nothing stands in its way
      await table.track();
      expect(await problem()).toBeNull();
      await write(40);
      expect((await table.deletions()).at(-1)).toEqual({ kind: "row", key: "42" });
    });

    test("without the schema datahub_sync the table is an ordinary one again", async () => {
      await table.sql.begin(async (tx) => {
        await tx.unsafe("DROP SCHEMA datahub_sync CASCADE");
        await run("INSERT INTO $t (id) VALUES (50)", tx);
        await run("UPDATE $t SET id = 51 WHERE id = 50", tx);
        await run("DELETE FROM $t", tx);
        await tx.unsafe("ROLLBACK");
      });
    });
  },
);
