import type { ReservedSql } from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readTracking } from "../support/read-tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track } from "../support/tracked-table.js";

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
      await table.make("id int PRIMARY KEY, a text, b int, c jsonb, updated_at timestamp", {
        updatedAt: "content",
      });
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
      const tracking = await readTracking(table.sql, { oid: row!["oid"] as string });
      return tracking === null ? "not tracked" : tracking.problem;
    }

    async function isBehind(): Promise<boolean> {
      const [row] = await run("SELECT '$t'::regclass::oid::text AS oid");
      return (await readTracking(table.sql, { oid: row!["oid"] as string }))!.isBehind;
    }

    /** What was logged since, each entry once: the kind and the key. */
    async function loggedSince(before: number): Promise<Set<string>> {
      return new Set((await table.log()).slice(before).map(({ kind, key }) => `${kind} ${key}`));
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
      ["the key retyped", "ALTER COLUMN id TYPE bigint"],
      ["the key retyped to text", "ALTER COLUMN id TYPE text"],
    ])(
      "%s: writes go on, each is logged, by its key or as unknown, and the next run sees it",
      async (_, change) => {
        expect(await problem()).toBeNull();
        await run(`ALTER TABLE $t ${change}`);
        const before = (await table.log()).length;
        const isText = change.endsWith("id TYPE text");
        if (!isText) await write(100);
        else await writeTexts();
        const logged = await loggedSince(before);
        const key = (n: number) => (isText ? String(n) : `c${n}`);
        const lost = [100, 101, 102, 103].filter(
          (n) => ![...logged].some((entry) => entry.endsWith(` ${key(n)}`)),
        );
        if (lost.length > 0) expect(logged).toContain("u null");
        // Of a column that came, nothing is logged yet; of those that were there everything is.
        if (change.startsWith("ADD")) expect(await problem()).toBeNull();
        else expect(await problem()).toMatch(/columns are not those/);
        expect(await isBehind()).toBe(true);
        // A session that begins now has no old plans: it knows all keys that are still there.
        await table.track({ updatedAt: "content" });
        expect(await problem()).toBeNull();
        expect(await isBehind()).toBe(false);
        const fresh = await table.newEntries(`DELETE FROM $t WHERE id = '103'`);
        expect(fresh).toEqual([`d ${key(103)}`]);
      },
    );

    async function writeTexts(): Promise<void> {
      await run(`INSERT INTO $t (id) VALUES ('100'), ('101'), ('102')`, writer);
      await run(`UPDATE $t SET id = '103' WHERE id = '101'`, writer);
      await run(`DELETE FROM $t WHERE id = '102'`, writer);
    }

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

    test("the key renamed: writes go on, and are logged as unknown", async () => {
      await run("ALTER TABLE $t RENAME COLUMN id TO key");
      const before = (await table.log()).length;
      await run("INSERT INTO $t (key, a) VALUES (20, 'a')", writer);
      await run("UPDATE $t SET a = 'b' WHERE key = 20", writer);
      await run("UPDATE $t SET key = 21 WHERE key = 20", writer);
      await run("DELETE FROM $t WHERE key = 21", writer);
      expect((await table.log()).slice(before)).toEqual(Array(4).fill({ kind: "u", key: null }));
      expect(await problem()).not.toBeNull();
    });

    test("the key dropped, with all that stood on it: writes go on, and are logged as unknown", async () => {
      await run("ALTER TABLE $t DROP COLUMN id");
      const before = (await table.log()).length;
      await run("INSERT INTO $t (a) VALUES ('a')", writer);
      await run("UPDATE $t SET a = 'b'", writer);
      await run("DELETE FROM $t", writer);
      expect(new Set((await table.log()).slice(before).map(({ key }) => key))).toEqual(new Set([null]));
      await run("ALTER TABLE $t ADD COLUMN id serial PRIMARY KEY");
      await table.track({ updatedAt: "content" });
      expect(await problem()).toBeNull();
      expect(await table.newEntries("INSERT INTO $t (id) VALUES (7)")).toEqual(["i a7"]);
    });

    test("rows written after a compared column is gone are logged, changed or not", async () => {
      await run("ALTER TABLE $t DROP COLUMN a");
      const entries = await table.newEntries("UPDATE $t SET b = b", writer);
      expect(entries).toEqual(["u null", "u null"]);
    });

    test("where updated_at follows the content and a column is gone, the owner's UPDATE does what it says", async () => {
      await run("UPDATE $t SET updated_at = '2020-01-01'", writer);
      await run("ALTER TABLE $t DROP COLUMN a");
      await run("UPDATE $t SET updated_at = '2021-01-01'", writer);
      await run("UPDATE $t SET b = 7, updated_at = '2022-01-01' WHERE id = 1", writer);
      const rows = await run("SELECT DISTINCT updated_at::text AS at FROM $t ORDER BY 1");
      expect(rows).toEqual([{ at: "2021-01-01 00:00:00" }, { at: "2022-01-01 00:00:00" }]);
    });

    test("a new expression of a generated column shows as a change of columns", async () => {
      await run("ALTER TABLE $t ADD COLUMN g int GENERATED ALWAYS AS (b * 2) STORED");
      await table.track({ updatedAt: "content" });
      expect(await problem()).toBeNull();
      await run("ALTER TABLE $t DROP COLUMN g");
      await run("ALTER TABLE $t ADD COLUMN g int GENERATED ALWAYS AS (b * 3) STORED");
      expect(await problem()).not.toBeNull();
      await table.track({ updatedAt: "content" });
      if (version >= 17) {
        await run("ALTER TABLE $t ALTER COLUMN g SET EXPRESSION AS (b * 4)");
        expect(await problem()).toMatch(/columns are not those/);
      }
    });

    /** The names carry the tracked id. */
    async function triggerNamed(end: string): Promise<string> {
      const [row] =
        await run(`SELECT 'zzz_datahub_sync_' || id || '_${end}' AS name FROM datahub_sync.tracked_tables
                                WHERE relation_oid = '$t'::regclass`);
      return row!["name"] as string;
    }

    test.each([
      ["dropped", "log", "DROP TRIGGER name ON $t"],
      ["dropped", "truncate", "DROP TRIGGER name ON $t"],
      ["dropped", "content", "DROP TRIGGER name ON $t"],
      ["disabled", "log", "ALTER TABLE $t DISABLE TRIGGER name"],
      ["disabled", "truncate", "ALTER TABLE $t DISABLE TRIGGER name"],
      ["disabled", "content", "ALTER TABLE $t DISABLE TRIGGER name"],
      ["set back to ordinary", "log", "ALTER TABLE $t ENABLE TRIGGER name"],
      [
        "disabled for a while",
        "log",
        "ALTER TABLE $t DISABLE TRIGGER name; ALTER TABLE $t ENABLE ALWAYS TRIGGER name",
      ],
      ["set back with all others, as pg_dump does", "log", "ALTER TABLE $t ENABLE TRIGGER ALL"],
      [
        "dropped and made again",
        "log",
        "DROP TRIGGER name ON $t; CREATE TRIGGER name AFTER DELETE ON $t EXECUTE FUNCTION $t_f()",
      ],
    ])("a trigger that was %s is noticed, and put right: %s", async (_, end, change) => {
      await run("CREATE FUNCTION $t_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
      await run(change.replaceAll("name", await triggerNamed(end)));
      expect(await problem()).toMatch(/trigger/);
      await table.track({ updatedAt: "content" });
      expect(await problem()).toBeNull();
      expect(await table.newEntries("DELETE FROM $t WHERE id = 1")).toEqual(["d a1"]);
      expect(await table.newEntries("TRUNCATE $t")).toEqual(["c null"]);
    });

    test("a function of ours that was replaced is noticed, and put right", async () => {
      const name = (await triggerNamed("log")).replace(/^zzz_datahub_sync_(\d+)_log$/, "datahub_sync.log_$1");
      await run(
        `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
      );
      expect(await problem()).toMatch(/trigger/);
      await table.track({ updatedAt: "content" });
      expect(await problem()).toBeNull();
      expect(await table.newEntries("DELETE FROM $t WHERE id = 1")).toEqual(["d a1"]);
    });

    test("a table that was dropped and made again is noticed, and can be tracked again", async () => {
      await run("DROP TABLE $t");
      await run("CREATE TABLE $t (id int PRIMARY KEY, a text)");
      expect(await problem()).toBe("not tracked");
      await write(30); // untracked, and nothing stands in its way
      await table.track();
      expect(await problem()).toBeNull();
      await write(40);
      expect((await table.log()).at(-1)).toEqual({ kind: "d", key: "b42" });
    });

    test("without the schema datahub_sync the table is an ordinary one again", async () => {
      await table.sql.begin(async (tx) => {
        await tx.unsafe("DROP SCHEMA datahub_sync CASCADE");
        await run("INSERT INTO $t (id) VALUES (50)", tx);
        await run("UPDATE $t SET id = 51 WHERE id = 50", tx);
        await run("DELETE FROM $t", tx);
        await run("TRUNCATE $t", tx);
        expect(await run("SELECT tgname FROM pg_trigger WHERE tgrelid = '$t'::regclass", tx)).toEqual([]);
        await tx.unsafe("ROLLBACK");
      });
    });

    test("and for a session that has written to it before", async () => {
      await run("CREATE TABLE $t_b (id int PRIMARY KEY); INSERT INTO $t_b VALUES (1)");
      await track(table.sql, `${table.name}_b`);
      await writer.unsafe("BEGIN");
      await run("UPDATE $t_b SET id = 2; DELETE FROM $t_b WHERE id = 5", writer);
      await writer.unsafe("DROP SCHEMA datahub_sync CASCADE");
      await run("INSERT INTO $t_b VALUES (3); UPDATE $t_b SET id = id + 10; DELETE FROM $t_b", writer);
      await write(200);
      await writer.unsafe("ROLLBACK");
    });
  },
);
