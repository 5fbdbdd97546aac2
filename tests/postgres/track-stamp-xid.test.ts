import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { readMark, watchMark } from "../support/row-marks.js";
import { useTable } from "../support/table-fixture.js";
import { currentXid } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)(
  "invariant 2: the stamp is the transaction that commits (Postgres %i)",
  (version) => {
    const table = useTable({ version });
    const { run, make } = table;

    test("inside savepoints and exception blocks", async () => {
      await make("id int PRIMARY KEY, a text");
      const xid = await table.sql.begin(async (tx) => {
        await run("INSERT INTO $t VALUES (1, 'plain')", tx);
        await tx.savepoint(async (point) => {
          await run("INSERT INTO $t VALUES (2, 'savepoint')", point);
          await point.savepoint((inner) => run("INSERT INTO $t VALUES (3, 'inner')", inner));
        });
        await run(
          `DO $$ BEGIN
             BEGIN INSERT INTO $t VALUES (4, 'block'); PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN
               INSERT INTO $t VALUES (5, 'handler'); END;
           END $$`,
          tx,
        );
        return currentXid(tx);
      });
      const rows = await run("SELECT id, sync_xid::text AS xid FROM $t ORDER BY id");
      expect(rows).toEqual([1, 2, 3, 5].map((id) => ({ id, xid })));
    });

    test("with COPY, ON CONFLICT and MERGE", async () => {
      await make("id int PRIMARY KEY, a text");
      await table.sql.begin(async (tx) => {
        const copy = await tx.unsafe(`COPY ${table.name} (id, a) FROM STDIN`).writable();
        await pipeline(Readable.from(["1\tone\n", "2\ttwo\n", "3\tthree\n"]), copy);
        const xid = await currentXid(tx);
        const rows = await run("SELECT DISTINCT sync_xid::text AS xid FROM $t", tx);
        expect(rows).toEqual([{ xid }]);
      });

      const upsert = `INSERT INTO $t (id, a) VALUES (1, 'one'), (2, 'TWO')
                      ON CONFLICT (id) DO UPDATE SET a = excluded.a`;
      const same = await watchMark(table, upsert, "id = 1");
      expect(same.after).toEqual(same.before);
      expect((await readMark(table, "id = 2")).xid).toBe(same.xid);

      const merge = `MERGE INTO $t t USING (VALUES (1, 'one'), (2, 'three'), (4, 'four')) AS s (id, a)
                     ON t.id = s.id
                     WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a)`;
      const merged = await watchMark(table, merge, "id = 1");
      expect(merged.after).toEqual(merged.before);
      expect((await readMark(table, "id = 2")).xid).toBe(merged.xid);
      expect((await readMark(table, "id = 4")).xid).toBe(merged.xid);
    });

    test("where session_replication_role silences ordinary triggers", async () => {
      await make("id int PRIMARY KEY, a text");
      await run("INSERT INTO $t VALUES (1, 'a'), (2, 'b')");
      const before = await readMark(table, "id = 1");
      const xid = await table.sql.begin(async (tx) => {
        await run("SET LOCAL session_replication_role = replica", tx);
        await run("UPDATE $t SET a = 'changed' WHERE id = 1", tx);
        await run("DELETE FROM $t WHERE id = 2", tx);
        return currentXid(tx);
      });
      expect(before.xid).not.toBe(xid);
      expect((await readMark(table, "id = 1")).xid).toBe(xid);
      expect(await table.deletions()).toEqual([{ kind: "row", key: "2" }]);
      await table.sql.begin(async (tx) => {
        await run("SET LOCAL session_replication_role = replica", tx);
        await run("TRUNCATE $t", tx);
      });
      expect((await table.deletions()).at(-1)).toEqual({ kind: "truncate", key: null });
    });

    test("by way of foreign keys that cascade", async () => {
      await run("CREATE TABLE $t_parent (id int PRIMARY KEY)");
      await make("id int PRIMARY KEY, parent int REFERENCES $t_parent ON DELETE CASCADE ON UPDATE CASCADE");
      await run("INSERT INTO $t_parent VALUES (1), (2)");
      await run("INSERT INTO $t VALUES (10, 1), (20, 2)");
      const { xid, after } = await watchMark(table, "UPDATE $t_parent SET id = 5 WHERE id = 1", "id = 10");
      expect(after.xid).toBe(xid);
      await run("DELETE FROM $t_parent WHERE id = 2");
      expect(await table.deletions()).toEqual([{ kind: "row", key: "20" }]);
    });

    test("when another trigger of the table changes the row first", async () => {
      await make("id int PRIMARY KEY, a text");
      await run(`CREATE FUNCTION $t_upper() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.a := upper(NEW.a); RETURN NEW; END $$`);
      await run("CREATE TRIGGER zz_upper BEFORE UPDATE ON $t FOR EACH ROW EXECUTE FUNCTION $t_upper()");
      await run("INSERT INTO $t VALUES (1, 'A')");
      const same = await watchMark(table, "UPDATE $t SET a = 'a'");
      expect(same.after).toEqual(same.before);
      const changed = await watchMark(table, "UPDATE $t SET a = 'b'");
      expect(changed.after.xid).toBe(changed.xid);
    });
  },
);
