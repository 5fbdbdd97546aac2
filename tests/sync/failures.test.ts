import { describe, expect, test, vi } from "vitest";
import type { Faults } from "../../src/local/convex/faults.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

vi.mock("../../src/sync/run-context.js", () => ({ KEYS_PER_PAGE: 5, LEDGER_PAGE: 7 }));

const open = useMirrors();

async function withFaults(): Promise<{ mirror: MirrorFixture; set: (faults: Faults) => void }> {
  let current: Faults = () => null;
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
    settings: { pageRows: 3 },
    deployment: { faults: (point, request) => current(point, request) },
  });
  await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
  return { mirror, set: (faults) => (current = faults) };
}

describe("a deployment that fails", () => {
  test.each([
    [
      "answers 429 three times",
      { kind: "answer", status: 429, code: "TooManyWrites" } as const,
      "beforeCall",
    ],
    [
      "answers 503 three times",
      { kind: "answer", status: 503, code: "CommitterFullError" } as const,
      "beforeCall",
    ],
    ["breaks connections before the call", { kind: "cut" } as const, "beforeCall"],
    ["breaks connections after the commit", { kind: "cut" } as const, "afterCommit"],
    ["breaks connections within the answer", { kind: "cut" } as const, "midAnswer"],
    // The server tries again four times by itself.
    ["conflicts", { kind: "conflict" } as const, "beforeCommit"],
  ])("%s: the run goes on, and writes nothing twice", async (_, fault, where) => {
    const { mirror, set } = await withFaults();
    const left = new Map<string, number>();
    set((point, { path }) => {
      if (point !== where) return null;
      const times = left.get(path) ?? (fault.kind === "conflict" ? 7 : 3);
      left.set(path, times - 1);
      return times > 0 ? fault : null;
    });
    const cost = await mirror.cost(async () => {
      expect((await mirror.sync()).retries).toBeGreaterThan(0);
    });
    expect(cost.documentsWritten).toBe(20);
    await mirror.compare();
  });

  test("in the middle of a run and for good: the table fails with the cause, and the next run goes on", async () => {
    const { mirror, set } = await withFaults();
    let batches = 0;
    set((point, { path }) => {
      if (point !== "beforeCall") return null;
      if (path.includes("applyBatch")) batches++;
      return batches > 2 ? { kind: "cut" } : null;
    });
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 1 });
    expect(report.tables[0]).toMatchObject({ mode: "full", error: { code: "DEPLOYMENT_UNREACHABLE" } });
    expect(mirror.documents()).toHaveLength(10);
    set(() => null);
    expect(await mirror.sync()).toMatchObject({ inserted: 10, unchanged: 0 });
    await mirror.compare();
  });
});
