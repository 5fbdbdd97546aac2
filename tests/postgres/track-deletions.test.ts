import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { currentXid, deletionRecords, track } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("recorded deletions (Postgres %i)", (version) => {
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

  const run = (statement: string) => db.sql.unsafe(statement);
  const records = (of = table) => deletionRecords(db.sql, of);

  async function make(columns: string, options: Parameters<typeof track>[2] = {}): Promise<void> {
    await run(`CREATE TABLE ${table} (${columns})`);
    await track(db.sql, table, options);
  }

  test("a deleted row's key is recorded, with the transaction that deleted it", async () => {
    await make("id int PRIMARY KEY, a text");
    await run(`INSERT INTO ${table} SELECT n, 'a' FROM generate_series(1, 5) n`);
    const xid = await db.sql.begin(async (tx) => {
      await tx.savepoint((point) => point.unsafe(`DELETE FROM ${table} WHERE id < 3`));
      return currentXid(tx);
    });
    expect(await records()).toEqual([
      { kind: "row", key: "1" },
      { kind: "row", key: "2" },
    ]);
    const rows = await run(`SELECT DISTINCT xid::text AS xid FROM datahub_sync.deletions d
                              JOIN datahub_sync.tracked_tables t ON t.id = tracked_id WHERE table_name = '${table}'`);
    expect(rows.map((row) => ({ ...row }))).toEqual([{ xid }]);
  });

  test("nothing is recorded of a deletion that is rolled back", async () => {
    await make("id int PRIMARY KEY");
    await run(`INSERT INTO ${table} VALUES (1)`);
    await db.sql
      .begin(async (tx) => {
        await tx.unsafe(`DELETE FROM ${table}`);
        throw new Error("rolled back");
      })
      .catch(() => undefined);
    expect(await records()).toEqual([]);
  });

  test("a changed key records the old one; a change beside the key records nothing", async () => {
    await make("id int PRIMARY KEY, a text");
    await run(`INSERT INTO ${table} VALUES (1, 'a')`);
    await run(`UPDATE ${table} SET a = 'b'`);
    await run(`UPDATE ${table} SET id = 2`);
    await run(`INSERT INTO ${table} VALUES (2, 'c') ON CONFLICT (id) DO UPDATE SET id = 3`);
    expect(await records()).toEqual([
      { kind: "row", key: "1" },
      { kind: "row", key: "2" },
    ]);
  });

  test("a key that equals the old one for SQL and prints differently is another key", async () => {
    await make("id numeric PRIMARY KEY");
    await run(`INSERT INTO ${table} VALUES (1.0)`);
    await run(`UPDATE ${table} SET id = 1.00`);
    expect(await records()).toEqual([{ kind: "row", key: "1.0" }]);
  });

  test("the parts of a key of several columns can be told apart", async () => {
    await make(String.raw`p text, q text, PRIMARY KEY (p, q)`);
    await run(String.raw`INSERT INTO ${table} VALUES ('a,b', 'c'), ('a', 'b,c'), ('a\', 'b'), ('', '')`);
    await run(`DELETE FROM ${table}`);
    expect((await records()).map(({ key }) => key)).toEqual(["a\\,b,c", "a,b\\,c", "a\\\\,b", ","]);
  });

  test("a key's text does not depend on the settings of who deletes", async () => {
    await make("at timestamptz, f float8, b bytea, PRIMARY KEY (at, f, b)");
    await run(`INSERT INTO ${table} VALUES ('2020-01-02 03:04:05.678+00', 0.1::float8 + 0.2, '\\x00ff')`);
    await db.sql.begin(async (tx) => {
      await tx.unsafe(`SET LOCAL TimeZone = 'Asia/Kolkata'; SET LOCAL DateStyle = 'German';
                       SET LOCAL extra_float_digits = -5; SET LOCAL bytea_output = 'escape'`);
      await tx.unsafe(`DELETE FROM ${table}`);
      const [after] = await tx.unsafe(`SELECT current_setting('TimeZone') AS zone`);
      expect(after).toEqual({ zone: "Asia/Kolkata" }); // and the writer's settings are left alone
    });
    expect(await records()).toEqual([
      { kind: "row", key: "2020-01-02 03:04:05.678+00,0.30000000000000004,\\\\x00ff" },
    ]);
  });

  test("TRUNCATE is recorded as such", async () => {
    await make("id int PRIMARY KEY");
    await run(`INSERT INTO ${table} VALUES (1)`);
    await run(`TRUNCATE ${table}`);
    expect(await records()).toEqual([{ kind: "truncate", key: null }]);
  });

  describe("of a partitioned table", () => {
    beforeEach(async () => {
      await run(
        `CREATE TABLE ${table} (region text, id int, a text, PRIMARY KEY (region, id)) PARTITION BY LIST (region)`,
      );
      await run(`CREATE TABLE ${table}_n PARTITION OF ${table} FOR VALUES IN ('n')`);
      await run(`CREATE TABLE ${table}_s PARTITION OF ${table} FOR VALUES IN ('s')`);
      await track(db.sql, table);
      await run(`INSERT INTO ${table} VALUES ('n', 1, 'a'), ('s', 2, 'b')`);
    });

    test("a row that moves is stamped, and its old key recorded", async () => {
      const xid = await db.sql.begin(async (tx) => {
        await tx.unsafe(`UPDATE ${table} SET region = 's' WHERE id = 1`);
        return currentXid(tx);
      });
      const rows = await run(`SELECT sync_xid::text AS xid FROM ${table} WHERE id = 1`);
      expect(rows.map((row) => ({ ...row }))).toEqual([{ xid }]);
      // Twice: as a changed key, and as the deletion that moving it is. A record is no proof.
      expect(new Set((await records()).map(({ key }) => key))).toEqual(new Set(["n,1"]));
    });

    test("a row that is written and deleted through its partition is marked and recorded", async () => {
      const xid = await db.sql.begin(async (tx) => {
        await tx.unsafe(`UPDATE ${table}_n SET a = 'c'`);
        return currentXid(tx);
      });
      const rows = await run(`SELECT sync_xid::text AS xid FROM ${table}_n`);
      expect(rows.map((row) => ({ ...row }))).toEqual([{ xid }]);
      await run(`DELETE FROM ${table}_n`);
      expect(await records()).toEqual([{ kind: "row", key: "n,1" }]);
    });

    test("TRUNCATE of one partition is recorded", async () => {
      await run(`TRUNCATE ${table}_s`);
      expect(await records()).toEqual([{ kind: "truncate", key: null }]);
    });

    test("a partition that comes or goes shows as broken tracking until it is tracked again", async () => {
      const intact = async () => {
        const [row] =
          await run(`SELECT triggers = datahub_sync.describe_triggers(relation_oid::regclass) AS intact
                                   FROM datahub_sync.tracked_tables WHERE table_name = '${table}'`);
        return row!["intact"] as boolean;
      };
      expect(await intact()).toBe(true);
      await run(`CREATE TABLE ${table}_w PARTITION OF ${table} FOR VALUES IN ('w')`);
      expect(await intact()).toBe(false);
      await track(db.sql, table);
      expect(await intact()).toBe(true);
      await run(`INSERT INTO ${table} VALUES ('w', 3, 'c')`);
      await run(`TRUNCATE ${table}_w`);
      expect(await records()).toEqual([{ kind: "truncate", key: null }]);
      await run(`ALTER TABLE ${table} DETACH PARTITION ${table}_w`);
      expect(await intact()).toBe(false);
    });
  });

  test("an ordinary writer needs no rights on our tables, whatever it does", async () => {
    await make("id int PRIMARY KEY, a text");
    const role = `writer_${crypto.randomUUID().replaceAll("-", "")}`;
    await run(`CREATE ROLE ${role}`);
    try {
      await run(`GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ${table} TO ${role}`);
      await db.sql.begin(async (tx) => {
        await tx.unsafe(`SET LOCAL ROLE ${role}`);
        await tx.unsafe(`INSERT INTO ${table} VALUES (1, 'a'), (2, 'b')`);
        await tx.unsafe(`UPDATE ${table} SET id = 3, a = 'c' WHERE id = 1`);
        await tx.unsafe(`DELETE FROM ${table} WHERE id = 2`);
        await tx.unsafe(`TRUNCATE ${table}`);
        // It may not read or forge them by itself, beyond recording a key, which alone deletes nothing.
        await expect(
          tx.savepoint((point) => point.unsafe("SELECT * FROM datahub_sync.deletions")),
        ).rejects.toMatchObject({ code: "42501" });
        await expect(
          tx.savepoint((point) => point.unsafe(`SELECT datahub_sync.untrack('${table}'::regclass)`)),
        ).rejects.toMatchObject({ code: "42501" });
      });
      expect(await records()).toEqual([
        { kind: "row", key: "1" },
        { kind: "row", key: "2" },
        { kind: "truncate", key: null },
      ]);
    } finally {
      await run(`DROP OWNED BY ${role}`);
      await run(`DROP ROLE ${role}`);
    }
  });

  test("invariant 12: records take no transaction id of their own for each row", async () => {
    await make("id int PRIMARY KEY");
    await run(`INSERT INTO ${table} SELECT generate_series(1, 500)`);
    const [before] = await run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax");
    await run(`DELETE FROM ${table}`);
    const [after] = await run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax");
    // Other tests use the cluster too, so that there may be a few more than the one.
    expect(Number(after!["xmax"]) - Number(before!["xmax"])).toBeLessThan(400);
  });
});
