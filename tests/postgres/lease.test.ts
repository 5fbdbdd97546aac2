import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SyncError } from "../../src/errors.js";
import type { RunReport } from "../../src/report.js";
import {
  acquireLease,
  findTarget,
  findTargetId,
  raiseEpoch,
  readLease,
  releaseLease,
  renewLease,
  type LeaseToken,
} from "../../src/state/lease.js";
import { readMirrorRecord, type OpenRun } from "../../src/state/mirror-record.js";
import {
  advanceRun,
  announceEnd,
  commitWatermark,
  openRun,
  recordFailure,
  saveCursor,
} from "../../src/state/open-run.js";
import {
  addPendingDeletions,
  forgetUnconfirmedDeletions,
  removePendingDeletions,
} from "../../src/state/pending-deletions.js";
import { purgeRecordedDeletions } from "../../src/state/recorded-deletions.js";
import { forgetRejectedRows, recordRejectedRow } from "../../src/state/rejected-rows.js";
import { recordRun } from "../../src/state/run-history.js";
import { connectTo, createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";

const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe.each(ALL_POSTGRES_VERSIONS)("invariant 5: the lease (Postgres %i)", (version) => {
  let db: MigratedDatabase;
  let targets = 0;
  let target: number;
  beforeAll(async () => {
    db = await createMigratedDatabase({ version });
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    target = await findTarget(db.database, `https://target-${++targets}.example`);
  });

  const acquire = (nonce: string, leaseMs = 60_000) =>
    acquireLease(db.database, target, { nonce, holder: `holder of ${nonce}`, leaseMs });
  const expire = () =>
    db.sql`UPDATE datahub_sync.leases SET expires_at = clock_timestamp() - interval '1 ms' WHERE target_id = ${target}`;

  test("a target is registered once", async () => {
    const url = `https://target-${targets}.example`;
    expect(await Promise.all([1, 2, 3].map(() => findTarget(db.database, url)))).toEqual([
      target,
      target,
      target,
    ]);
    expect(await findTargetId(db.database, url)).toBe(target);
    expect(await findTargetId(db.database, "https://unknown.example")).toBeNull();
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
    await expect(renewLease(db.database, token, 1000)).rejects.toMatchObject({ code: "LEASE_LOST" });
    await renewLease(db.database, again.token, 1000);
  });

  test("released, it is free at once and names nobody", async () => {
    const { token } = await acquire("first");
    await releaseLease(db.database, token);
    expect(await readLease(db.database, target)).toBeNull();
    expect(await acquire("second")).toEqual({
      replaced: null,
      token: { targetId: target, nonce: "second", epoch: token.epoch + 1n },
    });
  });

  test("it expires by the database's clock, and lives on by renewal", async () => {
    const { token } = await acquire("first", 300);
    await expect(acquire("second")).rejects.toMatchObject({ code: "LEASE_HELD" });
    await renewLease(db.database, token, 60_000);
    const lease = await readLease(db.database, target);
    expect(lease).toMatchObject({ holder: "holder of first", epoch: token.epoch });
    const [row] = await db.sql`
      SELECT expires_at - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s' AS right
        FROM datahub_sync.leases WHERE target_id = ${target}`;
    expect(row).toEqual({ right: true });
    await expire();
    expect(await readLease(db.database, target)).toBeNull();
    // Expired and not taken: still ours.
    await renewLease(db.database, token, 60_000);
    await expect(acquire("second")).rejects.toMatchObject({ code: "LEASE_HELD" });
  });

  test("times are ISO 8601 in UTC, whatever the session's settings", async () => {
    await acquire("first");
    const name = new URL(db.url).pathname.slice(1);
    await db.sql.unsafe(`ALTER DATABASE ${name} SET TimeZone = 'Asia/Kolkata'`);
    await db.sql.unsafe(`ALTER DATABASE ${name} SET DateStyle = 'German'`);
    const polluted = connectTo(db);
    try {
      const lease = await readLease(polluted, target);
      expect(lease!.acquiredAt).toMatch(ISO_UTC);
      expect(lease!.expiresAt).toMatch(ISO_UTC);
      expect(Math.abs(Date.parse(lease!.acquiredAt) - Date.now())).toBeLessThan(60_000);
      const { token } = await acquire("first");
      await openRun(polluted, token, "m", 1, RUN);
      await saveCursor(polluted, token, "m", { kind: "load", after: "ä" });
      await announceEnd(polluted, token, "m", "final");
      expect((await readMirrorRecord(polluted, target, "m"))!.openRun).toEqual({
        ...RUN,
        cursor: { kind: "load", after: "ä" },
        finalNonce: "final",
      });
      await commitWatermark(polluted, token, "m", "full", "done");
      await recordFailure(polluted, token, "m", "delta", "INTERRUPTED");
      const record = (await readMirrorRecord(polluted, target, "m"))!;
      expect(record).toEqual({
        watermark: {
          snapshot: "10:20:12,15",
          at: RUN.snapshotAt,
          generation: 3,
          fingerprint: "f",
          files: "g",
          nonce: "final",
        },
        watermarkAgeSeconds: expect.any(Number) as number,
        openRun: null,
        lastDelta: { at: expect.stringMatching(ISO_UTC) as string, outcome: "INTERRUPTED" },
        lastFull: { at: expect.stringMatching(ISO_UTC) as string, outcome: "done" },
      });
      const age = (Date.now() - Date.parse(RUN.snapshotAt)) / 1000;
      expect(Math.abs(record.watermarkAgeSeconds! - age)).toBeLessThan(60);
    } finally {
      await polluted.close();
      await db.sql.unsafe(`ALTER DATABASE ${name} RESET ALL`);
    }
  });

  test("an epoch can only be raised by who holds it, and raises what follows", async () => {
    const { token } = await acquire("first");
    const raised = await raiseEpoch(db.database, token, 900n);
    expect(raised.epoch).toBe(901n);
    await expect(renewLease(db.database, token, 1000)).rejects.toMatchObject({ code: "LEASE_LOST" });
    await renewLease(db.database, raised, 1000);
    await releaseLease(db.database, raised);
    const next = await acquire("second");
    expect(next.token.epoch).toBe(902n);
    await expect(raiseEpoch(db.database, raised, 5000n)).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  const RUN: OpenRun = {
    nonce: "run",
    priorNonce: "before",
    mode: "full",
    snapshot: "10:20:12,15",
    snapshotAt: "2026-11-22T10:36:59.550000Z",
    generation: 3,
    fingerprint: "f",
    files: "g",
    history: "h",
    cursor: null,
    finalNonce: null,
  };

  /** Every write of a run. */
  const WRITES: [string, (token: LeaseToken) => Promise<unknown>][] = [
    ["openRun", (token) => openRun(db.database, token, "m", 1, { ...RUN, nonce: "another" })],
    [
      "openRun, voiding the watermark",
      (token) => openRun(db.database, token, "m", 1, RUN, { voidWatermark: true }),
    ],
    ["openRun of a new mirror", (token) => openRun(db.database, token, "never seen", 1, RUN)],
    ["saveCursor", (token) => saveCursor(db.database, token, "m", { kind: "load", after: "x" })],
    [
      "advanceRun",
      (token) => advanceRun(db.database, token, "m", { snapshot: "11:11:", at: RUN.snapshotAt }),
    ],
    ["announceEnd", (token) => announceEnd(db.database, token, "m", "final")],
    ["commitWatermark", (token) => commitWatermark(db.database, token, "m", "full", "done")],
    ["addPendingDeletions", (token) => addPendingDeletions(db.database, token, "m", "key", ["new"])],
    ["removePendingDeletions", (token) => removePendingDeletions(db.database, token, "m", "key", ["kept"])],
    [
      "forgetUnconfirmedDeletions",
      (token) => forgetUnconfirmedDeletions(db.database, token, "m", "key", "2999-01-01T00:00:00Z"),
    ],
    ["purgeRecordedDeletions", (token) => purgeRecordedDeletions(db.database, token)],
    [
      "recordRejectedRow",
      (token) =>
        recordRejectedRow(db.database, token, "m", { key: "new", code: "C", column: null, reason: "r" }),
    ],
    ["forgetRejectedRows", (token) => forgetRejectedRows(db.database, token, "m", ["kept"])],
    ["recordRun", (token) => recordRun(db.database, token, REPORT)],
    ["renewLease", (token) => renewLease(db.database, token, 1000)],
  ];
  const REPORT = {
    runId: "00000000-0000-4000-8000-000000000001",
    mode: "delta",
    startedAt: "2026-11-22T10:36:59.550Z",
    finishedAt: "2026-11-22T10:36:59.550Z",
    exitCode: 0,
  } as RunReport;

  async function everything() {
    const tables = ["leases", "mirrors", "pending_deletions", "rejected_rows", "runs", "deletions"];
    return Promise.all(
      tables.map((table) => db.sql.unsafe(`SELECT t::text FROM datahub_sync.${table} t ORDER BY 1`)),
    );
  }

  async function prepare(): Promise<LeaseToken> {
    const { token } = await acquire("run");
    await openRun(db.database, token, "m", 1, RUN);
    await commitWatermark(db.database, token, "m", "full", "done");
    await openRun(db.database, token, "m", 1, RUN);
    await addPendingDeletions(db.database, token, "m", "key", ["kept"]);
    await recordRejectedRow(db.database, token, "m", { key: "kept", code: "C", column: "c", reason: "r" });
    await db.sql`INSERT INTO datahub_sync.deletions (tracked_id, kind, key, xid) VALUES (1, 'row', 'old', '5')`;
    return token;
  }

  test.each([
    ["was taken over", async () => void (await expire(), await acquire("another"))],
    [
      "was taken over and released",
      async () => {
        await expire();
        await releaseLease(db.database, (await acquire("another")).token);
      },
    ],
    [
      "is another run's of the same epoch: Postgres was restored",
      async () =>
        void (await db.sql`UPDATE datahub_sync.leases SET nonce = 'another' WHERE target_id = ${target}`),
    ],
    ["was taken over by another epoch of the same run", async () => void (await acquire("run"))],
  ])("a run whose lease %s is refused every write, and changes nothing", async (_, lose) => {
    const token = await prepare();
    await lose();
    const before = await everything();
    for (const [name, write] of WRITES) {
      await expect(write(token), name).rejects.toMatchObject({ code: "LEASE_LOST" });
    }
    await recordFailure(db.database, token, "m", "full", "INTERRUPTED"); // says nothing, and does nothing
    await releaseLease(db.database, token);
    expect(await everything()).toEqual(before);
  });

  test("a run that holds it is refused none of them", async () => {
    const token = await prepare();
    for (const [name, write] of WRITES) {
      const before = await everything();
      const current =
        name === "advanceRun" ? openRun(db.database, token, "m", 1, RUN).then(() => token) : token;
      await write(await current);
      expect(await everything(), name).not.toEqual(before);
    }
  });

  test("a write waits for a take-over that is under way, and is refused then", async () => {
    const token = await prepare();
    const { refusal } = await db.sql.begin(async (tx) => {
      await tx`UPDATE datahub_sync.leases SET epoch = epoch + 1, nonce = 'another' WHERE target_id = ${target}`;
      const writing = saveCursor(db.database, token, "m", { kind: "load", after: "x" });
      const refusal = writing.catch((error: unknown) => error);
      const waits = () => db.sql`
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                                       AND pg_backend_pid() <> pid AND query LIKE '%held%'`;
      while ((await waits()).length === 0);
      return { refusal };
    });
    expect(await refusal).toMatchObject({ code: "LEASE_LOST" });
    expect((await readMirrorRecord(db.database, target, "m"))!.openRun!.cursor).toBeNull();
  });
});
