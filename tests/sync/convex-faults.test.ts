import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/model/clock.js";
import type { FaultPoint } from "../../local/convex/faults.js";
import { calmClock, expectNothingSetAside, useFaultyMirrors } from "../support/faulty-mirror.js";
import { HURRY, hurriedClock, type MirrorFixture } from "../support/mirror-fixture.js";
import { answer, CUT, httpDate, type Strike } from "../support/strikes.js";

const open = useFaultyMirrors();

/** A first load, a delta and a deep run, which together make every kind of call; what each has written. */
async function runHistory(mirror: MirrorFixture, beforeRun: () => void) {
  const written: unknown[] = [];
  const run = async (mode: "delta" | "deep") => {
    beforeRun();
    const { documentsWritten, ledgerWritten } = await mirror.cost(async () => {
      const report = await mirror.runSync(mode, { clock: calmClock });
      expect(report, mode).toMatchObject({ exitCode: 0, totals: { rejected: 0 } });
    });
    written.push({ documentsWritten, ledgerWritten });
    await mirror.compare();
  };
  await run("delta");
  // What came and went at once makes the guard look keys up.
  await mirror.run(`
    UPDATE $t SET a = 'b' WHERE id < 9; DELETE FROM $t WHERE id = 20; INSERT INTO $t VALUES (21, 'new');
    INSERT INTO $t SELECT n FROM generate_series(101, 112) n; DELETE FROM $t WHERE id > 100`);
  await run("delta");
  const [edited, removed] = mirror.documents();
  mirror.deployment.patch(edited!._id, { a: "edited by hand" });
  mirror.deployment.remove(removed!._id);
  await mirror.run("UPDATE $t SET a = 'c' WHERE id > 15; DELETE FROM $t WHERE id = 19");
  await run("deep");
  await expectNothingSetAside(mirror);
  return written;
}

/** The same history when nothing goes wrong. */
let undisturbed: Promise<unknown[]> | undefined;
const writtenUndisturbed = () => (undisturbed ??= open().then(({ mirror }) => runHistory(mirror, () => {})));

const MUTATIONS = ["applyBatch", "beginRuns", "finishRuns"];
const QUERIES = ["handshake", "listDocuments", "listLedger", "listMissing", "lookupKeys"];

const isAtCommit = (where: FaultPoint) => where === "beforeCommit" || where === "afterCommit";

