import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import type { Statements } from "../support/tracked-table.js";

/** Names that a trigger function may mean, as tables and as types of the session that writes. */
const TEMPORARY = [
  "text",
  "record",
  "int4",
  "int8",
  "numeric",
  "date",
  "timestamp",
  "timestamptz",
  "regclass",
  "bool",
  "xid8",
  "changes",
  "tracked_tables",
  "datahub_sync",
  "pg_catalog",
  "pg_type",
  "pg_class",
  "old",
  "new",
  "tg_op",
];

/** Operators and functions that are found before those of Postgres, and that lie or fail. */
const HOSTILE = `
  CREATE SCHEMA hostile;
  CREATE FUNCTION hostile.lie(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''hostile'' USING ERRCODE = ''P0001''; END';
  CREATE FUNCTION hostile.lie(record, record) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
  CREATE FUNCTION hostile.join(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile' $$;
  CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.lie);
  CREATE OPERATOR hostile.*= (LEFTARG = record, RIGHTARG = record, FUNCTION = hostile.lie);
  CREATE OPERATOR hostile.*<> (LEFTARG = record, RIGHTARG = record, FUNCTION = hostile.lie);
  CREATE OPERATOR hostile.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.join);
  CREATE FUNCTION hostile.length(text) RETURNS int LANGUAGE sql AS 'SELECT 0';
  CREATE FUNCTION hostile.replace(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile' $$;
  CREATE FUNCTION hostile.chr(int) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile' $$;
  CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'infinity'::timestamptz $$;
  CREATE FUNCTION hostile.isfinite(timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT false';
  CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (VALUE = 'never');
  CREATE TABLE hostile.changes (tracked_id int, kind pg_catalog.text, key pg_catalog.text);
  CREATE COLLATION hostile."C" (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`;

