import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LeaseToken } from "../../src/state/lease.js";
import { releaseLease } from "../../src/state/take-lease.js";
import { returnWrites, shareWrites, type ShareRequest } from "../../src/state/write-shares.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTarget } from "../support/target-fixture.js";

const PLAN = 1_000;

describe.each(ALL_POSTGRES_VERSIONS)(
  "invariant 9: runs share the write throughput (Postgres %i)",
  (version) => {
    const target = useTarget({ version });
    const run = (nonce: string): LeaseToken => ({ targetId: target.id, epoch: 1n, nonce, mirrors: [] });
    const ask = (nonce: string, request: Partial<ShareRequest> = {}) =>
      shareWrites(target.database, run(nonce), {
        ...{ planBytes: PLAN, countedBytes: 0, leastBytes: 0, forMs: 60_000 },
        ...request,
      });

    test("one alone has all of it; a second gets its half once the first has asked again and shrunk", async () => {
      expect(await ask("a")).toBe(1_000);
      expect(await ask("b")).toBe(0);
      // It may have begun writes until it heard of it.
      expect(await ask("a", { countedBytes: 1_000 })).toBe(500);
      expect(await ask("b")).toBe(0);
      expect(await ask("a", { countedBytes: 700 })).toBe(500);
      expect(await ask("b")).toBe(300);
      expect(await ask("a", { countedBytes: 500 })).toBe(500);
      expect(await ask("b", { countedBytes: 300 })).toBe(500);
      await returnWrites(target.database, run("a"));
      expect(await ask("b", { countedBytes: 500 })).toBe(1_000);
    });

    test("a write that is larger than an equal part gets what it needs, one at a time", async () => {
      await ask("a", { leastBytes: 800 });
      expect(await ask("a", { countedBytes: 800, leastBytes: 800 })).toBe(1_000);
      await ask("b", { leastBytes: 900 });
      expect(await ask("a", { countedBytes: 1_000, leastBytes: 800 })).toBe(800);
      await ask("a", { countedBytes: 800, leastBytes: 800 });
      expect(await ask("b", { leastBytes: 900 })).toBe(200);
      expect(await ask("a", { countedBytes: 0 })).toBe(100);
      expect(await ask("b", { countedBytes: 200, leastBytes: 900 })).toBe(900);
      expect(await ask("c", { leastBytes: 5_000 })).toBe(0);
    });

    test("what a crashed run had is free after its time", async () => {
      await ask("crashed", { forMs: -1 });
      expect(await ask("b")).toBe(1_000);
    });

    test("what a run that ends has written in its last second counts until that has passed", async () => {
      const { token } = await target.acquire("ends");
      await ask("ends");
      await releaseLease(target.database, token);
      expect(await ask("b")).toBe(0);
      await target.sql`UPDATE datahub_sync.targets SET write_shares = jsonb_set(write_shares, '{ends,until}', to_jsonb(extract(epoch FROM now()) - 1))
                      WHERE id = ${target.id}`;
      expect(await ask("b")).toBe(1_000);
      const [row] =
        await target.sql`SELECT jsonb_object_agg(run, 1) AS runs FROM datahub_sync.targets, jsonb_object_keys(write_shares) run
                                    WHERE id = ${target.id}`;
      expect(row).toEqual({ runs: { b: 1 } });
    });

    test("many that ask at once never have more than the plan", async () => {
      for (let round = 0; round < 5; round++) {
        const held = await Promise.all(Array.from({ length: 10 }, (_, n) => ask(`racer ${n}`)));
        expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(PLAN + 1e-6);
      }
    });

    test("whoever asks when: together they are never allowed more than the plan", async () => {
      const step = fc.record({
        who: fc.integer({ min: 0, max: 3 }),
        /** How much of what it is allowed it has under way when it asks. */
        used: fc.double({ min: 0, max: 1, noNaN: true }),
        leastBytes: fc.constantFrom(0, 0, 0, 400, 900),
        returns: fc.boolean(),
      });
      let story = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
          const prefix = `story ${++story} `;
          const allowed = [0, 0, 0, 0];
          for (const { who, used, leastBytes, returns } of steps) {
            if (returns && used < 0.2) {
              await returnWrites(target.database, run(`${prefix}${who}`));
              allowed[who] = 0;
            } else {
              const before = allowed[who]!;
              const granted = await ask(`${prefix}${who}`, { countedBytes: before, leastBytes });
              // Until it asks again, some of what it was allowed before may still be counted.
              allowed[who] = Math.max(granted, before * used);
            }
            expect(allowed.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(PLAN + 1e-6);
          }
          for (const who of allowed.keys()) await returnWrites(target.database, run(`${prefix}${who}`));
        }),
        { numRuns: 40 },
      );
    });
  },
);
