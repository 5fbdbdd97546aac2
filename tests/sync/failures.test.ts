import { describe, expect, test } from "vitest";
import { useFaultyMirrors } from "../support/faulty-mirror.js";
import { CUT } from "../support/strikes.js";

const open = useFaultyMirrors();

// Each fault by itself: convex-faults.test.ts and convex-outages.test.ts.
describe("a deployment that fails", () => {
  test("in the middle of a run and for good: the table fails with the cause, and the next run goes on", async () => {
    const { mirror, set, mend } = await open();
    let batches = 0;
    set((point, { path }) => {
      if (point !== "beforeCall") return null;
      if (path.includes("applyBatch")) batches++;
      return batches > 2 ? CUT : null;
    });
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 1 });
    expect(report.tables[0]).toMatchObject({ mode: "full", error: { code: "DEPLOYMENT_UNREACHABLE" } });
    expect(mirror.documents()).toHaveLength(10);
    expect(report.tables[0]).toMatchObject({ inserted: 10, updated: 0, deleted: 0 });
    mend();
    expect(await mirror.sync()).toMatchObject({ inserted: 10, unchanged: 0 });
    await mirror.compare();
  });
});
