import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { currentXid, deletionRecords, track, type Statements } from "../support/tracked-table.js";

interface Mark {
  xid: string | null;
  touched: string | null;
}

describe.each(ALL_POSTGRES_VERSIONS)("what tracking makes of a write (Postgres %i)", (version) => {
  let db: MigratedDatabase;
  let tables = 0;
  let table: string;
  beforeAll(async () => {
    db = await createMigratedDatabase({ version });
  });
  afterAll(() => db.drop());
  beforeEach(() => {
    table = `t${++tables}`;
  });

  /** Makes a table with these columns, and tracks it. */
  async function make(columns: string, options: Parameters<typeof track>[2] = {}): Promise<void> {
    await db.sql.unsafe(`CREATE TABLE ${table} (${columns})`);
    await track(db.sql, table, options);
  }

  const run = (statement: string) => db.sql.unsafe(statement);

  async function mark(where = "true", sql: Statements = db.sql): Promise<Mark> {
    const rows = await sql.unsafe<{ xid: string | null; touched: string | null }[]>(
      `SELECT sync_xid::text AS xid, updated_at::text AS touched FROM ${table} WHERE ${where}`,
    );
    expect(rows).toHaveLength(1);
    return rows[0]!;
  }

  /** The xid of the transaction that ran the statement, and the row's marks before and after it. */
  async function watch(statement: string, where = "true") {
    const before = await mark(where);
    const xid = await db.sql.begin(async (tx) => {
      await tx.unsafe(statement);
      return currentXid(tx);
    });
    return { before, xid, after: await mark(where) };
  }

  test("invariant 4: a rewrite with equal values keeps sync_xid and updated_at", async () => {
    await make("id int PRIMARY KEY, a text, b jsonb, updated_at timestamp, sync_timestamp timestamp", {
      ignored: ["sync_timestamp"],
    });
    await run(`INSERT INTO ${table} VALUES (1, 'a', '{"k": 1}', '2020-01-01', '2020-01-01')`);
    const { before, after } = await watch(
      `UPDATE ${table} SET a = a || '', b = '{"k": 1}', updated_at = now(), sync_timestamp = now()`,
    );
    expect(after).toEqual(before);
    expect(after.touched).toBe("2020-01-01 00:00:00");
    const [row] = await run(`SELECT sync_timestamp > '2020-01-02' AS moved FROM ${table}`);
    expect(row).toEqual({ moved: true }); // an ignored column is the writer's
  });

  test("a rewrite with equal values writes no TOAST", async () => {
    await make("id int PRIMARY KEY, wide text");
    await run(`ALTER TABLE ${table} ALTER wide SET STORAGE EXTERNAL`);
    await run(`INSERT INTO ${table} VALUES (1, repeat('x', 50000))`);
    const [toast] = await run(
      `SELECT reltoastrelid::regclass::text AS name FROM pg_class WHERE relname = '${table}'`,
    );
    const chunks = () =>
      run(`SELECT chunk_id::text, count(*)::int AS n FROM ${toast!["name"] as string} GROUP BY 1`);
    const before = await chunks();
    expect(before).toHaveLength(1);
    // The value is made anew, so that without the trigger it would be stored anew.
    await run(`UPDATE ${table} SET wide = repeat('x', 50000), updated_at = now()`);
    expect(await chunks()).toEqual(before);
    await run(`UPDATE ${table} SET wide = repeat('y', 50000)`);
    expect(await chunks()).not.toEqual(before);
  });

  test("a changed row is stamped with its transaction, and updated_at moves", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamptz DEFAULT '2020-01-01+00'");
    await run(`INSERT INTO ${table} VALUES (1, 'a')`);
    const { before, xid, after } = await watch(`UPDATE ${table} SET a = 'b'`);
    expect(after.xid).toBe(xid);
    expect(after.xid).not.toBe(before.xid);
    const [row] = await run(`SELECT updated_at > now() - interval '1 minute' AS moved FROM ${table}`);
    expect(row).toEqual({ moved: true });
  });

  test("a changed row keeps the updated_at that its writer gave", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamp");
    await run(`INSERT INTO ${table} VALUES (1, 'a', '2020-01-01')`);
    const { after } = await watch(`UPDATE ${table} SET a = 'b', updated_at = '2021-05-05'`);
    expect(after.touched).toBe("2021-05-05 00:00:00");
  });

  test("a table without updated_at gets one; it means that the content changed", async () => {
    await make("id int PRIMARY KEY, a text");
    await run(`INSERT INTO ${table} VALUES (1, 'a')`);
    const same = await watch(`UPDATE ${table} SET a = 'a'`);
    expect(same.after).toEqual(same.before);
    const changed = await watch(`UPDATE ${table} SET a = 'b'`);
    expect(changed.after.touched).not.toBe(changed.before.touched);
  });

  test("an updated_at that is no timestamp is a column like any other", async () => {
    await make("id int PRIMARY KEY, a text, updated_at date");
    await run(`INSERT INTO ${table} VALUES (1, 'a', '2020-01-01')`);
    const { xid, after } = await watch(`UPDATE ${table} SET updated_at = '2021-01-01'`);
    expect(after).toEqual({ xid, touched: "2021-01-01" });
  });

  test("an updated_at that belongs to the key is compared, and not touched", async () => {
    await make("id int, updated_at timestamp, PRIMARY KEY (id, updated_at)");
    await run(`INSERT INTO ${table} VALUES (1, '2020-01-01')`);
    const { xid, after } = await watch(`UPDATE ${table} SET updated_at = '2021-01-01'`);
    expect(after).toEqual({ xid, touched: "2021-01-01 00:00:00" });
    expect(await deletionRecords(db.sql, table)).toEqual([{ kind: "row", key: "1,2020-01-01 00:00:00" }]);
  });

  test("a sync_xid that somebody sets is overridden", async () => {
    await make("id int PRIMARY KEY, a text");
    await run(`INSERT INTO ${table} (id, a, sync_xid) VALUES (1, 'a', '3')`);
    expect((await mark()).xid).not.toBe("3");
    const same = await watch(`UPDATE ${table} SET sync_xid = '3'`);
    expect(same.after).toEqual(same.before);
    const changed = await watch(`UPDATE ${table} SET a = 'b', sync_xid = '3'`);
    expect(changed.after.xid).toBe(changed.xid);
  });

  test("a row without a mark gets one when it is written, changed or not", async () => {
    await make("id int PRIMARY KEY, a text");
    await run(`ALTER TABLE ${table} DISABLE TRIGGER zzz_datahub_sync_stamp`);
    await run(`INSERT INTO ${table} (id, a, sync_xid) VALUES (1, 'a', NULL)`);
    await run(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp`);
    const { before, xid, after } = await watch(`UPDATE ${table} SET a = 'a'`);
    expect(before.xid).toBeNull();
    expect(after.xid).toBe(xid);
  });

  describe("invariant 2: the stamp is the transaction that commits", () => {
    test("inside savepoints and exception blocks", async () => {
      await make("id int PRIMARY KEY, a text");
      const xid = await db.sql.begin(async (tx) => {
        await tx.unsafe(`INSERT INTO ${table} VALUES (1, 'plain')`);
        await tx.savepoint(async (point) => {
          await point.unsafe(`INSERT INTO ${table} VALUES (2, 'savepoint')`);
          await point.savepoint((inner) => inner.unsafe(`INSERT INTO ${table} VALUES (3, 'inner')`));
        });
        await tx.unsafe(
          `DO $$ BEGIN
             BEGIN INSERT INTO ${table} VALUES (4, 'block'); PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN
               INSERT INTO ${table} VALUES (5, 'handler'); END;
           END $$`,
        );
        return currentXid(tx);
      });
      const rows = await run(`SELECT id, sync_xid::text AS xid FROM ${table} ORDER BY id`);
      expect(rows.map((row) => ({ ...row }))).toEqual([1, 2, 3, 5].map((id) => ({ id, xid })));
    });

    test("with COPY, ON CONFLICT and MERGE", async () => {
      await make("id int PRIMARY KEY, a text");
      await db.sql.begin(async (tx) => {
        const copy = await tx.unsafe(`COPY ${table} (id, a) FROM STDIN`).writable();
        await pipeline(Readable.from(["1\tone\n", "2\ttwo\n", "3\tthree\n"]), copy);
        const xid = await currentXid(tx);
        const rows = await tx.unsafe(`SELECT DISTINCT sync_xid::text AS xid FROM ${table}`);
        expect(rows.map((row) => ({ ...row }))).toEqual([{ xid }]);
      });

      const upsert = `INSERT INTO ${table} (id, a) VALUES (1, 'one'), (2, 'TWO')
                      ON CONFLICT (id) DO UPDATE SET a = excluded.a`;
      const same = await watch(upsert, "id = 1");
      expect(same.after).toEqual(same.before);
      expect((await mark("id = 2")).xid).toBe(same.xid);

      const merge = `MERGE INTO ${table} t USING (VALUES (1, 'one'), (2, 'three'), (4, 'four')) AS s (id, a)
                     ON t.id = s.id
                     WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a)`;
      const merged = await watch(merge, "id = 1");
      expect(merged.after).toEqual(merged.before);
      expect((await mark("id = 2")).xid).toBe(merged.xid);
      expect((await mark("id = 4")).xid).toBe(merged.xid);
    });

    test("where session_replication_role silences ordinary triggers", async () => {
      await make("id int PRIMARY KEY, a text");
      await run(`INSERT INTO ${table} VALUES (1, 'a'), (2, 'b')`);
      const before = await mark("id = 1");
      const xid = await db.sql.begin(async (tx) => {
        await tx.unsafe(`SET LOCAL session_replication_role = replica`);
        await tx.unsafe(`UPDATE ${table} SET a = 'changed' WHERE id = 1`);
        await tx.unsafe(`DELETE FROM ${table} WHERE id = 2`);
        return currentXid(tx);
      });
      expect(before.xid).not.toBe(xid);
      expect((await mark("id = 1")).xid).toBe(xid);
      expect(await deletionRecords(db.sql, table)).toEqual([{ kind: "row", key: "2" }]);
      await db.sql.begin(async (tx) => {
        await tx.unsafe(`SET LOCAL session_replication_role = replica`);
        await tx.unsafe(`TRUNCATE ${table}`);
      });
      expect((await deletionRecords(db.sql, table)).at(-1)).toEqual({ kind: "truncate", key: null });
    });

    test("by way of foreign keys that cascade", async () => {
      await run(`CREATE TABLE ${table}_parent (id int PRIMARY KEY)`);
      await make(
        `id int PRIMARY KEY, parent int REFERENCES ${table}_parent ON DELETE CASCADE ON UPDATE CASCADE`,
      );
      await run(`INSERT INTO ${table}_parent VALUES (1), (2)`);
      await run(`INSERT INTO ${table} VALUES (10, 1), (20, 2)`);
      const { xid, after } = await watch(`UPDATE ${table}_parent SET id = 5 WHERE id = 1`, "id = 10");
      expect(after.xid).toBe(xid);
      await run(`DELETE FROM ${table}_parent WHERE id = 2`);
      expect(await deletionRecords(db.sql, table)).toEqual([{ kind: "row", key: "20" }]);
    });

    test("when another trigger of the table changes the row first", async () => {
      await make("id int PRIMARY KEY, a text");
      await run(`CREATE FUNCTION ${table}_upper() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.a := upper(NEW.a); RETURN NEW; END $$`);
      await run(
        `CREATE TRIGGER zz_upper BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${table}_upper()`,
      );
      await run(`INSERT INTO ${table} VALUES (1, 'A')`);
      const same = await watch(`UPDATE ${table} SET a = 'a'`);
      expect(same.after).toEqual(same.before);
      const changed = await watch(`UPDATE ${table} SET a = 'b'`);
      expect(changed.after.xid).toBe(changed.xid);
    });
  });

  describe("a change is what prints differently", () => {
    test.each([
      ["numeric", "1.0", "1.00"],
      ["float8", "'-0'", "'0'"],
      ["float4", "'0'", "'-0'"],
      ["jsonb", `'{"a": 1.0}'`, `'{"a": 1.00}'`],
      ["json", `'{"a":1}'`, `'{"a": 1}'`],
      ["interval", "'1 day'", "'24 hours'"],
      ["text", "NULL", "''"],
      ["text[]", "'{a}'", "'{a,NULL}'"],
      ["xml", "'<a/>'", "'<a></a>'"],
      ["point", "'(1,2)'", "'(1,3)'"],
      ["polygon", "'((0,0),(1,1))'", "'((0,0),(1,2))'"],
    ])("%s: %s to %s", async (type, before, after) => {
      await make(`id int PRIMARY KEY, a ${type}`);
      await run(`INSERT INTO ${table} VALUES (1, ${before})`);
      const changed = await watch(`UPDATE ${table} SET a = ${after}`);
      expect(changed.after.xid).toBe(changed.xid);
      const same = await watch(`UPDATE ${table} SET a = ${after}`);
      expect(same.after).toEqual(same.before);
    });

    test("citext: Foo to foo", async () => {
      const [available] = await run(`SELECT 1 FROM pg_available_extensions WHERE name = 'citext'`);
      // The embedded builds carry the contributed extensions; if one day they do not, this says so.
      expect(available).toBeDefined();
      await run(`CREATE EXTENSION IF NOT EXISTS citext`);
      await make("name citext PRIMARY KEY, a text");
      await run(`INSERT INTO ${table} VALUES ('Foo', 'a')`);
      const { xid, after } = await watch(`UPDATE ${table} SET name = 'foo'`);
      expect(after.xid).toBe(xid);
      expect(await deletionRecords(db.sql, table)).toEqual([{ kind: "row", key: "Foo" }]);
    });

    test("NaN equals NaN, and NULL equals NULL", async () => {
      await make("id int PRIMARY KEY, a float8, b text");
      await run(`INSERT INTO ${table} VALUES (1, 'NaN', NULL)`);
      const same = await watch(`UPDATE ${table} SET a = 'NaN', b = NULL`);
      expect(same.after).toEqual(same.before);
    });
  });

  test("a stored generated column neither hides a change nor looks like one", async () => {
    await make("id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED");
    await run(`INSERT INTO ${table} (id, a) VALUES (1, 1)`);
    const same = await watch(`UPDATE ${table} SET a = 1`);
    expect(same.after).toEqual(same.before);
    const changed = await watch(`UPDATE ${table} SET a = 2`);
    expect(changed.after.xid).toBe(changed.xid);
  });

  test.each([
    ["uuid", "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a text"],
    ["serial", "id serial PRIMARY KEY, a text"],
    ["identity", "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text"],
    ["text", "id text PRIMARY KEY DEFAULT 'a key, with a \\ in it', a text"],
    ["several columns", "p text DEFAULT 'a,b', q int DEFAULT 1, a text, PRIMARY KEY (p, q)"],
  ])("keys of kind %s: insert, no change, change, delete", async (_, columns) => {
    await make(columns);
    await run(`INSERT INTO ${table} (a) VALUES ('a')`);
    const same = await watch(`UPDATE ${table} SET a = 'a'`);
    expect(same.after).toEqual(same.before);
    const changed = await watch(`UPDATE ${table} SET a = 'b'`);
    expect(changed.after.xid).toBe(changed.xid);
    const [key] = await run(
      `SELECT datahub_sync.key_expression(key_columns, 'r') AS expression
         FROM datahub_sync.tracked_tables WHERE table_name = '${table}'`,
    );
    const [row] = await run(`SELECT ${key!["expression"] as string} AS key FROM ${table} r`);
    await run(`DELETE FROM ${table}`);
    expect(await deletionRecords(db.sql, table)).toEqual([{ kind: "row", key: row!["key"] as string }]);
  });

  test("names that need quotes work everywhere", async () => {
    table = `"Odd ""table"""`;
    await make(`"the Key" int PRIMARY KEY, "a ""b""" text, "select" text, "%1$s %I" text, "'" text`, {
      ignored: ["select"],
    });
    await run(`INSERT INTO ${table} VALUES (1, 'a', 'b', 'c', 'd')`);
    const same = await watch(`UPDATE ${table} SET "a ""b""" = 'a', "select" = 'x', "%1$s %I" = 'c'`);
    expect(same.after).toEqual(same.before);
    const changed = await watch(`UPDATE ${table} SET "'" = 'x'`);
    expect(changed.after.xid).toBe(changed.xid);
    await run(`DELETE FROM ${table}`);
    expect(await deletionRecords(db.sql, `Odd "table"`)).toEqual([{ kind: "row", key: "1" }]);
  });
});
