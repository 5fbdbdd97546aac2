import { describe, expect, test } from "vitest";
import type { SyncError } from "../../src/model/errors.js";
import { findTargetId, readLeases } from "../../src/state/read-leases.js";
import { acquireLease, raiseEpoch, releaseLease, renewLease } from "../../src/state/take-lease.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { MIRRORS, useTarget } from "../support/target-fixture.js";

const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe.each(ALL_POSTGRES_VERSIONS)("invariant 5: the leases (Postgres %i)", (version) => {
  const target = useTarget({ version });
  const { acquire, expire } = target;
  const holders = async () => (await readLeases(target.database, target.id)).map(({ nonce }) => nonce);

  test("a target is registered once", async () => {
    const url = `${target.url}/of-this-test`;
    const taken = await Promise.all(
      [1, 2, 3].map((n) =>
        acquireLease(target.database, url, {
          nonce: `n${n}`,
          holder: "t",
          leaseMs: 60_000,
          mirrors: [`m${n}`],
        }),
      ),
    );
    const id = await findTargetId(target.database, url);
    expect(taken.map(({ token }) => token.targetId)).toEqual([id, id, id]);
    expect(await findTargetId(target.database, "https://unknown.example")).toBeNull();
  });

  test("of twenty that race for it one wins, and the others learn who", async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => acquire(`racer ${n}`)));
    const winners = results.filter((result) => result.status === "fulfilled");
    expect(winners).toHaveLength(1);
    const { nonce } = winners[0]!.value.token;
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      expect(result.reason).toMatchObject({ code: "LEASE_HELD", exitCode: 4 });
      expect((result.reason as SyncError).message).toContain(`holder of ${nonce}`);
      expect((result.reason as SyncError).remedy).toMatch(/free at \d{4}-\d\d-\d\dT[\d:.]+Z/);
    }
  });

  test("the same again: twenty race for an expired one", async () => {
    const { token } = await acquire("first");
    await expire();
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => acquire(`racer ${n}`)));
    const winners = results.filter((result) => result.status === "fulfilled");
    expect(winners).toHaveLength(1);
    const { replaced, token: won } = winners[0]!.value;
    expect(replaced).toEqual([
      { holder: "holder of first", acquiredAt: expect.stringMatching(ISO_UTC) as string },
    ]);
    expect(won.epoch).toBeGreaterThan(token.epoch);
  });

  test("of twenty that race for three mirrors each, no mirror goes to two, and no epoch is used twice", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const asked = Array.from({ length: 20 }, (_, n) => [0, 1, 2].map((k) => names[(n * 2 + k * 3) % 5]!));
    const results = await Promise.allSettled(
      asked.map((mirrors, n) => acquire(`racer ${n}`, 60_000, mirrors)),
    );
    const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const mirrors = won.flatMap(({ token }) => token.mirrors);
    expect([...mirrors].sort()).toEqual(names);
    expect(new Set(won.map(({ token }) => token.epoch)).size).toBe(won.length);
    for (const { token, busy } of won) expect(token.mirrors.length + busy.size).toBe(3);
  });

  test("runs of different mirrors go on beside each other; one that wants both gets what is free", async () => {
    const first = await acquire("first", 60_000, ["a"]);
    const second = await acquire("second", 60_000, ["b"]);
    expect(second).toMatchObject({ replaced: [], token: { mirrors: ["b"] } });
    expect(second.token.epoch).toBeGreaterThan(first.token.epoch);
    const third = await acquire("third", 60_000, ["b", "c", "a"]);
    expect(third.token.mirrors).toEqual(["c"]);
    expect([...third.busy]).toMatchObject([
      ["b", { holder: "holder of second" }],
      ["a", { holder: "holder of first" }],
    ]);
    expect(await holders()).toEqual(["first", "second", "third"]);
    for (const { token } of [first, second, third]) await renewLease(target.database, token, 60_000);
    await releaseLease(target.database, first.token);
    expect((await acquire("fourth", 60_000, ["a", "b"])).token.mirrors).toEqual(["a"]);
  });

  test("of a crashed run's mirrors one is taken over: the others wait for their time", async () => {
    const { token } = await acquire("crashed", 60_000, ["a", "b"]);
    await expire();
    expect(await acquire("next", 60_000, ["a"])).toMatchObject({
      replaced: [{ holder: "holder of crashed" }],
    });
    await expect(renewLease(target.database, token, 60_000)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect((await acquire("third", 60_000, ["a", "b"])).token.mirrors).toEqual(["b"]);
  });

  test("a run that is to be alone begins beside none, and none begins beside it", async () => {
    const other = await acquire("other", 60_000, ["a"]);
    await expect(acquire("alone", 60_000, ["b"], true)).rejects.toMatchObject({
      code: "LEASE_HELD",
      message: expect.stringContaining("holder of other") as string,
    });
    // It has left nothing behind.
    await releaseLease(target.database, (await acquire("third", 60_000, ["b"])).token);
    await releaseLease(target.database, other.token);
    const { token } = await acquire("alone", 60_000, ["b"], true);
    await expect(acquire("late", 60_000, ["a"])).rejects.toMatchObject({
      code: "LEASE_HELD",
      message: expect.stringContaining("holder of alone") as string,
    });
    await renewLease(target.database, token, 60_000);
    await expect(acquire("late", 60_000, ["a"], true)).rejects.toMatchObject({ code: "LEASE_HELD" });
    await releaseLease(target.database, token);
    await acquire("late", 60_000, ["a"]);
  });

  test("a run that was to be alone and crashed keeps nobody out once its time is over", async () => {
    await acquire("alone", 60_000, ["a"], true);
    await expire();
    expect((await acquire("next", 60_000, ["b"])).token.mirrors).toEqual(["b"]);
    expect((await acquire("third", 60_000, ["a"])).token.mirrors).toEqual(["a"]);
  });

  test("of ten that are to be alone and ten that are not, none is alone beside another", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => acquire(`racer ${n}`, 60_000, [`m${n}`], n % 2 === 0)),
    );
    const won = results.flatMap((result, n) => (result.status === "fulfilled" ? [n] : []));
    const alone = won.filter((n) => n % 2 === 0);
    expect(won.length).toBe(alone.length === 0 ? won.length : 1);
  });

  test("asking again with the same nonce succeeds again: the answer was lost", async () => {
    const { token } = await acquire("mine");
    const again = await acquire("mine");
    expect(again.replaced).toEqual([]);
    expect(again.token.epoch).toBeGreaterThan(token.epoch);
    await expect(renewLease(target.database, token, 1000)).rejects.toMatchObject({ code: "LEASE_LOST" });
    await renewLease(target.database, again.token, 1000);
    await releaseLease(target.database, again.token);
    const alone = await acquire("alone", 60_000, MIRRORS, true);
    const once = await acquire("alone", 60_000, MIRRORS, true);
    expect(once.token.epoch).toBeGreaterThan(alone.token.epoch);
  });

  test("released, it is free at once and names nobody", async () => {
    const { token } = await acquire("first");
    await releaseLease(target.database, token);
    expect(await readLeases(target.database, target.id)).toEqual([]);
    expect(await acquire("second")).toEqual({
      replaced: [],
      busy: new Map(),
      token: { targetId: target.id, nonce: "second", epoch: token.epoch + 1n, mirrors: MIRRORS },
    });
  });

  test("it expires by the database's clock, and lives on by renewal", async () => {
    const { token } = await acquire("first", 300);
    await expect(acquire("second")).rejects.toMatchObject({ code: "LEASE_HELD" });
    await renewLease(target.database, token, 60_000);
    expect(await readLeases(target.database, target.id)).toEqual([
      {
        holder: "holder of first",
        nonce: "first",
        epoch: token.epoch.toString(),
        mirrors: MIRRORS,
        acquiredAt: expect.stringMatching(ISO_UTC) as string,
        expiresAt: expect.stringMatching(ISO_UTC) as string,
      },
    ]);
    const [row] = await target.sql`
      SELECT bool_and(expires_at - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s') AS right
        FROM datahub_sync.leases WHERE target_id = ${target.id}`;
    expect(row).toEqual({ right: true });
    await expire();
    expect(await holders()).toEqual([]);
    // Expired and not taken: still ours.
    await renewLease(target.database, token, 60_000);
    await expect(acquire("second")).rejects.toMatchObject({ code: "LEASE_HELD" });
  });

  test("an epoch can only be raised by who holds it, and raises what follows", async () => {
    const { token } = await acquire("first");
    const raised = await raiseEpoch(target.database, token, 900n);
    expect(raised.epoch).toBe(901n);
    await expect(renewLease(target.database, token, 1000)).rejects.toMatchObject({ code: "LEASE_LOST" });
    await renewLease(target.database, raised, 1000);
    await releaseLease(target.database, raised);
    const next = await acquire("second");
    expect(next.token.epoch).toBe(902n);
    await expect(raiseEpoch(target.database, raised, 5000n)).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  test("whoever takes, renews, raises and releases at the same time: nobody waits in a circle", async () => {
    const names = ["a", "b", "c", "d"];
    const failures: unknown[] = [];
    const live = async (n: number) => {
      for (let round = 0; round < 25; round++) {
        const mirrors = names.filter((_, place) => (n + round + place) % 3 !== 0);
        try {
          const { token } = await acquire(`run ${n} ${round}`, 60_000, mirrors, (n + round) % 4 === 0);
          await renewLease(target.database, token, 60_000);
          const raised = await raiseEpoch(target.database, token, token.epoch + 3n);
          await renewLease(target.database, raised, 60_000);
          await releaseLease(target.database, raised);
        } catch (error) {
          if ((error as SyncError).code !== "LEASE_HELD") failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => live(n)));
    expect(failures).toEqual([]);
    expect(await holders()).toEqual([]);
  });

  test("two runs that raise it get two epochs, both above what Convex has seen", async () => {
    const [a, b] = [await acquire("a", 60_000, ["a"]), await acquire("b", 60_000, ["b"])];
    const raised = await Promise.all([a, b].map(({ token }) => raiseEpoch(target.database, token, 900n)));
    expect(raised.map(({ epoch }) => epoch).sort()).toEqual([901n, 902n]);
    for (const token of raised) await renewLease(target.database, token, 1000);
  });
});
