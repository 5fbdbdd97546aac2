import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { currentXid } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("the log and transactions (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make, newEntries } = table;

  const xids = () =>
    run(`SELECT DISTINCT c.xid::text AS xid FROM datahub_sync.changes c
           JOIN datahub_sync.tracked_tables t ON t.id = c.tracked_id WHERE t.relation_oid = '$t'::regclass`);

  test("invariant 2: an entry carries the transaction that commits, savepoints and blocks included", async () => {
    await make("id int PRIMARY KEY, a text");
    const xid = await table.sql.begin(async (tx) => {
      await run("INSERT INTO $t VALUES (1, 'plain')", tx);
      await tx.savepoint(async (point) => {
        await run("INSERT INTO $t VALUES (2, 'savepoint')", point);
        await point.savepoint((inner) => run("UPDATE $t SET a = 'inner' WHERE id = 1", inner));
      });
      await run(
        `DO $$ BEGIN
           BEGIN INSERT INTO $t VALUES (4, 'block'); PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN
             INSERT INTO $t VALUES (5, 'handler'); END;
         END $$`,
        tx,
      );
      await tx.savepoint((point) => run("DELETE FROM $t WHERE id = 2", point));
      return currentXid(tx);
    });
    const entries = (await table.log()).map(({ kind, key }) => `${kind} ${key}`);
    expect(entries).toEqual(["i a1", "i a2", "u a1", "i a5", "d a2"]);
    expect(await xids()).toEqual([{ xid }]);
  });

  test("nothing is left of what is rolled back", async () => {
    await make("id int PRIMARY KEY");
    await run("INSERT INTO $t VALUES (1)");
    const before = await table.log();
    await table.sql
      .begin(async (tx) => {
        await run("DELETE FROM $t; INSERT INTO $t VALUES (2); TRUNCATE $t", tx);
        throw new Error("rolled back");
      })
      .catch(() => undefined);
    expect(await table.log()).toEqual(before);
  });

  test("COPY", async () => {
    await make("id int PRIMARY KEY, a text");
    await table.sql.begin(async (tx) => {
      const copy = await tx.unsafe(`COPY ${table.name} FROM STDIN`).writable();
      await pipeline(Readable.from(["1\tone\n", "2\ttwo\n", "33\tthree\n"]), copy);
    });
    expect((await table.log()).map(({ kind, key }) => `${kind} ${key}`)).toEqual(["i a1", "i a2", "i b33"]);
  });

  test("where session_replication_role silences ordinary triggers: logical apply", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamp", { updatedAt: "content" });
    await run("INSERT INTO $t VALUES (1, 'a', '2020-01-01'), (2, 'b', '2020-01-01')");
    const replicate = (statement: string) =>
      table.sql.begin(async (tx) => {
        await run("SET LOCAL session_replication_role = replica", tx);
        return newEntries(statement, tx);
      });
    expect(await replicate("UPDATE $t SET a = 'c' WHERE id = 1")).toEqual(["u a1"]);
    expect(await replicate("INSERT INTO $t VALUES (3)")).toEqual(["i a3"]);
    expect(await replicate("DELETE FROM $t WHERE id = 2")).toEqual(["d a2"]);
    // What the publisher has is what the subscriber gets: here no trigger gives rows their updated_at back.
    expect(await replicate("UPDATE $t SET updated_at = '2021-01-01' WHERE id = 1")).toEqual(["t a1"]);
    expect(await run("SELECT updated_at::text AS at FROM $t WHERE id = 1")).toEqual([
      { at: "2021-01-01 00:00:00" },
    ]);
    expect(await replicate("TRUNCATE $t")).toEqual(["c null"]);
  });

  test("constraints that are deferred, and rows that a statement touches twice", async () => {
    await make("id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, a text");
    await run("INSERT INTO $t VALUES (1, 'a'), (2, 'b')");
    const swapped = await newEntries("UPDATE $t SET id = 3 - id");
    expect(new Set(swapped)).toEqual(new Set(["i a2", "d a1", "i a1", "d a2"]));
    const twice = `WITH first AS (UPDATE $t SET a = 'x' WHERE id = 1 RETURNING id)
                   INSERT INTO $t SELECT id + 8, 'y' FROM first`;
    expect(new Set(await newEntries(twice))).toEqual(new Set(["u a1", "i a9"]));
  });

  test("invariant 12: neither waits for another nor fails in REPEATABLE READ and SERIALIZABLE", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t VALUES (1, 'a'), (2, 'b')");
    for (const level of ["REPEATABLE READ", "SERIALIZABLE"]) {
      await table.sql.begin(`ISOLATION LEVEL ${level}`, async (first) => {
        await run("UPDATE $t SET a = a || 'x' WHERE id = 1", first);
        await table.sql.begin(`ISOLATION LEVEL ${level}`, async (second) => {
          await run("SET LOCAL lock_timeout = '1s'", second);
          await run("UPDATE $t SET a = a || 'y' WHERE id = 2", second);
        });
      });
    }
    expect(await table.log()).toHaveLength(6);
  });

  test("invariant 12: entries take no transaction id of their own for each row", async () => {
    await make("id int PRIMARY KEY");
    const xmax = async () => {
      const [row] = await run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax");
      return Number(row!["xmax"]);
    };
    const before = await xmax();
    await run("INSERT INTO $t SELECT generate_series(1, 500)");
    await run("UPDATE $t SET id = id + 1000");
    await run("DELETE FROM $t");
    // Other tests use the cluster too, so that there may be a few more than the three.
    expect((await xmax()) - before).toBeLessThan(400);
  });
});
