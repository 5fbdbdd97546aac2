import { describe, expect, test, vi } from "vitest";
import { Database } from "../../src/postgres/database.js";
import { MIRROR_RETENTION_DAYS, purgeChanges } from "../../src/state/change-log-size.js";
import { releaseLease } from "../../src/state/take-lease.js";
import { readOverview } from "../../src/state/read-overview.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { registerMirror } from "../support/run-steps.js";
import { useRuns, type RunTarget } from "../support/run-fixture.js";
import { useTable } from "../support/table-fixture.js";

describe.each(ALL_POSTGRES_VERSIONS)("purging the change log (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;
  const { begin, finish, age, makeTarget } = useRuns(table);

  const make = () => table.make("id int PRIMARY KEY, a text");
  const insert = (id: number) => run(`INSERT INTO $t VALUES (${id}, 'a')`);
  const keysLeft = async () => (await table.log()).map(({ key }) => key);
  /** By a run of a mirror that is not looked at here, and of these. */
  const purge = ({ token }: RunTarget, running: string[] = []) =>
    purgeChanges(table.database, { ...token, mirrors: ["another", ...running] });

  test("what the watermark has seen goes, what came after it stays", async () => {
    const id = await make();
    const target = await makeTarget();
    await insert(1);
    await finish(target, id);
    await insert(2);
    await purge(target);
    expect(await keysLeft()).toEqual(["a2"]);
    await purge(target);
    expect(await keysLeft()).toEqual(["a2"]);
  });

  test("what is kept is what the slowest deployment, and the slowest of two mirrors, has not seen", async () => {
    const id = await make();
    const [fast, slow] = [await makeTarget(), await makeTarget()];
    await insert(1);
    await finish(slow, id);
    await finish(slow, id, "another of the same table");
    await insert(2);
    await finish(fast, id);
    await finish(slow, id);
    await insert(3);
    await purge(fast);
    expect(await keysLeft()).toEqual(["a2", "a3"]);
    await finish(slow, id, "another of the same table");
    await purge(slow);
    expect(await keysLeft()).toEqual(["a3"]); // the fast one's watermark
    await finish(fast, id);
    await finish(slow, id);
    await finish(slow, id, "another of the same table");
    await purge(fast);
    expect(await keysLeft()).toEqual([]);
  });

  test("an old transaction keeps its own entries alone, and they stay until a run has read them", async () => {
    const id = await make();
    const target = await makeTarget();
    const old = await table.sql.reserve();
    await run("BEGIN; INSERT INTO $t VALUES (1)", old);
    for (const n of [2, 3, 4]) await insert(n);
    await finish(target, id);
    await insert(5);
    await run("COMMIT", old);
    old.release();
    await purge(target);
    expect((await keysLeft()).sort()).toEqual(["a1", "a5"]);
    await finish(target, id);
    await purge(target);
    expect(await keysLeft()).toEqual([]);
  });

  test("the first load of a mirror begins at its snapshot, interrupted or not", async () => {
    const id = await make();
    const [target, other] = [await makeTarget(), await makeTarget()];
    await insert(1);
    await begin(target, id);
    await insert(2);
    await purge(other);
    expect(await keysLeft()).toEqual(["a2"]);
    await releaseLease(table.database, target.token);
    await purge(other);
    expect(await keysLeft()).toEqual(["a2"]);
  });

  test("a mirror that is about to load keeps everything while its run lives", async () => {
    const id = await make();
    const [target, other] = [await makeTarget(), await makeTarget()];
    await insert(1);
    await finish(other, id);
    await registerMirror(table.database, target.token, "m", id);
    await purge(other);
    expect(await keysLeft()).toEqual(["a1"]);
    // Its own purge comes before it registers; what an earlier run of it left keeps nothing.
    await purge(target);
    expect(await keysLeft()).toEqual([]);

    await insert(2);
    await finish(other, id);
    await releaseLease(table.database, target.token);
    await purge(other);
    expect(await keysLeft()).toEqual([]);
  });

  test("nothing is kept for a table that nobody mirrors", async () => {
    await make();
    await insert(1);
    await run("TRUNCATE $t");
    await purge(await makeTarget());
    expect(await table.log()).toEqual([]);
  });

  test("entries that a dump brought from another cluster go, whoever may seem to wait for them", async () => {
    const id = await make();
    const target = await makeTarget();
    await finish(target, id);
    const [row] = await run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax");
    const future = String(Number(row!["xmax"]) + 1_000_000);
    await run(
      `INSERT INTO datahub_sync.changes (tracked_id, kind, key, xid) VALUES (${id}, 'u', 'future', '${future}')`,
    );
    await run(`INSERT INTO datahub_sync.changes (tracked_id, kind, xid) VALUES (${id}, 'u', '${future}')`);
    await insert(1);
    await purge(target);
    expect(await keysLeft()).toEqual(["a1"]);
  });

  test("in batches, so that no statement deletes more than 50,000", async () => {
    const id = await make();
    const target = await makeTarget();
    await run(`INSERT INTO datahub_sync.changes (tracked_id, kind, key)
               SELECT ${id}, 'u', n::text FROM generate_series(1, 120000) n`);
    await finish(target, id);
    await insert(1);
    const spy = vi.spyOn(Database.prototype, "executeDrizzle");
    await purge(target);
    const batches = spy.mock.calls.filter(([doing]) => doing === "purging the change log");
    spy.mockRestore();
    expect(batches).toHaveLength(3);
    expect(await keysLeft()).toEqual(["a1"]);
  });

  test("a writer does not wait for it, nor it for a writer", async () => {
    const id = await make();
    const target = await makeTarget();
    await insert(1);
    await finish(target, id);
    await table.sql.begin(async (tx) => {
      await run("SET LOCAL lock_timeout = '1s'", tx);
      await run("INSERT INTO $t VALUES (2)", tx);
      await purge(target);
      await run("INSERT INTO $t VALUES (3)", tx);
    });
    expect(await keysLeft()).toEqual(["a2", "a3"]);
  });

  test("invariant 5: a run that has lost its lease deletes nothing", async () => {
    const id = await make();
    const target = await makeTarget();
    await insert(1);
    await finish(target, id);
    await run(`UPDATE datahub_sync.leases SET nonce = 'another' WHERE target_id = ${target.token.targetId}`);
    await expect(purge(target)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await keysLeft()).toEqual(["a1"]);
  });

  describe("mirrors that no longer run", () => {
    const mirrors = async () => {
      const rows = await run(
        "SELECT m.name FROM datahub_sync.mirrors m JOIN datahub_sync.tracked_tables t ON t.id = m.tracked_id WHERE t.relation_oid = '$t'::regclass ORDER BY 1",
      );
      return rows.map(({ name }) => name);
    };

    test("are forgotten, so that they do not keep the log for ever", async () => {
      const id = await make();
      const [target, gone] = [await makeTarget(), await makeTarget()];
      await finish(gone, id, "gone");
      await finish(target, id, "taken out of the configuration");
      await releaseLease(table.database, gone.token);
      await insert(1);
      await finish(target, id, "m");
      for (const [name, of] of [
        ["gone", gone],
        ["taken out of the configuration", target],
      ] as const) {
        await age(name, of, MIRROR_RETENTION_DAYS - 1);
        await purge(target, ["m"]);
        expect(await mirrors()).toContain(name);
        expect(await keysLeft()).toEqual(["a1"]);
        await age(name, of, 2);
        await purge(target, ["m"]);
        expect(await mirrors()).not.toContain(name);
      }
      expect(await mirrors()).toEqual(["m"]);
      expect(await keysLeft()).toEqual([]);
    });

    test("are kept while a run of theirs goes on, however old their watermark is", async () => {
      const id = await make();
      const [target, other] = [await makeTarget(), await makeTarget()];
      await finish(target, id, "mine");
      await finish(other, id, "theirs");
      await insert(1);
      await age("mine", target, 100);
      await age("theirs", other, 100);
      await purge(target, ["mine"]);
      expect(await mirrors()).toEqual(["mine", "theirs"]);
      expect(await keysLeft()).toEqual(["a1"]);
      await releaseLease(table.database, other.token);
      await purge(target, ["mine"]);
      expect(await mirrors()).toEqual(["mine"]);
    });

    test("cost nothing where the log holds nothing of their table, and stay", async () => {
      const id = await make();
      const [target, other] = [await makeTarget(), await makeTarget()];
      await finish(other, id, "idle");
      await age("idle", other, 100);
      await releaseLease(table.database, other.token);
      await purge(target);
      expect(await mirrors()).toEqual(["idle"]);
    });

    test("are named once they have let entries wait for a day, oldest first", async () => {
      const id = await make();
      const [target, other] = [await makeTarget(), await makeTarget()];
      await finish(target, id, "mine");
      await finish(other, id, "theirs");
      const waiting = async () => {
        const found = (await readOverview(table.database, "")).idleMirrors;
        return found.filter(({ url }) => [target.url, other.url].includes(url));
      };
      await age("mine", target, 2);
      await age("theirs", other, 3);
      expect(await waiting()).toEqual([]);
      await insert(1);
      await insert(2);
      expect(await waiting()).toEqual([
        { mirror: "theirs", url: other.url, entries: 2, lastAt: expect.stringMatching(/Z$/) as string },
        { mirror: "mine", url: target.url, entries: 2, lastAt: expect.stringMatching(/Z$/) as string },
      ]);
      await finish(other, id, "theirs");
      expect((await waiting()).map(({ mirror }) => mirror)).toEqual(["mine"]);
    });
  });

  test("the size is that of all entries, and of the files", async () => {
    const before = (await readOverview(table.database, "")).changeLog;
    await make();
    await run("INSERT INTO $t SELECT generate_series(1, 1000)");
    const after = (await readOverview(table.database, "")).changeLog;
    expect(after.entries).toBe(before.entries + 1000);
    expect(after.bytes).toBeGreaterThan(8192);
  });

  test("VACUUM gives no page back, which would take the lock that stops every writer", async () => {
    const options = await run(
      "SELECT reloptions::text AS options FROM pg_class WHERE oid = 'datahub_sync.changes'::regclass",
    );
    expect(options[0]!["options"]).toContain("vacuum_truncate=off");
  });
});
