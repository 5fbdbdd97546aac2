import { describe, expect, test } from "vitest";
import type { ErrorCode, SyncError } from "../../src/model/errors.js";
import { calmClock, expectNothingSetAside, useFaultyMirrors } from "../support/faulty-mirror.js";
import { HURRY, hurriedClock } from "../support/mirror-fixture.js";
import { answer, CUT, httpDate, type Strike } from "../support/strikes.js";

const open = useFaultyMirrors();

const DAY_SECONDS = "86400";

const LOGS = /logs of the deployment's dashboard.*Nothing is lost/;
const NETWORK = /Check CONVEX_URL, the network, and whether the deployment runs/;

describe("a fault that stays: one error with its remedy, the watermark where it was, and the next run completes", () => {
  const CASES: [what: string, strike: Strike, code: ErrorCode, message: RegExp, remedy: RegExp][] = [
    [
      "429",
      ["beforeCall", answer(429, "TooManyWrites")],
      "DEPLOYMENT_FAILED",
      /HTTP 429, TooManyWrites/,
      /at its limit of calls or of bytes written/,
    ],
    [
      "503 before the commit",
      ["beforeCommit", answer(503, "CommitterFullError")],
      "DEPLOYMENT_FAILED",
      /HTTP 503, CommitterFullError/,
      LOGS,
    ],
    [
      "503 after the commit",
      ["afterCommit", answer(503, "ServiceUnavailable")],
      "DEPLOYMENT_FAILED",
      /HTTP 503, ServiceUnavailable/,
      LOGS,
    ],
    [
      "500",
      ["beforeCall", answer(500, "InternalServerError")],
      "DEPLOYMENT_FAILED",
      /HTTP 500, InternalServerError/,
      LOGS,
    ],
    ["408", ["afterCommit", answer(408, "")], "DEPLOYMENT_FAILED", /HTTP 408/, LOGS],
    [
      "conflicts",
      ["beforeCommit", { kind: "conflict" }],
      "DEPLOYMENT_FAILED",
      /OptimisticConcurrencyControlFailure/,
      LOGS,
    ],
    [
      "a cut connection",
      ["beforeCall", CUT],
      "DEPLOYMENT_UNREACHABLE",
      /applyBatch failed: network/,
      NETWORK,
    ],
    [
      "an answer cut in the middle",
      ["midAnswer", CUT],
      "DEPLOYMENT_UNREACHABLE",
      /applyBatch failed: network/,
      NETWORK,
    ],
    [
      "a time-out",
      ["beforeAnswer", { kind: "delay", delayMs: 200 * HURRY }],
      "DEPLOYMENT_UNREACHABLE",
      /applyBatch failed: timeout/,
      NETWORK,
    ],
    // What is permanent is not tried again, and is no fault of a row.
    [
      "400",
      ["beforeCall", answer(400, "BadJsonBody")],
      "DEPLOYMENT_FAILED",
      /HTTP 400, BadJsonBody/,
      /no proxy or access rule/,
    ],
    [
      "401",
      ["beforeCall", answer(401, "Unauthenticated")],
      "DEPLOYMENT_FAILED",
      /HTTP 401/,
      /no proxy or access rule/,
    ],
    [
      "403",
      ["beforeCall", answer(403, "Forbidden")],
      "DEPLOYMENT_FAILED",
      /HTTP 403/,
      /no proxy or access rule/,
    ],
    ["404", ["beforeCall", answer(404, "NotFound")], "DEPLOYMENT_UNREACHABLE", /HTTP 404/, NETWORK],
    [
      "413 of a proxy",
      ["beforeCall", answer(413, "")],
      "DEPLOYMENT_FAILED",
      /HTTP 413/,
      /client_max_body_size/,
    ],
  ];

  test.each(CASES)("%s", async (_, [where, fault], code, message, remedy) => {
    const { mirror, set, mend } = await open();
    if (fault.kind === "delay") mirror.config.settings.callTimeoutMs = 100 * HURRY;
    let batches = 0;
    set((point, { path }) => {
      if (!path.endsWith("applyBatch")) return null;
      if (point === "beforeCall") batches++;
      return batches > 2 && point === where ? fault : null;
    });
    const report = await mirror.runSync("delta", { clock: calmClock });
    expect(report).toMatchObject({
      exitCode: 1,
      tables: [
        {
          error: {
            code,
            message: expect.stringMatching(message) as string,
            remedy: expect.stringMatching(remedy) as string,
          },
        },
      ],
    });
    expect((await mirror.record())["watermark"]).toBeNull();
    await expectNothingSetAside(mirror);
    mend();
    // A call that was given up may still be under way; its fence is another.
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
    await mirror.compare();
  });

  test("in any function", async () => {
    const { mirror, set, mend } = await open();
    await mirror.sync();
    for (const name of ["handshake", "beginRuns", "applyBatch", "lookupKeys", "listLedger", "finishRuns"]) {
      const { watermark } = await mirror.record();
      await mirror.run(`
        UPDATE $t SET a = 'before ${name}' WHERE id < 4;
        INSERT INTO $t SELECT n FROM generate_series(101, 112) n; DELETE FROM $t WHERE id > 100`);
      set((point, { path }) =>
        point === "beforeCall" && path.endsWith(name) ? answer(503, "WorkerOverloaded") : null,
      );
      const ended = await mirror.runSync(name === "listLedger" ? "full" : "delta", { clock: calmClock }).then(
        ({ exitCode, tables }) => ({ exitCode, code: tables[0]!.error?.code }),
        (error: SyncError) => error,
      );
      expect([name, ended]).toMatchObject([name, { exitCode: 1, code: "DEPLOYMENT_FAILED" }]);
      expect([name, (await mirror.record())["watermark"]]).toEqual([name, watermark]);
      mend();
      expect([name, await mirror.runSync()]).toMatchObject([name, { exitCode: 0 }]);
      await mirror.compare();
    }
    await expectNothingSetAside(mirror);
  });
});

