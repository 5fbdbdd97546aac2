import { beforeEach, describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { currentXid } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("recorded deletions (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make } = table;

  test("a deleted row's key is recorded, with the transaction that deleted it", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 5) n");
    const xid = await table.sql.begin(async (tx) => {
      await tx.savepoint((point) => run("DELETE FROM $t WHERE id < 3", point));
      return currentXid(tx);
    });
    expect(await table.deletions()).toEqual([
      { kind: "row", key: "1" },
      { kind: "row", key: "2" },
    ]);
    const rows = await run(`SELECT DISTINCT xid::text AS xid FROM datahub_sync.deletions d
                              JOIN datahub_sync.tracked_tables t ON t.id = tracked_id WHERE table_name = '$t'`);
    expect(rows).toEqual([{ xid }]);
  });

  test("nothing is recorded of a deletion that is rolled back", async () => {
    await make("id int PRIMARY KEY");
    await run("INSERT INTO $t VALUES (1)");
    await table.sql
      .begin(async (tx) => {
        await run("DELETE FROM $t", tx);
        throw new Error("rolled back");
      })
      .catch(() => undefined);
    expect(await table.deletions()).toEqual([]);
  });

  test("a changed key records the old one; a change beside the key records nothing", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t VALUES (1, 'a')");
    await run("UPDATE $t SET a = 'b'");
    await run("UPDATE $t SET id = 2");
    await run("INSERT INTO $t VALUES (2, 'c') ON CONFLICT (id) DO UPDATE SET id = 3");
    expect(await table.deletions()).toEqual([
      { kind: "row", key: "1" },
      { kind: "row", key: "2" },
    ]);
  });

  test("a key that equals the old one for SQL and prints differently is another key", async () => {
    await make("id numeric PRIMARY KEY");
    await run("INSERT INTO $t VALUES (1.0)");
    await run("UPDATE $t SET id = 1.00");
    expect(await table.deletions()).toEqual([{ kind: "row", key: "1.0" }]);
  });

  test("the parts of a key of several columns can be told apart", async () => {
    await make(String.raw`p text, q text, PRIMARY KEY (p, q)`);
    await run(String.raw`INSERT INTO $t VALUES ('a,b', 'c'), ('a', 'b,c'), ('a\', 'b'), ('', '')`);
    await run("DELETE FROM $t");
    expect((await table.deletions()).map(({ key }) => key)).toEqual(["a\\,b,c", "a,b\\,c", "a\\\\,b", ","]);
  });

  test("a key's text does not depend on the settings of who deletes", async () => {
    await make("at timestamptz, f float8, b bytea, PRIMARY KEY (at, f, b)");
    await run(`INSERT INTO $t VALUES ('2020-01-02 03:04:05.678+00', 0.1::float8 + 0.2, '\\x00ff')`);
    await table.sql.begin(async (tx) => {
      await tx.unsafe(`SET LOCAL TimeZone = 'Asia/Kolkata'; SET LOCAL DateStyle = 'German';
                       SET LOCAL extra_float_digits = -5; SET LOCAL bytea_output = 'escape'`);
      await run("DELETE FROM $t", tx);
      const [after] = await run("SELECT current_setting('TimeZone') AS zone", tx);
      expect(after).toEqual({ zone: "Asia/Kolkata" }); // and the writer's settings are left alone
    });
    expect(await table.deletions()).toEqual([
      { kind: "row", key: "2020-01-02 03:04:05.678+00,0.30000000000000004,\\\\x00ff" },
    ]);
  });

  test("invariant 12: a writer to whom backslashes in strings are escapes writes, changes keys and deletes", async () => {
    await make("p text, q text, PRIMARY KEY (p, q)");
    await table.sql.begin(async (tx) => {
      await tx.unsafe("SET LOCAL standard_conforming_strings = off; SET LOCAL escape_string_warning = off");
      await run("INSERT INTO $t VALUES (E'a\\\\', 'b,c'), ('d', 'e')", tx);
      await run("UPDATE $t SET q = 'f' WHERE p = 'd'", tx);
      await run("DELETE FROM $t WHERE q = 'b,c'", tx);
    });
    expect((await table.deletions()).map(({ key }) => key)).toEqual(["d,e", "a\\\\,b\\,c"]);
  });

  test("TRUNCATE is recorded as such", async () => {
    await make("id int PRIMARY KEY");
    await run("INSERT INTO $t VALUES (1)");
    await run("TRUNCATE $t");
    expect(await table.deletions()).toEqual([{ kind: "truncate", key: null }]);
  });

  describe("of a partitioned table", () => {
    beforeEach(async () => {
      await run(
        "CREATE TABLE $t (region text, id int, a text, PRIMARY KEY (region, id)) PARTITION BY LIST (region)",
      );
      await run("CREATE TABLE $t_n PARTITION OF $t FOR VALUES IN ('n')");
      await run("CREATE TABLE $t_s PARTITION OF $t FOR VALUES IN ('s')");
      await table.track();
      await run("INSERT INTO $t VALUES ('n', 1, 'a'), ('s', 2, 'b')");
    });

    test("a row that moves is stamped, and its old key recorded", async () => {
      const xid = await table.sql.begin(async (tx) => {
        await run("UPDATE $t SET region = 's' WHERE id = 1", tx);
        return currentXid(tx);
      });
      const rows = await run("SELECT sync_xid::text AS xid FROM $t WHERE id = 1");
      expect(rows).toEqual([{ xid }]);
      // Twice: as a changed key, and as the deletion that moving it is. A record is no proof.
      expect(new Set((await table.deletions()).map(({ key }) => key))).toEqual(new Set(["n,1"]));
    });

    test("a row that is written and deleted through its partition is marked and recorded", async () => {
      const xid = await table.sql.begin(async (tx) => {
        await run("UPDATE $t_n SET a = 'c'", tx);
        return currentXid(tx);
      });
      const rows = await run("SELECT sync_xid::text AS xid FROM $t_n");
      expect(rows).toEqual([{ xid }]);
      await run("DELETE FROM $t_n");
      expect(await table.deletions()).toEqual([{ kind: "row", key: "n,1" }]);
    });

    test("TRUNCATE of one partition is recorded", async () => {
      await run("TRUNCATE $t_s");
      expect(await table.deletions()).toEqual([{ kind: "truncate", key: null }]);
    });

    test("a partition that comes or goes shows as broken tracking until it is tracked again", async () => {
      const intact = async () => {
        const [row] =
          await run(`SELECT triggers = datahub_sync.describe_triggers(relation_oid::regclass) AS intact
                                   FROM datahub_sync.tracked_tables WHERE table_name = '$t'`);
        return row!["intact"] as boolean;
      };
      expect(await intact()).toBe(true);
      await run("CREATE TABLE $t_w PARTITION OF $t FOR VALUES IN ('w')");
      expect(await intact()).toBe(false);
      await table.track();
      expect(await intact()).toBe(true);
      await run("INSERT INTO $t VALUES ('w', 3, 'c')");
      await run("TRUNCATE $t_w");
      expect(await table.deletions()).toEqual([{ kind: "truncate", key: null }]);
      await run("ALTER TABLE $t DETACH PARTITION $t_w");
      expect(await intact()).toBe(false);
    });
  });

  test("an ordinary writer needs no rights on our tables, whatever it does", async () => {
    await make("id int PRIMARY KEY, a text");
    const role = `writer_${crypto.randomUUID().replaceAll("-", "")}`;
    await run(`CREATE ROLE ${role}`);
    try {
      await run(`GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON $t TO ${role}`);
      await table.sql.begin(async (tx) => {
        await run(`SET LOCAL ROLE ${role}`, tx);
        await run("INSERT INTO $t VALUES (1, 'a'), (2, 'b')", tx);
        await run("UPDATE $t SET id = 3, a = 'c' WHERE id = 1", tx);
        await run("DELETE FROM $t WHERE id = 2", tx);
        await run("TRUNCATE $t", tx);
        // It may not read or forge them by itself, beyond recording a key, which alone deletes nothing.
        await expect(
          tx.savepoint((point) => run("SELECT * FROM datahub_sync.deletions", point)),
        ).rejects.toMatchObject({ code: "42501" });
        await expect(
          tx.savepoint((point) => run("SELECT datahub_sync.untrack('$t'::regclass)", point)),
        ).rejects.toMatchObject({ code: "42501" });
      });
      expect(await table.deletions()).toEqual([
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
    await run("INSERT INTO $t SELECT generate_series(1, 500)");
    const [before] = await run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax");
    await run("DELETE FROM $t");
    const [after] = await run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax");
    // Other tests use the cluster too, so that there may be a few more than the one.
    expect(Number(after!["xmax"]) - Number(before!["xmax"])).toBeLessThan(400);
  });
});
