import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../../src/model/clock.js";
import type { SyncError } from "../../src/model/errors.js";
import { expectNothingSetAside, useFaultyMirrors } from "../support/faulty-mirror.js";
import { hurriedClock } from "../support/mirror-fixture.js";
import { answer, CUT, type Strike } from "../support/strikes.js";

const open = useFaultyMirrors();

const CALL_TIMEOUT_MS = 80;
const RETRY_CODES = ["OptimisticConcurrencyControlFailure", "CommitterFullError", "WorkerOverloaded"];

const strike: fc.Arbitrary<Strike> = fc.oneof(
  fc.tuple(
    fc.constantFrom("beforeCall" as const, "beforeCommit" as const),
    fc.oneof(
      fc.constantFrom(...RETRY_CODES).map((code) => answer(503, code)),
      fc.constantFrom(undefined, "0", "1").map((retryAfter) => answer(429, "TooManyWrites", retryAfter)),
    ),
  ),
  fc.tuple(
    fc.constantFrom("beforeCall" as const, "beforeCommit" as const, "afterCommit" as const),
    fc.constantFrom(answer(500, "InternalServerError"), answer(408, ""), answer(503, "ServiceUnavailable")),
  ),
  fc.tuple(
    fc.constantFrom("beforeCall", "beforeCommit", "afterCommit", "beforeAnswer", "midAnswer"),
    fc.constant(CUT),
  ),
  fc.tuple(fc.constant("beforeCommit" as const), fc.constant({ kind: "conflict" as const })),
  fc.tuple(
    fc.constantFrom("beforeCall" as const, "beforeCommit" as const, "afterCommit" as const),
    // In the deployment's clock, which hurries; up to three times the time-out.
    fc
      .integer({ min: 0, max: 3 * CALL_TIMEOUT_MS * 100 })
      .map((delayMs) => ({ kind: "delay" as const, delayMs })),
  ),
);

/** One entry for each call of the run, in the order in which the calls arrive; null lets it go on. */
const weather = fc.array(fc.option(strike, { freq: 2, nil: null }), { maxLength: 40, size: "max" });

const MODES = ["delta", "full", "deep"] as const;

test("whatever goes wrong in each call: a run ends well or with one error, and the mirror ends exact, nothing written twice", async () => {
  const late: Promise<void>[] = [];
  const clock: Clock = {
    ...hurriedClock,
    sleep: (ms, signal) => {
      const delay = hurriedClock.sleep(ms, signal);
      late.push(delay);
      return delay;
    },
  };
  const { mirror, set, mend } = await open({ clock });
  mirror.config.settings.callTimeoutMs = CALL_TIMEOUT_MS * 100;
  await mirror.runSync();
  let round = 0;

  await fc.assert(
    fc.asyncProperty(weather, fc.constantFrom(...MODES), async (strikes, mode) => {
      round++;
      await mirror.run(`
        UPDATE $t SET a = 'round ${round}' WHERE id BETWEEN 1 AND 12; DELETE FROM $t WHERE id > 17;
        INSERT INTO $t SELECT n, 'new' FROM generate_series(${round * 100}, ${round * 100 + 2}) n`);
      const written = await mirror.cost(async () => {
        const byCall = new Map<number, Strike | null>();
        set((point, { number }) => {
          if (!byCall.has(number)) byCall.set(number, strikes[byCall.size] ?? null);
          const due = byCall.get(number);
          return due?.[0] === point ? due[1] : null;
        });
        const ended = await mirror.runSync(mode).then(
          (report) => report,
          (error: SyncError) => error,
        );
        if (ended.exitCode !== 0) {
          const error = "tables" in ended ? ended.tables[0]!.error : ended;
          expect(["DEPLOYMENT_FAILED", "DEPLOYMENT_UNREACHABLE"]).toContain(error?.code);
        }
        mend();
        expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
        await Promise.all(late.splice(0));
        await mirror.compare();
        await expectNothingSetAside(mirror);
      });
      // Twelve changed, three went and three came.
      expect(written.documentsWritten).toBe(18);
      expect(written.ledgerWritten).toBe(18);
    }),
    { numRuns: 8 },
  );
});