describe("the waits of a run", () => {
  test.each([
    ["seconds", () => "7", 7_000],
    // Of a date, what is left of its last second is cut off.
    ["a date", () => httpDate(9_000), 7_500],
  ])("are as long as Retry-After asks for in %s", async (_, retryAfter, atLeastMs) => {
    const { mirror, set } = await open();
    let times = 0;
    set((point, { path }) =>
      point === "beforeCall" && path.endsWith("beginRuns") && times++ === 0
        ? answer(429, "TooManyWrites", retryAfter())
        : null,
    );
    const waits: number[] = [];
    const sleep = (ms: number, signal?: AbortSignal) => {
      waits.push(ms);
      return hurriedClock.sleep(ms, signal);
    };
    expect(await mirror.runSync("delta", { clock: { ...hurriedClock, sleep } })).toMatchObject({
      exitCode: 0,
    });
    expect(waits.filter((ms) => ms >= atLeastMs && ms <= 9_000)).toHaveLength(1);
  });

  test.each(["handshake", "beginRuns", "applyBatch", "finishRuns"])(
    "never pass the run's deadline: a %s that is to be repeated tomorrow ends the run now",
    async (name) => {
      const { mirror, set, mend } = await open();
      set((point, { path }) =>
        point === "beforeCall" && path.endsWith(name) ? answer(429, "TooManyWrites", DAY_SECONDS) : null,
      );
      mirror.config.settings.runDeadlineMs = 3_600_000;
      const ended = await mirror.runSync().then(
        ({ tables }) => tables[0]!.error,
        (error: SyncError) => error,
      );
      expect(ended).toMatchObject({
        code: "DEPLOYMENT_FAILED",
        remedy: expect.stringContaining("at its limit of calls") as string,
      });
      mend();
      expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
      await mirror.compare();
    },
  );
});
