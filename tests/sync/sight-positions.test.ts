import { describe, expect, test } from "vitest";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { expectFull, loadedMirror, PAGED, QUIET, ROWS } from "../support/paged-mirror.js";

const open = useMirrors();
const CHANGE =
  "UPDATE $t SET a = 'b' WHERE id < 4; DELETE FROM $t WHERE id = 9; INSERT INTO $t VALUES (21, 'new')";
const AHEAD = /ahead of this server's transactions/;

const setPosition = (mirror: MirrorFixture, column: "watermark" | "run_snapshot", to: string) =>
  mirror.run(`UPDATE datahub_sync.mirrors SET ${column} = ${to} WHERE name = '$t'`);

/** As a server that was reset, or restored from a dump, would find them. */
const POSITIONS = [
  ["far above the server's transactions", "'99999999:99999999:'"],
  [
    "just above",
    "(SELECT format('%s:%s:', n + 1, n + 1) FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 50) x (n))::pg_snapshot",
  ],
  ["with open transactions above", "'99999990:99999999:99999990,99999995'"],
] as const;

describe("invariant 2: a watermark above the server's transactions never means that nothing has changed:", () => {
  test.each(POSITIONS)("%s", async (_, position) => {
    const mirror = await loadedMirror(open);
    await setPosition(mirror, "watermark", position);
    await mirror.run(CHANGE);
    await expectFull(mirror, AHEAD);
  });

  test.each(POSITIONS)("the snapshot of an interrupted run is %s", async (_, position) => {
    const mirror = await loadedMirror(open);
    await mirror.run("UPDATE $t SET a = 'c' WHERE id <= 12");
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    await mirror.expireLease();
    await setPosition(mirror, "run_snapshot", position);
    await mirror.run(CHANGE);
    await expectFull(mirror, AHEAD);
  });

  test("that of an interrupted first load is", async () => {
    const mirror = await open(PAGED);
    await mirror.run(ROWS);
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    await mirror.expireLease();
    await setPosition(mirror, "run_snapshot", POSITIONS[0][1]);
    await mirror.run(CHANGE);
    await mirror.sync();
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("a run of that kind that is killed leaves no position to go on from", async () => {
    const mirror = await loadedMirror(open);
    await setPosition(mirror, "watermark", POSITIONS[0][1]);
    await mirror.run(CHANGE);
    await watchRun(mirror, { crashBefore: (step) => step === "Convex: applyBatch" });
    expect(await mirror.record()).toMatchObject({ watermark: null });
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("what such a watermark seems to have seen is not purged by the run of another deployment", async () => {
    const mirror = await loadedMirror(open);
    await setPosition(mirror, "watermark", POSITIONS[0][1]);
    await mirror.run(CHANGE);
    await expectFull(mirror, AHEAD);
    await mirror.run("UPDATE $t SET a = 'd' WHERE id = 5");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 1, updated: 1 });
    await mirror.compare();
  });
});
