import type { ReservedSql } from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readTracking } from "../../src/source/tracking.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { currentXid, deletionRecords, track } from "../support/tracked-table.js";

/**
 * Somebody changes a tracked table while a session goes on writing to it, with plans and functions that it has
 * compiled before.
 */
describe.each(ALL_POSTGRES_VERSIONS)(
  "invariant 12: tracking never fails a write (Postgres %i)",
  (version) => {
    let db: MigratedDatabase;
    let writer: ReservedSql;
    let tables = 0;
    let table: string;
    beforeAll(async () => {
      db = await createMigratedDatabase({ version });
    });
    afterAll(() => db.drop());
    beforeEach(async () => {
      table = `t${++tables}`;
      await db.sql.unsafe(
        `CREATE TABLE ${table} (id int PRIMARY KEY, a text, b int, c jsonb, updated_at timestamp)`,
      );
      await track(db.sql, table);
      writer = await db.sql.reserve();
      await write(1);
    });
    afterEach(() => writer.release());

    /** Every kind of write, in one session, of columns that no test takes away. */
    async function write(first: number): Promise<void> {
      await writer.unsafe(`INSERT INTO ${table} (id) VALUES (${first}), (${first + 1}), (${first + 2})`);
      await writer.unsafe(`UPDATE ${table} SET id = id WHERE id = ${first}`);
      await writer.unsafe(`UPDATE ${table} SET id = ${first + 3} WHERE id = ${first + 1}`);
      await writer.unsafe(`DELETE FROM ${table} WHERE id = ${first + 2}`);
    }

    async function problem(): Promise<string | null> {
      const [row] = await db.sql.unsafe(`SELECT '${table}'::regclass::oid::text AS oid`);
      const tracking = await readTracking(db.sql, {
        schema: "public",
        name: table,
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
      await db.sql.unsafe(`ALTER TABLE ${table} ${change}`);
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
      await db.sql.unsafe(`CREATE TABLE ${table}_k (${columns}, a text)`);
      await track(db.sql, `${table}_k`);
      await db.sql.unsafe(`ALTER TABLE ${table}_k ALTER ${column} TYPE ${type}`);
      await track(db.sql, `${table}_k`);
    });

    test("the key renamed: writes go on, and deletions are recorded as unknown", async () => {
      await db.sql.unsafe(`ALTER TABLE ${table} RENAME COLUMN id TO key`);
      await writer.unsafe(`INSERT INTO ${table} (key, a) VALUES (20, 'a')`);
      await writer.unsafe(`UPDATE ${table} SET a = 'b' WHERE key = 20`);
      await writer.unsafe(`DELETE FROM ${table} WHERE key = 20`);
      expect((await deletionRecords(db.sql, table)).at(-1)).toEqual({ kind: "unknown", key: null });
      expect(await problem()).not.toBeNull();
    });

    test("rows written after a column is gone are stamped as changed", async () => {
      await db.sql.unsafe(`ALTER TABLE ${table} DROP COLUMN a`);
      const xid = await writer.unsafe("BEGIN").then(() => currentXid(writer));
      await writer.unsafe(`UPDATE ${table} SET b = b`);
      await writer.unsafe("COMMIT");
      const rows = await db.sql.unsafe(`SELECT DISTINCT sync_xid::text AS xid FROM ${table}`);
      expect(rows.map((row) => ({ ...row }))).toEqual([{ xid }]);
    });

    test("a new expression of a generated column shows as a change of columns", async () => {
      await db.sql.unsafe(`ALTER TABLE ${table} ADD COLUMN g int GENERATED ALWAYS AS (b * 2) STORED`);
      await track(db.sql, table);
      expect(await problem()).toBeNull();
      await db.sql.unsafe(`ALTER TABLE ${table} DROP COLUMN g`);
      await db.sql.unsafe(`ALTER TABLE ${table} ADD COLUMN g int GENERATED ALWAYS AS (b * 3) STORED`);
      expect(await problem()).not.toBeNull();
      await track(db.sql, table);
      if (version >= 17) {
        await db.sql.unsafe(`ALTER TABLE ${table} ALTER COLUMN g SET EXPRESSION AS (b * 4)`);
        expect(await problem()).toMatch(/columns are not those/);
      }
    });

    test.each([
      ["dropped", `DROP TRIGGER zzz_datahub_sync_stamp ON`, ""],
      ["disabled", `ALTER TABLE`, "DISABLE TRIGGER zzz_datahub_sync_forget"],
      ["set back to ordinary", `ALTER TABLE`, "ENABLE TRIGGER zzz_datahub_sync_stamp"],
    ])("a trigger that was %s is noticed", async (_, before, after) => {
      await db.sql.unsafe(`${before} ${table} ${after}`);
      expect(await problem()).toMatch(/trigger/);
    });

    test("a trigger that was disabled for a while is noticed", async () => {
      await db.sql.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER zzz_datahub_sync_stamp`);
      await db.sql.unsafe(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp`);
      expect(await problem()).toMatch(/trigger/);
    });

    test("a table that was dropped and made again is noticed, and can be tracked again", async () => {
      await db.sql.unsafe(`DROP TABLE ${table}`);
      await db.sql.unsafe(`CREATE TABLE ${table} (id int PRIMARY KEY, a text)`);
      expect(await problem()).toMatch(/dropped and created again/);
      await write(30); // untracked, and nothing stands in its way
      await track(db.sql, table);
      expect(await problem()).toBeNull();
      await write(40);
      expect((await deletionRecords(db.sql, table)).at(-1)).toEqual({ kind: "row", key: "42" });
    });

    test("without the schema datahub_sync the table is an ordinary one again", async () => {
      await db.sql.begin(async (tx) => {
        await tx.unsafe("DROP SCHEMA datahub_sync CASCADE");
        await tx.unsafe(`INSERT INTO ${table} (id) VALUES (50)`);
        await tx.unsafe(`UPDATE ${table} SET id = 51 WHERE id = 50`);
        await tx.unsafe(`DELETE FROM ${table}`);
        await tx.unsafe("ROLLBACK");
      });
    });
  },
);
