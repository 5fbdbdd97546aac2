import { expect, test } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { WRITE_BYTES_PER_SECOND } from "../../src/model/limits.js";
import { PLANS } from "../../local/convex/limits.js";
import { runSync } from "../../src/sync/run-sync.js";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

const ENDS = ["_a", "_b", "_c", "_d"];
const PLAN = WRITE_BYTES_PER_SECOND.S16;

test("invariant 9: four runs that write at once stay within one plan, and use it", async () => {
  const mirror = await open({
    ddl: ENDS.map(
      (end, n) => `
        CREATE TABLE $t${end} (id int PRIMARY KEY, raw text);
        INSERT INTO $t${end} SELECT n, repeat(md5(n::text), 120) FROM generate_series(1, ${400 + 100 * n}) n;
        INSERT INTO $t${end} SELECT -n, repeat('x', 900000) FROM generate_series(1, 2) n`,
    ).join(";"),
    mirrors: ENDS.map((end) => ({ relation: `$t${end}` })),
    settings: { writeBytesPerSecond: 0.85 * PLAN },
    deployment: { clock: systemClock, plan: PLANS.s16 },
  });
  const reports = await Promise.all(
    mirror.config.mirrors.map((of) =>
      runSync({
        ...{ mode: "delta" as const, allowDeletes: [], takeOver: false },
        config: { ...mirror.config, mirrors: [of] },
        progress: {
          showsProgress: false,
          tableStarted() {},
          tableProgress() {},
          tableFinished() {},
          notice() {},
        },
        clock: systemClock,
        signal: new AbortController().signal,
      }),
    ),
  );
  expect(reports.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
  expect(reports.map(({ totals }) => totals.retries)).toEqual([0, 0, 0, 0]);
  const { highestSecondBytes, refusals, bytesWritten } = mirror.deployment.throughput()!;
  expect(refusals).toBe(0);
  expect(bytesWritten).toBeGreaterThan(2 * PLAN);
  expect(highestSecondBytes).toBeLessThanOrEqual(PLAN);
  await mirror.compare();
});
