import { describe, expect, test } from "vitest";
import type { SyncError } from "../../../src/model/errors.js";
import type { Database } from "../../../src/postgres/database.js";
import { leaseLost, type LeaseToken } from "../../../src/state/lease.js";
import { LeaseKeeper } from "../../../src/sync/lease-keeper.js";
import { idle, VirtualClock } from "../../support/virtual-clock.js";

const LEASE_MS = 90_000;
const TOKEN: LeaseToken = { targetId: 1, epoch: 7n, nonce: "n", mirrors: ["m"] };

/** A keeper over a database that only answers renewals: with rows, without any, or with an error. */
function keep(renew: (n: number) => Promise<unknown[]>, token = () => TOKEN) {
  const clock = new VirtualClock();
  const renewedAt: number[] = [];
  const lost: SyncError[] = [];
  const database = {
    executeDrizzle: () => {
      renewedAt.push(clock.now());
      return renew(renewedAt.length);
    },
  } as unknown as Database;
  const keeper = new LeaseKeeper(database, token, {
    leaseMs: LEASE_MS,
    acquiredAtMs: clock.now(),
    clock,
    onLost: (error) => lost.push(error),
  });
  /** Lets this much time pass. */
  const pass = (ms: number) => clock.run(new Promise<void>((resolve) => clock.after(ms, resolve)));
  return { keeper, clock, renewedAt, lost, pass };
}

describe("the lease's keeper", () => {
  test("renews at a third of the lease's time, until it is stopped", async () => {
    const { keeper, renewedAt, lost, pass, clock } = keep(() => Promise.resolve([{}]));
    await pass(100_000);
    expect(renewedAt).toEqual([30_000, 60_000, 90_000]);
    await clock.run(keeper.stop());
    await pass(300_000);
    expect(renewedAt).toHaveLength(3);
    expect(lost).toEqual([]);
  });

  test("tells once that the lease is lost, and ends", async () => {
    const { keeper, renewedAt, lost, pass, clock } = keep((n) => Promise.resolve(n < 3 ? [{}] : []));
    await pass(500_000);
    expect(renewedAt).toEqual([30_000, 60_000, 90_000]);
    expect(lost).toMatchObject([{ code: "LEASE_LOST" }]);
    await clock.run(keeper.stop());
  });

  test("goes on when the database cannot be reached: the run's own statements will say so", async () => {
    const { keeper, renewedAt, lost, pass, clock } = keep((n) =>
      n === 1 ? Promise.reject(new Error("unreachable")) : Promise.resolve([{}]),
    );
    await pass(100_000);
    expect(renewedAt).toHaveLength(3);
    expect(lost).toEqual([]);
    await clock.run(keeper.stop());
  });

  test("is not misled by an epoch that the run itself has raised meanwhile", async () => {
    let epoch = 7n;
    const { keeper, lost, pass, clock } = keep(
      () => {
        epoch = 8n;
        return Promise.reject(leaseLost());
      },
      () => ({ ...TOKEN, epoch }),
    );
    await pass(40_000);
    expect(lost).toEqual([]);
    await pass(30_000);
    expect(lost).toMatchObject([{ code: "LEASE_LOST" }]);
    await clock.run(keeper.stop());
  });

  test("asks before a call only when the lease's time may be over: the process stood still", async () => {
    const { keeper, renewedAt, lost, clock } = keep((n) => Promise.resolve(n === 2 ? [] : [{}]));
    const standStill = (ms: number) => {
      const before = clock.now();
      clock.now = () => before + ms;
    };
    standStill(LEASE_MS - 1);
    await keeper.ensure();
    expect(renewedAt).toEqual([]);
    standStill(1);
    await keeper.ensure();
    expect(renewedAt).toEqual([LEASE_MS]);
    standStill(LEASE_MS);
    await expect(keeper.ensure()).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(lost).toEqual([]);
    await clock.run(keeper.stop());
  });

  test("stop waits for a renewal that is under way", async () => {
    let answer: (rows: unknown[]) => void = () => {};
    const { keeper, pass, clock } = keep(() => new Promise((resolve) => (answer = resolve)));
    await pass(30_001);
    let stopped = false;
    const stopping = keeper.stop().then(() => (stopped = true));
    await idle();
    expect(stopped).toBe(false);
    answer([{}]);
    await clock.run(stopping);
    expect(stopped).toBe(true);
  });
});
