import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/postgres/database.js";
import type { TableReader } from "../../src/source/table-reader.js";
import { inspectOne } from "../support/inspect-one.js";
import { connectTo, createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import {
  allChanges,
  inspect,
  mirrorConfig,
  openLog,
  openReader,
  snapshotOf,
} from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { openSource } from "../../src/sync/open-source.js";
import { spyOnStatements } from "../support/spy-statements.js";
import { logEntries, track } from "../support/tracked-table.js";

/** What a pooler may hand over: a session that somebody else has set up. */
const POLLUTION = {
  TimeZone: "Asia/Kolkata",
  DateStyle: "German, DMY",
  IntervalStyle: "sql_standard",
  extra_float_digits: "-15",
  bytea_output: "escape",
  search_path: "elsewhere",
  lc_monetary: "C",
  xmlbinary: "hex",
  lc_time: "POSIX",
  lc_numeric: "POSIX",
  quote_all_identifiers: "on",
};

/** The text of a key of t: microseconds, a float as it prints, and bytes as hexadecimal. */
function keyOf(microseconds: bigint, float: string, bytes: string): string {
  const digits = String(microseconds);
  return `${String.fromCharCode(96 + digits.length)}${digits}${float}\u0001${bytes}\u0001`;
}

describe.each(ALL_POSTGRES_VERSIONS)(
  "what is read does not depend on the session (Postgres %i)",
  (version) => {
    let db: MigratedDatabase;
    let polluted: Database;
    let since: Awaited<ReturnType<typeof snapshotOf>>;
    beforeAll(async () => {
      db = await createMigratedDatabase({ version });
      await db.sql.unsafe(`
      CREATE SCHEMA elsewhere;
      CREATE TYPE mood AS ENUM ('sad', 'ok');
      CREATE TABLE t (
        at timestamptz, f float8, b bytea, ts timestamp, d date, i interval, f4 float4, arr timestamptz[], raw jsonb,
        m mood, tr tstzrange, x xml, early boolean GENERATED ALWAYS AS (at < '2000-01-01 00:00+05') STORED,
        PRIMARY KEY (at, f, b));
      CREATE VIEW v AS SELECT at, f, b, m, i FROM t
        WHERE at > '1999-12-31 19:00+00' AND f <> 0.1::float8 + 0.2::float8 - 1 AND b <> '\\x00' AND i <> '5 days -3 hours'`);
      await track(db.sql, "t");
      since = await snapshotOf(db.sql);
      await db.sql.unsafe(`
      INSERT INTO t SELECT '2024-03-04 05:06:07.891234+00'::timestamptz + n * interval '1 us', 0.1::float8 + 0.2,
        '\\x00ff5c'::bytea, '2024-03-04 05:06:07.891234', '2024-03-04', interval '-1 day 2 hours', 0.1::float4,
        ARRAY['2024-03-04 05:06:07+00'::timestamptz], '{"a": 1.10}', 'ok',
        tstzrange('2024-03-04 05:06:07+00', NULL), xmlelement(name x, '\\x00ff'::bytea)
        FROM generate_series(1, 5) n`);
      const name = new URL(db.url).pathname.slice(1);
      for (const [setting, value] of Object.entries(POLLUTION)) {
        await db.sql.unsafe(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
      }
      polluted = connectTo(db);
    });
    afterAll(async () => {
      await polluted.close();
      await db.drop();
    });

    test("the source is the same, and has the same history", async () => {
      expect(await openSource(polluted)).toEqual(await openSource(db.database));
    });

    /** Everything that a reader says. */
    async function readAll(reader: TableReader) {
      const keys = await reader.allKeys(null, 100);
      return {
        all: keys,
        later: await reader.allKeys(keys[2]!, 100),
        hashes: await reader.keyHashes(null, 100),
        laterHashes: await reader.keyHashes(keys[2]!, 100),
        rows: (await reader.rows(keys, 1_000_000)).rows.sort((a, b) => (a.key < b.key ? -1 : 1)),
        existing: await reader.existing([...keys, keyOf(0n, "1", "00")]),
      };
    }

    test("the change log: what is read of it, and what the triggers write", async () => {
      const until = await snapshotOf(db.sql);
      const range = { since, until };
      const clean = await openLog(db.database, "t");
      const dirty = await openLog(polluted, "t");
      const expected = await allChanges(clean, range);
      expect(expected).toHaveLength(5);
      expect(await allChanges(dirty, range, 2)).toEqual(expected);
      expect(await dirty.countKeys(since)).toBe(5);
      expect(await dirty.findUnknown(since)).toBeNull();
    });

    test("the polluted session is what the test says it is", async () => {
      for (const [setting, value] of Object.entries(POLLUTION)) {
        const [row] = await polluted.execute("asking", (sql) =>
          sql.unsafe<{ value: string }[]>("SELECT current_setting($1) AS value", [setting]),
        );
        expect(row!.value).toBe(value);
      }
    });

    test("the language of what a view computes with to_char is pinned, too", async () => {
      const [row] = await polluted.execute("asking", (sql) =>
        sql.unsafe<{ time: string; numeric: string }[]>(
          `SELECT current_setting('lc_time') AS time, current_setting('lc_numeric') AS numeric
            WHERE (SELECT datahub_sync.pin_output())`,
        ),
      );
      expect({ ...row }).toEqual({ time: "C", numeric: "C" });
    });

    test.each(["t", "v"])("invariant 1: keys, rows and hashes of %s", async (relation) => {
      const clean = await openReader(db.database, relation);
      const dirty = await openReader(polluted, relation);
      const expected = await readAll(clean);
      expect(await readAll(dirty)).toEqual(expected);
      expect(expected.rows).toHaveLength(5);
      expect(expected.all[0]).toBe(keyOf(1_709_528_767_891_235n, "0.30000000000000004", "00ff5c"));
      expect(expected.existing.size).toBe(5);
      expect(expected.later).toHaveLength(2);
    });

    test("the text of every type is the one that the encoder expects", async () => {
      const reader = await openReader(polluted, "t");
      const [first] = await reader.allKeys(null, 1);
      const read = await reader.rows([first!], 1_000_000);
      const [row] = read.rows;
      expect(row!.texts.slice(0, 11)).toEqual([
        "2024-03-04 05:06:07.891235+00",
        "0.30000000000000004",
        "\\x00ff5c",
        "2024-03-04 05:06:07.891234",
        "2024-03-04",
        "-1 days +02:00:00",
        "0.1",
        '{"2024-03-04 05:06:07+00"}',
        '{"a": 1.10}',
        "ok",
        '["2024-03-04 05:06:07+00",)',
      ]);
    });

    test("the fingerprint: a needless full run would come of another one", async () => {
      for (const relation of ["t", "v"]) {
        const clean = await inspect(db.database, mirrorConfig(relation));
        const dirty = await inspect(polluted, mirrorConfig(relation));
        expect(dirty).toEqual(clean);
      }
    });

    test("the settings of a session are not changed by reading", async () => {
      const reader = await openReader(polluted, "t");
      await readAll(reader);
      const after = await polluted.execute("asking", (sql) =>
        sql.unsafe<{ zone: string; path: string }[]>(
          "SELECT current_setting('TimeZone') AS zone, current_setting('search_path') AS path",
        ),
      );
      expect({ ...after[0] }).toEqual({ zone: "Asia/Kolkata", path: "elsewhere" });
    });

    test("a key that a polluted session deletes is recorded as it is read", async () => {
      const reader = await openReader(db.database, "t");
      const [first] = await reader.allKeys(null, 1);
      await polluted.execute("deleting", (sql) =>
        sql.unsafe("DELETE FROM public.t WHERE at = (SELECT min(at) FROM public.t)"),
      );
      expect((await logEntries(db.sql, "t")).at(-1)).toEqual({ kind: "d", key: first });
    });

    test("pin_output() is evaluated before the first row of every statement that prints one", async () => {
      const reader = await openReader(db.database, "t");
      const view = await openReader(db.database, "v");
      const statements = await spyOnStatements(async () => {
        await readAll(reader);
        await readAll(view);
      });
      expect(statements).toHaveLength(12);
      for (const { statement, parameters } of statements) {
        expect(statement).toContain("pin_output");
        const plan = await db.sql.unsafe(`EXPLAIN (VERBOSE) ${statement}`, parameters, { prepare: false });
        const lines = plan.map((row) => row["QUERY PLAN"] as string);
        const gate = lines.findIndex((line) => line.includes("One-Time Filter"));
        const scan = lines.findIndex((line) => /Scan .*on public\.t/.test(line));
        expect([statement, gate >= 0 && gate < scan]).toEqual([statement, true]);
        // A node above the gate prints only what has come through it.
        expect(lines.slice(0, gate).some((line) => line.includes("on public."))).toBe(false);
      }
    });

    test("invariant 13: a row and its hash are of one statement", async () => {
      const reader = await openReader(db.database, "t");
      const keys = await reader.allKeys(null, 10);
      const statements = await spyOnStatements(() => reader.rows(keys, 1_000_000));
      expect(statements).toHaveLength(1);
      // And the hash follows the text, column by column, NULL and empty told apart.
      await db.sql.unsafe("CREATE TABLE h (id int PRIMARY KEY, a text, b text)");
      await track(db.sql, "h");
      await db.sql.unsafe(
        "INSERT INTO h VALUES (1, 'x', ''), (2, 'x', NULL), (3, '', 'x'), (4, NULL, 'x'), (5, 'x,', ''), (6, 'x', ',')",
      );
      const ofH = await openReader(db.database, "h", { exclude: ["id"] });
      const { rows } = await ofH.rows(await ofH.allKeys(null, 10), 1_000_000);
      expect(new Set(rows.map(({ hash }) => hash)).size).toBe(6);
      for (const { hash } of rows) expect(hash).toMatch(/^[A-Za-z0-9+/]{22}$/);
    });

    test("the salt of the hash is everything that shapes the document", async () => {
      await db.sql.unsafe("CREATE TABLE s (id int PRIMARY KEY, a text, b text)");
      await track(db.sql, "s");
      await db.sql.unsafe("INSERT INTO s VALUES (1, 'a', 'b')");
      const of = async (config: Parameters<typeof mirrorConfig>[1], encoderVersion = 1) => {
        const source = await db.database.execute("inspecting", (sql) =>
          inspectOne(sql, mirrorConfig("s", config), { encoderVersion, fieldName: (column) => column }),
        );
        return source.fingerprint;
      };
      const fingerprints = [
        await of({}),
        await of({}, 2),
        await of({ exclude: ["b"] }),
        await of({ columns: { a: { field: "z" } } }),
        await of({ columns: { a: { encoding: "string" } } }),
      ];
      await db.sql.unsafe("ALTER TABLE s ALTER b TYPE varchar(10)");
      fingerprints.push(await of({}));
      expect(new Set(fingerprints).size).toBe(fingerprints.length);
      expect(await of({})).toBe(fingerprints.at(-1));
      for (const fingerprint of fingerprints) expect(fingerprint).toMatch(/^[\w-]{22}$/);
    });
  },
);
