import { describe, expect, test } from "vitest";
import type { SyncError } from "../../src/model/errors.js";
import {
  acquireLease,
  findTargetId,
  raiseEpoch,
  readLease,
  releaseLease,
  renewLease,
} from "../../src/state/lease.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTarget } from "../support/target-fixture.js";

const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe.each(ALL_POSTGRES_VERSIONS)("invariant 5: the lease (Postgres %i)", (version) => {
  const target = useTarget({ version });
  const { acquire, expire } = target;

  test("a target is registered once", async () => {
    const url = `${target.url}/of-this-test`;
    const lease = { nonce: "n", holder: "test", leaseMs: 60_000 };
    const taken = await Promise.all([1, 2, 3].map(() => acquireLease(target.database, url, lease)));
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
    expect(winners[0]!.value).toMatchObject({
      replaced: {
        holder: "holder of first",
        acquiredAt: expect.stringMatching(ISO_UTC) as string,
      },
      token: { epoch: token.epoch + 1n },
    });
  });

  test("asking again with the same nonce succeeds again: the answer was lost", async () => {
    const { token } = await acquire("mine");
    const again = await acquire("mine");
    expect(again.replaced).toBeNull();
    expect(again.token.epoch).toBeGreaterThan(token.epoch);
    await expect(renewLease(target.database, token, 1000)).rejects.toMatchObject({ code: "LEASE_LOST" });
    await renewLease(target.database, again.token, 1000);
  });

  test("released, it is free at once and names nobody", async () => {
    const { token } = await acquire("first");
    await releaseLease(target.database, token);
    expect(await readLease(target.database, target.id)).toBeNull();
    expect(await acquire("second")).toEqual({
      replaced: null,
      token: { targetId: target.id, nonce: "second", epoch: token.epoch + 1n },
    });
  });

  test("it expires by the database's clock, and lives on by renewal", async () => {
    const { token } = await acquire("first", 300);
    await expect(acquire("second")).rejects.toMatchObject({ code: "LEASE_HELD" });
    await renewLease(target.database, token, 60_000);
    const lease = await readLease(target.database, target.id);
    expect(lease).toMatchObject({ holder: "holder of first", epoch: token.epoch });
    const [row] = await target.sql`
      SELECT expires_at - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s' AS right
        FROM datahub_sync.leases WHERE target_id = ${target.id}`;
    expect(row).toEqual({ right: true });
    await expire();
    expect(await readLease(target.database, target.id)).toBeNull();
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
});
