import { describe, expect, test } from "vitest";
import { SyncError } from "../../src/model/errors.js";
import { expectIoForeseen, foreseeRun } from "../support/foresee-run.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text, b jsonb)";
const rows = (from: number, to: number) =>
  `INSERT INTO $t SELECT n, repeat('row ' || n, 40), jsonb_build_object('n', n) FROM generate_series(${from}, ${to}) n`;

async function loaded(count: number): Promise<MirrorFixture> {
  const mirror = await open({ ddl: DDL });
  await mirror.run(rows(1, count));
  await mirror.sync();
  return mirror;
}

describe("sync --dry-run writes nothing, and counts what the run right after it does", () => {
  test("a first load", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(rows(1, 2_500));
    const foreseen = await foreseeRun(mirror);
    expect(foreseen.dry.tables).toMatchObject([{ run: "load", mode: "full", read: 2_500, inserted: 2_500 }]);
    expectIoForeseen(foreseen);
  });

  test("nothing to do", async () => {
    const mirror = await loaded(50);
    const foreseen = await foreseeRun(mirror);
    expect(foreseen.dry.tables).toMatchObject([{ run: "nothing", mode: "delta", calls: 0 }]);
    expectIoForeseen(foreseen);
  });

  test("a delta: changed, new, gone and equal again", async () => {
    const mirror = await loaded(2_000);
    await mirror.run(`UPDATE $t SET a = repeat('new ' || id, 40) WHERE id <= 700;
                      DELETE FROM $t WHERE id BETWEEN 1001 AND 1100;
                      UPDATE $t SET a = a || '!' WHERE id = 1500; UPDATE $t SET a = rtrim(a, '!') WHERE id = 1500;
                      ${rows(2_001, 2_300)}`);
    const foreseen = await foreseeRun(mirror);
    expect(foreseen.dry.tables).toMatchObject([
      { run: "delta", read: 1_001, inserted: 300, updated: 700, unchanged: 1, deleted: 100, heldBack: 0 },
    ]);
    expectIoForeseen(foreseen);
  });

  test("a full run over rows that were changed unlogged", async () => {
    const mirror = await loaded(1_000);
    await mirror.run(`ALTER TABLE $t DISABLE TRIGGER USER; UPDATE $t SET a = 'x' WHERE id <= 40;
                      DELETE FROM $t WHERE id BETWEEN 50 AND 55; ALTER TABLE $t ENABLE TRIGGER USER`);
    await mirror.migrate();
    const foreseen = await foreseeRun(mirror, "full");
    expect(foreseen.dry.tables).toMatchObject([{ run: "compare", mode: "full", updated: 40, deleted: 6 }]);
    expectIoForeseen(foreseen);
  });

  test("a full run where both sides have another order", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id text COLLATE "en-x-icu" PRIMARY KEY, a text)`,
    });
    await mirror.run("INSERT INTO $t SELECT 'k' || n, repeat('v', 100) FROM generate_series(1, 900) n");
    await mirror.sync();
    await mirror.run("UPDATE $t SET a = 'w' WHERE id LIKE 'k1%'; DELETE FROM $t WHERE id IN ('k2', 'k3')");
    const foreseen = await foreseeRun(mirror, "full");
    expect(foreseen.dry.tables).toMatchObject([{ run: "compare", deleted: 2 }]);
    expectIoForeseen(foreseen);
  });

  test("a deep run over documents edited, removed and added by hand", async () => {
    const mirror = await loaded(300);
    const [edited, removed] = mirror.documents();
    mirror.deployment.insert(mirror.table, { id: -1, a: "a stranger" });
    mirror.deployment.patch(edited!._id, { a: "edited" });
    mirror.deployment.remove(removed!._id);
    const foreseen = await foreseeRun(mirror, "deep");
    expect(foreseen.dry.tables).toMatchObject([{ mode: "deep", inserted: 1, updated: 1, deleted: 1 }]);
    expectIoForeseen(foreseen);
  });
});

describe("sync --dry-run says what a run would not do, and why", () => {
  test("rows that cannot be mirrored, with the reason, and older ones that are mended", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
    await mirror.run("INSERT INTO $t SELECT n, 'v' FROM generate_series(1, 60) n");
    await mirror.run("UPDATE $t SET a = repeat('x', 1100000) WHERE id IN (1, 2)");
    expect(await foreseeRun(mirror)).toMatchObject({
      dry: { tables: [{ inserted: 58, rejected: 2, setAside: [{ code: "DOCUMENT_TOO_LARGE", rows: 2 }] }] },
    });
    await mirror.run(
      "UPDATE $t SET a = 'mended' WHERE id = 1; UPDATE $t SET a = repeat('y', 1100000) WHERE id = 3",
    );
    await mirror.run("DELETE FROM $t WHERE id = 2");
    const foreseen = await foreseeRun(mirror);
    expect(foreseen.dry).toMatchObject({
      ok: true,
      exitCode: 0,
      foreseenExitCode: 3,
      tables: [{ inserted: 1, deleted: 1, rejected: 1, setAside: [{ code: "DOCUMENT_TOO_LARGE", rows: 1 }] }],
    });
    expect(await foreseeRun(mirror, "full")).toMatchObject({ dry: { tables: [{ rejected: 1 }] } });
  });

  test("rows so many that the run would stop", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a jsonb)" });
    await mirror.run(
      `INSERT INTO $t SELECT n, (SELECT jsonb_object_agg('k' || k, 1) FROM generate_series(1, 1100) k) FROM generate_series(1, 30) n`,
    );
    const dry = await mirror.dryRun();
    expect(dry).toMatchObject({ ok: false, exitCode: 1, tables: [{ run: "refused" }] });
    expect(dry.tables[0]!.error!.code).toBe((await mirror.runSync()).tables[0]!.error!.code);
  });

  test.each(["delta", "full", "deep"] as const)("deletions held back, found by a %s run", async (mode) => {
    const mirror = await loaded(60);
    await mirror.run(
      "DELETE FROM $t WHERE id <= 20; INSERT INTO $t (id) VALUES (100); DELETE FROM $t WHERE id = 100",
    );
    const held = await foreseeRun(mirror, mode);
    expect(held.dry).toMatchObject({ exitCode: 0, foreseenExitCode: 5 });
    expect(held.dry.tables).toMatchObject([{ deleted: 0, heldBack: 20 }]);
    // Found once more, by the log or a comparison, beside those that are written down.
    await mirror.run("DELETE FROM $t WHERE id = 21; INSERT INTO $t (id) VALUES (1)");
    expect((await foreseeRun(mirror, mode)).dry.tables).toMatchObject([{ deleted: 0, heldBack: 20 }]);
    const allowed = await foreseeRun(mirror, mode, { allowDeletes: true });
    expect(allowed.dry.tables).toMatchObject([{ deleted: 20, heldBack: 0 }]);
    expectIoForeseen(allowed);
  });

  test("keys that came and went between two runs, where some are gone and some were never in Convex", async () => {
    const mirror = await loaded(100);
    await mirror.run(`${rows(101, 110)}; DELETE FROM $t WHERE id > 95`);
    expect((await foreseeRun(mirror)).dry.tables).toMatchObject([{ deleted: 5, heldBack: 0 }]);
    await mirror.run(`${rows(101, 130)}; DELETE FROM $t WHERE id > 95`);
    expect((await foreseeRun(mirror)).dry.tables).toMatchObject([{ deleted: 0, heldBack: 0, calls: 1 }]);
  });

  test("a document of nobody's that is held back with rows, and found by each deep run", async () => {
    const mirror = await loaded(60);
    mirror.deployment.insert(mirror.table, { id: -1 });
    await mirror.run("DELETE FROM $t WHERE id <= 30");
    for (let run = 0; run < 2; run++) {
      expect((await foreseeRun(mirror, "deep")).dry.tables).toMatchObject([{ heldBack: 31 }]);
    }
    expect((await foreseeRun(mirror)).dry.tables).toMatchObject([{ heldBack: 31 }]);
  });

  test("documents that were there before the first load", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(rows(1, 10));
    for (let n = 0; n < 3; n++) mirror.deployment.insert(mirror.table, { n });
    expect((await foreseeRun(mirror)).dry.tables).toMatchObject([{ run: "load", inserted: 10, heldBack: 3 }]);
    expect((await foreseeRun(mirror, "delta", { allowDeletes: true })).dry.tables).toMatchObject([
      { deleted: 3 },
    ]);
  });

  test("a table that lost its triggers is tracked anew and compared", async () => {
    const mirror = await loaded(100);
    await mirror.run("DROP TRIGGER IF EXISTS zzz_none ON $t; ALTER TABLE $t DISABLE TRIGGER USER");
    await mirror.run("UPDATE $t SET a = 'unlogged' WHERE id = 1");
    const foreseen = await foreseeRun(mirror);
    expect(foreseen.dry.tables).toMatchObject([
      { run: "compare", mode: "full", tracking: "mended", updated: 1 },
    ]);
    await mirror.compare();
  });

  test("a table that was dropped and created again", async () => {
    const mirror = await loaded(100);
    await mirror.run(`DROP TABLE $t; ${DDL}; ${rows(1, 95)}`);
    expect((await foreseeRun(mirror)).dry.tables).toMatchObject([{ mode: "full", tracking: "mended" }]);
  });

  test("a wiped deployment is filled again", async () => {
    const mirror = await open({ ddl: DDL });
    const empty = mirror.deployment.export();
    await mirror.run(rows(1, 500));
    await mirror.sync();
    mirror.deployment.import(empty);
    const foreseen = await foreseeRun(mirror);
    expect(foreseen.dry.tables).toMatchObject([{ run: "compare", mode: "full", inserted: 500 }]);
    expectIoForeseen(foreseen);
  });

  test("documents that were wiped, and not the ledger", async () => {
    const mirror = await loaded(200);
    for (const { _id } of mirror.documents()) mirror.deployment.remove(_id);
    expect((await foreseeRun(mirror)).dry.tables).toMatchObject([{ mode: "deep", inserted: 200 }]);
  });

  test("an unmigrated deployment, another source, a table that is not tracked: refused as the run is", async () => {
    const mirror = await loaded(3);
    await mirror.run("SELECT datahub_sync.untrack('$t'::regclass)");
    const dry = await mirror.dryRun();
    expect(dry).toMatchObject({
      ok: false,
      exitCode: 1,
      tables: [{ run: "refused", error: { code: "NOT_TRACKED" } }],
    });
  });

  test("an interrupted run, which is gone on with", async () => {
    const mirror = await loaded(2_500);
    await mirror.run("UPDATE $t SET a = 'new'");
    const stop = new AbortController();
    const stopped = await mirror.runSync("delta", {
      signal: stop.signal,
      progress: { tableProgress: (_, rows) => rows >= 2_400 && stop.abort(interrupted()) },
    });
    expect(stopped.tables[0]!.outcome).toBe("failed");
    const { dry } = await foreseeRun(mirror);
    expect(dry.tables[0]!.notices).toMatchObject([{ code: "RESUMED" }]);
  });

  test("Postgres itself holds that nothing is written: not even a function of the owner's may", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_seen (id int);
            CREATE FUNCTION $t_note(int) RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO $t_seen VALUES ($1) RETURNING id';
            CREATE VIEW $t_view AS SELECT id, $t_note(id) AS noted FROM $t`,
      mirrors: [{ relation: "$t_view" }],
    });
    await mirror.run("INSERT INTO $t VALUES (1)");
    expect(await mirror.dryRun()).toMatchObject({
      ok: false,
      tables: [{ error: { code: "DATABASE_FAILED" } }],
    });
    expect(await mirror.run("SELECT * FROM $t_seen")).toEqual([]);
    expect(await mirror.sync()).toMatchObject({ inserted: 1 });
    expect(await mirror.run("SELECT * FROM $t_seen")).not.toEqual([]);
  });

  test("a run that goes on is said, and waits for nothing", async () => {
    const mirror = await loaded(5);
    await mirror.sql`UPDATE datahub_sync.leases SET released = false, expires_at = clock_timestamp() + interval '1 hour'`;
    expect((await mirror.dryRun()).notices).toMatchObject([{ code: "RUN_GOES_ON" }]);
  });
});

function interrupted(): SyncError {
  return new SyncError({ code: "INTERRUPTED", message: "Stopped.", remedy: "Run again." });
}
