import { describe, expect, test } from "vitest";
import { createPaint } from "../../../src/cli/render/paint.js";
import { paintAge, renderRecentRuns, usualGapSeconds } from "../../../src/cli/render/recent-runs.js";
import { renderRuns } from "../../../src/cli/render/runs-report.js";
import type { RunSummary } from "../../../src/model/report.js";
import { NOW_MS } from "../../support/fake-io.js";
import { NOTHING } from "../../support/sample-reports.js";

/** @param hoursAgo when it began */
const run = (hoursAgo: number, given: Partial<RunSummary> = {}): RunSummary => ({
  id: `0000000${hoursAgo}-0000-4000-8000-000000000000`,
  mode: "delta",
  startedAt: new Date(NOW_MS - hoursAgo * 3_600_000).toISOString(),
  durationMs: 1_000 * hoursAgo,
  exitCode: 0,
  loaded: false,
  totals: { ...NOTHING, updated: hoursAgo, calls: 4, bytesRead: 1024 * hoursAgo },
  watermarkAt: null,
  grown: {},
  failed: [],
  ...given,
});

const plain = createPaint(false);

describe("runs are shown", () => {
  test("as small pictures, oldest first, without first loads", () => {
    const runs = [run(1), run(4), run(2, { exitCode: 1, failed: ["a"] }), run(9, { loaded: true })];
    expect(`\n${renderRecentRuns(runs, plain).join("\n")}`).toMatchInlineSnapshot(`
      "
      The last 3 runs, oldest first; 1 failed:
        changed   ▄█▂  up to 4 rows
        took      ▄█▂  up to 4.0 s
        I/O       ▄█▂  up to 4.0 KiB
        failed    ×··
      "
    `);
    expect(renderRecentRuns([run(1)], plain)).toEqual([]);
    expect(renderRecentRuns([run(0), run(0)], plain)[1]).toContain("▁▁  up to 0 rows");
  });

  test("in as many columns as there are", () => {
    const many = Array.from({ length: 40 }, (_, n) => run(n));
    const narrow = { ...plain, width: 60, wrap: (text: string) => [text] };
    for (const line of renderRecentRuns(many, narrow)) expect(line.length).toBeLessThanOrEqual(60);
    expect(renderRecentRuns(many, narrow)[0]).toBe("The last 28 runs, oldest first:");
  });

  test("as a line each, newest first", () => {
    const runs = [run(1), run(4, { exitCode: 5 }), run(9, { loaded: true, exitCode: 1, failed: ["a", "b"] })];
    expect(`\n${renderRuns(runs, NOW_MS, plain)}`).toMatchInlineSnapshot(`
      "
      run       began (UTC)              ago   took  kind        inserted  updated  deleted  calls  billed I/O  exit
      00000001  2025-11-22 09:15:00  1 h ago  1.0 s  delta              0        1        0      4     1.0 KiB  0
      00000004  2025-11-22 06:15:00  4 h ago  4.0 s  delta              0        4        0      4     4.0 KiB  5
      00000009  2025-11-22 01:15:00  9 h ago  9.0 s  first load         0        9        0      4     9.0 KiB  1 (a, b)

      datahub-sync runs RUN shows one of them whole."
    `);
    expect(renderRuns([], NOW_MS, plain)).toBe("No run of this deployment has ended yet.");
  });
});

test("an age is coloured by what is usual between runs", () => {
  expect(usualGapSeconds([run(0), run(4), run(8)])).toBeNull();
  const gap = usualGapSeconds([run(0), run(4), run(8), run(12), run(40)]);
  expect(gap).toBe(4 * 3600);
  const paint = createPaint(true);
  const of = (hours: number, usual = gap) => paintAge("x", hours * 3600, usual, paint);
  expect([of(4), of(9), of(17)]).toEqual([paint.green("x"), paint.yellow("x"), paint.red("x")]);
  expect([of(17, null), paintAge("x", 59, 1, paint)]).toEqual(["x", "x"]);
});
