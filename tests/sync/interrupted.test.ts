import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { SyncError } from "../../src/model/errors.js";
import { migrate, untrack } from "../../src/commands/migrate.js";
import { readStatus } from "../../src/commands/read-status.js";
import { watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { PAGED, ROWS } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

async function filled(): Promise<MirrorFixture> {
  const mirror = await open(PAGED);
  await mirror.run(ROWS);
  return mirror;
}

describe("a run that is interrupted", () => {
  test("stops between batches, releases the lease, and the next one goes on where it stopped", async () => {
    const mirror = await filled();
    const stop = new AbortController();
    let cursors = 0;
    const { report } = await watchRun(mirror, {
      signal: stop.signal,
      onStep: (step) => {
        if (step.includes("writing the progress") && ++cursors === 2) stop.abort(interrupted());
      },
    });
    expect(report).toMatchObject({ exitCode: 1, ok: false });
    expect(report!.tables[0]).toMatchObject({ outcome: "failed", error: { code: "INTERRUPTED" } });
    expect((await mirror.status()).running).toEqual([]);
    expect(mirror.documents()).toHaveLength(10);

    const resumed = await mirror.sync();
    expect(resumed.notices).toContainEqual(expect.objectContaining({ code: "RESUMED" }));
    expect(resumed).toMatchObject({ read: 10, inserted: 10, unchanged: 0 });
    await mirror.compare();
  });

  test("at any step, loses nothing", async () => {
    const mirror = await filled();
    await mirror.sync();
    const { steps } = await watchRun(mirror, { mode: "full" });
    for (const [index] of steps.entries()) {
      await mirror.run(`UPDATE $t SET a = 'round ${index}' WHERE id > 3; DELETE FROM $t WHERE id < 0`);
      await mirror.run(
        `INSERT INTO $t VALUES (${-index - 1}, 'x'); UPDATE $t SET id = ${index + 100} WHERE id = ${index + 99}`,
      );
      const stop = new AbortController();
      const at = index;
      await watchRun(mirror, {
        signal: stop.signal,
        onStep: (_, step) => {
          if (step === at) stop.abort(interrupted());
        },
      }).catch((error: unknown) => expect(error).toMatchObject({ code: "INTERRUPTED" }));
      await mirror.sync(); // not held up by a lease
      await mirror.compare();
    }
  });

  test("in one table leaves those after it for the next run", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_b (id int PRIMARY KEY)",
      mirrors: [{ relation: "$t" }, { relation: "$t_b" }],
    });
    await mirror.run("INSERT INTO $t VALUES (1); INSERT INTO $t_b VALUES (1)");
    const stop = new AbortController();
    const report = await mirror.runSync("delta", {
      signal: stop.signal,
      progress: { tableStarted: () => stop.abort(interrupted()) },
    });
    expect(report.tables.map(({ outcome }) => outcome)).toEqual(["failed", "not-run"]);
    await mirror.runSync();
    await mirror.compare();
  });

  test("by its deadline, says so and goes on next time", async () => {
    const mirror = await filled();
    mirror.config.settings.runDeadlineMs = 1;
    await expect(mirror.runSync()).rejects.toMatchObject({ code: "INTERRUPTED" });
    mirror.config.settings.runDeadlineMs = 3_600_000;
    await mirror.sync();
    await mirror.compare();
  });
});

test("migrate, untrack and status stop before the next table", async () => {
  const mirror = await open(PAGED);
  const { config } = mirror;
  const reason = interrupted();
  const stopped = { config, clock: systemClock, signal: AbortSignal.abort(reason) };
  await expect(untrack(stopped)).rejects.toBe(reason);
  expect(await mirror.status()).toMatchObject({ tables: [{ tracking: "intact" }] });
  await expect(readStatus(stopped)).rejects.toBe(reason);
  await untrack({ config, clock: systemClock });
  await expect(migrate(stopped)).rejects.toBe(reason);
  expect(await mirror.status()).toMatchObject({ tables: [{ tracking: "missing" }] });
});

function interrupted(): SyncError {
  return new SyncError({ code: "INTERRUPTED", message: "Stopped by a signal.", remedy: "Run again." });
}