describe.each(ALL_POSTGRES_VERSIONS)("invariant 12: whoever writes (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make, newEntries } = table;

  /** One transaction on a connection of its own; rolled back, so that nothing of the session stays. */
  async function inSession(work: (tx: Statements) => Promise<void>): Promise<void> {
    const done = new Error("rolled back on purpose");
    await table.sql
      .begin(async (tx) => {
        await work(tx);
        throw done;
      })
      .catch((error: unknown) => {
        if (error !== done) throw error;
      });
  }

  const COLUMNS = `p text, at timestamptz, n bigint, a text, w jsonb, updated_at timestamptz, PRIMARY KEY (p, at, n)`;
  const key = (p: string, n: string) => `${p}\u0001p1577934245678000${n}`;

  /** Every kind of write: each is logged as it should be. */
  async function writeAll(tx: Statements): Promise<void> {
    const at = "'2020-01-02 03:04:05.678+00'";
    expect(await newEntries(`INSERT INTO $t VALUES ('x', ${at}, 5, 'a', '{}', '2020-01-01')`, tx)).toEqual([
      `i ${key("x", "a5")}`,
    ]);
    expect(await newEntries(`UPDATE $t SET a = 'a', updated_at = '2021-01-01'`, tx)).toEqual([]);
    expect(await newEntries("UPDATE $t SET a = 'b'", tx)).toEqual([`u ${key("x", "a5")}`]);
    expect(await newEntries("UPDATE $t SET n = -17", tx)).toEqual([
      `i ${key("x", "Y82")}`,
      `d ${key("x", "a5")}`,
    ]);
    expect(await newEntries("DELETE FROM $t", tx)).toEqual([`d ${key("x", "Y82")}`]);
    expect(await newEntries("TRUNCATE $t", tx)).toEqual(["c null"]);
  }

  test("a session without anything odd", async () => {
    await make(COLUMNS, { updatedAt: "content" });
    await inSession(writeAll);
  });

  test("a session with temporary tables named like types and like ours", async () => {
    await make(COLUMNS, { updatedAt: "content" });
    await inSession(async (tx) => {
      for (const name of TEMPORARY) await tx.unsafe(`CREATE TEMPORARY TABLE "${name}" (id pg_catalog.int4)`);
      await writeAll(tx);
    });
  });

  test("a search_path with operators, functions, types and tables that lie", async () => {
    await make(COLUMNS, { updatedAt: "content" });
    await inSession(async (tx) => {
      await tx.unsafe(HOSTILE);
      const [path] = await tx.unsafe(
        "SELECT set_config('search_path', 'hostile, pg_catalog, public', true) AS path",
      );
      expect(path!["path"]).toBe("hostile, pg_catalog, public");
      const at = "'2020-01-02 03:04:05.678+00'";
      await run(`INSERT INTO $t VALUES ('x', ${at}, 5, 'a', '{}', '2020-01-01')`, tx);
      await run("UPDATE $t SET a = 'a', updated_at = '2021-01-01'", tx);
      await run("UPDATE $t SET a = 'b'", tx);
      await run("UPDATE $t SET n = -17", tx);
      const [row] = await run("SELECT updated_at < 'infinity' AS finite FROM $t", tx);
      await run("DELETE FROM $t", tx);
      await tx.unsafe("SET LOCAL search_path = pg_catalog, public");
      const rows = await run("SELECT kind, key FROM datahub_sync.changes ORDER BY xid, id", tx);
      expect(rows.slice(-5).map((entry) => `${String(entry["kind"])} ${String(entry["key"])}`)).toEqual([
        `i ${key("x", "a5")}`,
        `u ${key("x", "a5")}`,
        `i ${key("x", "Y82")}`,
        `d ${key("x", "a5")}`,
        `d ${key("x", "Y82")}`,
      ]);
      expect(row).toEqual({ finite: true });
      expect(await run("SELECT FROM hostile.changes", tx)).toEqual([]);
    });
  });

  test.each([
    "SET LOCAL search_path = ''",
    "SET LOCAL search_path = pg_temp",
    "SET LOCAL standard_conforming_strings = off; SET LOCAL escape_string_warning = off",
    "SET LOCAL backslash_quote = off; SET LOCAL quote_all_identifiers = on",
    "SET LOCAL TimeZone = 'Asia/Kolkata'; SET LOCAL DateStyle = 'German'; SET LOCAL IntervalStyle = 'sql_standard'",
    "SET LOCAL TimeZone = 'Africa/Monrovia'", // which was 44 minutes and 30 seconds behind
    "SET LOCAL extra_float_digits = -15; SET LOCAL bytea_output = 'escape'",
    "SET LOCAL default_transaction_isolation = 'serializable'",
    "SET LOCAL plpgsql.variable_conflict = 'use_column'; SET LOCAL check_function_bodies = off",
    "SET LOCAL row_security = off; SET LOCAL transform_null_equals = on; SET LOCAL array_nulls = off",
  ])("a session with %s", async (settings) => {
    await make(COLUMNS, { updatedAt: "content" });
    await inSession(async (tx) => {
      const [{ schema } = { schema: "" }] = await tx.unsafe<{ schema: string }[]>(
        "SELECT current_schema() AS schema",
      );
      expect(schema).toBe("public");
      table.name = `public.${table.name}`;
      await tx.unsafe(settings);
      await writeAll(tx);
    });
  });

  test("keys whose text depends on settings are logged as they are read, and the writer's settings left alone", async () => {
    await make("i interval, f float8, r tstzrange, a text, PRIMARY KEY (i, f, r)");
    await inSession(async (tx) => {
      await tx.unsafe(`SET LOCAL TimeZone = 'Asia/Kolkata'; SET LOCAL DateStyle = 'German';
                       SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL extra_float_digits = -5`);
      const insert = "INSERT INTO $t VALUES ('1 day 2:00', 0.1::float8 + 0.2, '[2020-01-02 03:04:05+00,)')";
      const texts = ["1 day 02:00:00", "0.30000000000000004", '["2020-01-02 03:04:05+00",)'];
      expect(await newEntries(insert, tx)).toEqual([`i ${texts.map((text) => `${text}\u0001`).join("")}`]);
      expect(await newEntries("UPDATE $t SET a = 'x'", tx)).toHaveLength(1);
      const [after] = await run(
        "SELECT current_setting('TimeZone') AS zone, current_setting('IntervalStyle') AS style",
        tx,
      );
      expect(after).toEqual({ zone: "Asia/Kolkata", style: "iso_8601" });
    });
  });

  test("a role without any right on what is ours, which can read and forge nothing", async () => {
    await make(COLUMNS, { updatedAt: "content" });
    const role = `writer_${crypto.randomUUID().replaceAll("-", "")}`;
    await run(`CREATE ROLE ${role}`);
    try {
      await run(`GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON $t TO ${role}`);
      const before = (await table.log()).length;
      await table.sql.begin(async (tx) => {
        await run(`SET LOCAL ROLE ${role}`, tx);
        await run("INSERT INTO $t VALUES ('x', '1970-01-01+00', 1, 'a')", tx);
        await run("UPDATE $t SET n = 2, a = 'c'", tx);
        await run("DELETE FROM $t", tx);
        await run("TRUNCATE $t", tx);
        for (const forbidden of [
          "SELECT * FROM datahub_sync.changes",
          "DELETE FROM datahub_sync.changes",
          "UPDATE datahub_sync.changes SET key = NULL",
          "TRUNCATE datahub_sync.changes",
          "INSERT INTO datahub_sync.changes (xid, tracked_id, kind) VALUES ('5', 1, 'u')",
          "SELECT * FROM datahub_sync.tracked_tables",
          "SELECT datahub_sync.untrack('$t'::regclass)",
          "SELECT datahub_sync.track('$t'::regclass)",
          "SELECT datahub_sync.forget_dropped_tables()",
        ]) {
          const tried = tx.savepoint((point) => run(forbidden, point));
          await expect(tried, forbidden).rejects.toMatchObject({ code: "42501" });
        }
      });
      const entries = (await table.log()).slice(before).map(({ kind, key: text }) => `${kind} ${text}`);
      expect(entries).toEqual(["i x\u0001a0a1", "i x\u0001a0a2", "d x\u0001a0a1", "d x\u0001a0a2", "c null"]);
    } finally {
      await run(`DROP OWNED BY ${role}`);
      await run(`DROP ROLE ${role}`);
    }
  });
});