describe("faults that pass: the run ends well, the mirror is exact, and no row is written twice", () => {
  // Each function that a run calls meets each of these, one after the other.
  test.each<[what: string, strikes: Strike[]]>([
    [
      "429",
      [
        ["beforeCall", answer(429, "TooManyConcurrentRequests")],
        ["beforeCall", answer(429, "TooManyWrites", "2")],
        ["beforeCall", answer(429, "TooManyWrites", httpDate(2_000))],
      ],
    ],
    [
      "503 of a queue",
      [
        ["beforeCall", answer(503, "ExpiredInQueue")],
        ["beforeCall", answer(503, "ExecuteFullError")],
        ["beforeCall", answer(503, "WorkerOverloaded", "1")],
      ],
    ],
    [
      "503 of an isolate",
      [
        ["beforeCall", answer(503, "IsolateNotClean")],
        ["beforeCall", answer(503, "InitialPermitTimeoutError")],
      ],
    ],
    [
      "503 of the committer",
      [
        ["beforeCommit", answer(503, "OptimisticConcurrencyControlFailure")],
        ["beforeCommit", answer(503, "CommitterFullError")],
      ],
    ],
    [
      "500 and 408",
      [
        ["beforeCall", answer(500, "InternalServerError")],
        ["beforeCall", answer(408, "")],
      ],
    ],
    [
      "500, 408 and a proxy's 503 after the commit",
      [
        ["afterCommit", answer(500, "InternalServerError")],
        ["afterCommit", answer(408, "")],
        ["afterCommit", answer(503, "ServiceUnavailable")],
      ],
    ],
    [
      "connections cut before the call, the commit and the answer",
      [
        ["beforeCall", CUT],
        ["beforeCommit", CUT],
        ["beforeAnswer", CUT],
      ],
    ],
    [
      "connections cut after the commit and in the middle of the answer",
      [
        ["afterCommit", CUT],
        ["midAnswer", CUT],
        ["midAnswer", CUT],
      ],
    ],
    [
      "conflicts, more than the server repeats",
      Array<Strike>(6).fill(["beforeCommit", { kind: "conflict" }]),
    ],
    ["latency", [["beforeAnswer", { kind: "delay", delayMs: 1_500 }]]],
  ])("%s", async (_, strikes) => {
    const expected = await writtenUndisturbed();
    const { mirror, set } = await open();
    const struck = new Set<string>();
    const strikeEachFunction = () => {
      const met = new Map<string, number>();
      set((point, { path, kind }) => {
        const name = path.split(":")[1]!;
        const due = kind === "query" ? strikes.filter(([where]) => !isAtCommit(where)) : strikes;
        const times = met.get(name) ?? 0;
        if (due[times]?.[0] !== point) return null;
        met.set(name, times + 1);
        if (times + 1 === due.length) struck.add(name);
        return due[times][1];
      });
    };
    expect(await runHistory(mirror, strikeEachFunction)).toEqual(expected);
    const hitsQueries = strikes.some(([where]) => !isAtCommit(where));
    expect([...struck]).toEqual(expect.arrayContaining([...MUTATIONS, ...(hitsQueries ? QUERIES : [])]));
  });

  test.each([
    [
      "more bytes a second than the plan has",
      { maxBytesWrittenPerSecond: 1_000, maxConcurrentMutations: 16 },
    ],
    [
      "more calls at once than the plan has",
      { maxBytesWrittenPerSecond: 2 ** 30, maxConcurrentMutations: 1 },
    ],
  ])("%s", async (_, plan) => {
    // The server's own repetitions come at once, so that it refuses; its second is a tenth as long.
    const clock: Clock = { ...calmClock, now: () => Date.now() * 10 };
    const { mirror, set } = await open({ plan, clock });
    // So wide that each row is a batch of its own.
    await mirror.run("UPDATE $t SET a = repeat('wide', 150000) WHERE id <= 5");
    if (plan.maxConcurrentMutations === 1) {
      // Longer than a call waits for its place.
      set((point, { path }) =>
        point === "beforeCommit" && path.endsWith("applyBatch") ? { kind: "delay", delayMs: 7_000 } : null,
      );
    }
    const { documentsWritten } = await mirror.cost(async () => {
      const report = await mirror.runSync();
      expect(report).toMatchObject({ exitCode: 0, totals: { inserted: 20, rejected: 0 } });
      expect(report.totals.retries).toBeGreaterThan(0);
    });
    expect(documentsWritten).toBe(20);
    await mirror.compare();
    await expectNothingSetAside(mirror);
  });
});

describe("an answer slower than the time-out", () => {
  const HELD_MS = 123_456;

  test.each<[name: string, FaultPoint]>([
    ["handshake", "beforeCall"],
    ["beginRuns", "beforeCommit"],
    ["applyBatch", "beforeCall"],
    ["applyBatch", "beforeCommit"],
    ["applyBatch", "afterCommit"],
    ["finishRuns", "beforeCommit"],
  ])("of %s, held %s: what commits after its caller gave up changes nothing", async (name, where) => {
    let letGo!: () => void;
    const released = new Promise<void>((resolve) => (letGo = resolve));
    let noteAnswer!: () => void;
    const answered = new Promise<void>((resolve) => (noteAnswer = resolve));
    const { mirror, set } = await open({
      clock: {
        ...hurriedClock,
        sleep: (ms, signal) => (ms === HELD_MS ? released : hurriedClock.sleep(ms, signal)),
      },
    });
    await mirror.runSync();
    mirror.config.settings.callTimeoutMs = 100 * HURRY;
    let held: number | null = null;
    set((point, { number, path }) => {
      if (number === held && point === "beforeAnswer") noteAnswer();
      if (held !== null || point !== where || !path.endsWith(name)) return null;
      held = number;
      return { kind: "delay", delayMs: HELD_MS };
    });

    await mirror.run("UPDATE $t SET a = 'held' WHERE id < 4; DELETE FROM $t WHERE id = 20");
    const { documentsWritten } = await mirror.cost(async () => {
      expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { read: 3, rejected: 0 } });
      expect(held, "a call was held").not.toBeNull();
      // From here on, the late call carries what is no longer so.
      await mirror.run("UPDATE $t SET a = 'later' WHERE id = 1; DELETE FROM $t WHERE id = 2");
      expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
      const before = [mirror.state(), mirror.documents()];
      letGo();
      await answered;
      expect([mirror.state(), mirror.documents()]).toEqual(before);
    });
    expect(documentsWritten).toBe(6);
    await mirror.compare();
    await expectNothingSetAside(mirror);
  });
});
