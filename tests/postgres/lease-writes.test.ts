import { describe, expect, test } from "vitest";
import type { Database } from "../../src/postgres/database.js";
import type { RunReport } from "../../src/model/report.js";
import { purgeChanges } from "../../src/state/change-log-size.js";
import type { LeaseToken } from "../../src/state/lease.js";
import { readLeases } from "../../src/state/read-leases.js";
import { releaseLease, renewLease } from "../../src/state/take-lease.js";
import { readMirrorRecord, type OpenRun } from "../../src/state/mirror-record.js";
import {
  advanceRun,
  extendCursor,
  recordFailure,
  registerMirrors,
  saveCursor,
} from "../../src/state/open-run.js";
import {
  addPendingDeletions,
  forgetUnconfirmedDeletions,
  removePendingDeletions,
} from "../../src/state/pending-deletions.js";
import { forgetSetAside, setRowAside } from "../../src/state/set-aside-rows.js";
import { heldMirror } from "../../src/state/stored-mirror.js";
import { recordRun } from "../../src/state/run-history.js";
import { connectTo } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { announceEnd, commitWatermark, openRun, registerMirror } from "../support/run-steps.js";
import { useTarget } from "../support/target-fixture.js";

const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

const RUN: OpenRun = {
  nonce: "run",
  priorNonce: "before",
  mode: "full",
  snapshot: "10:20:12,15",
  snapshotAt: "2026-11-22T10:36:59.550000Z",
  seen: { generation: 3, fingerprint: "f" },
  history: "h",
  cursor: null,
  finalNonce: null,
};

const REPORT = {
  runId: "00000000-0000-4000-8000-000000000001",
  mode: "delta",
  startedAt: "2026-11-22T10:36:59.550Z",
  finishedAt: "2026-11-22T10:36:59.550Z",
  exitCode: 0,
  tables: [],
  totals: { calls: 2, bytesRead: 4_000, bytesWritten: 1_000 },
} as unknown as RunReport;

const held = (database: Database, lease: LeaseToken) => heldMirror({ database, lease }, "m");

/** Every write of a run. */
const WRITES: [string, (database: Database, token: LeaseToken) => Promise<unknown>][] = [
  ["registerMirror", (database, token) => registerMirror(database, token, "not seen", 1)],
  ["openRun", (database, token) => openRun(database, token, "m", 1, { ...RUN, nonce: "another" })],
  [
    "openRun, voiding the watermark",
    (database, token) => openRun(database, token, "m", 1, RUN, { voidWatermark: true }),
  ],
  ["openRun of a new mirror", (database, token) => openRun(database, token, "never seen", 1, RUN)],
  ["saveCursor", (database, token) => saveCursor(held(database, token), { kind: "load", after: "x" })],
  ["extendCursor", (database, token) => extendCursor(held(database, token), { acknowledged: "y" })],
  [
    "advanceRun",
    (database, token) =>
      advanceRun(held(database, token), {
        from: { snapshot: RUN.snapshot, at: RUN.snapshotAt },
        to: { snapshot: "11:11:", at: RUN.snapshotAt },
        cursor: null,
      }),
  ],
  ["announceEnd", (database, token) => announceEnd(database, token, "m", { finalNonce: "final", seen: {} })],
  [
    "commitWatermark",
    (database, token) => commitWatermark(database, token, "m", { mode: "full", finalNonce: "final" }),
  ],
  ["addPendingDeletions", (database, token) => addPendingDeletions(held(database, token), "key", ["new"])],
  [
    "removePendingDeletions",
    (database, token) => removePendingDeletions(held(database, token), "key", ["kept"]),
  ],
  [
    "forgetUnconfirmedDeletions",
    (database, token) => forgetUnconfirmedDeletions(held(database, token), "key"),
  ],
  ["purgeChanges", (database, token) => purgeChanges(database, token)],
  [
    "setRowAside",
    (database, token) =>
      setRowAside(held(database, token), { key: "new", code: "C", column: null, reason: "r" }),
  ],
  ["forgetSetAside", (database, token) => forgetSetAside(held(database, token), ["kept"])],
  ["recordRun", (database, token) => recordRun(database, token, REPORT)],
  ["renewLease", (database, token) => renewLease(database, token, 1000)],
];

describe.each(ALL_POSTGRES_VERSIONS)(
  "invariant 5: what a run writes under its lease (Postgres %i)",
  (version) => {
    const target = useTarget({ version });
    const { acquire, expire } = target;

    async function everything() {
      const tables = ["leases", "mirrors", "pending_deletions", "rejected_rows", "runs", "changes"];
      return Promise.all(
        tables.map((table) => target.sql.unsafe(`SELECT t::text FROM datahub_sync.${table} t ORDER BY 1`)),
      );
    }

    async function prepare(): Promise<LeaseToken> {
      const { token } = await acquire("run");
      await openRun(target.database, token, "m", 1, RUN);
      await announceEnd(target.database, token, "m", { finalNonce: "end", seen: RUN.seen });
      await commitWatermark(target.database, token, "m", { mode: "full", finalNonce: "end" });
      await openRun(target.database, token, "m", 1, RUN);
      await addPendingDeletions(held(target.database, token), "key", ["kept"]);
      await setRowAside(held(target.database, token), {
        key: "kept",
        code: "C",
        column: "c",
        reason: "r",
      });
      await target.sql`INSERT INTO datahub_sync.pending_deletions (target_id, mirror, kind, key, found_by)
                       VALUES (${target.id}, 'm', 'key', 'found before', 'another')`;
      await target.sql`INSERT INTO datahub_sync.changes (tracked_id, kind, key, xid) VALUES (1, 'u', 'old', '5')`;
      return token;
    }

    test.each([
      ["was taken over", async () => void (await expire(), await acquire("another"))],
      [
        "was taken over and released",
        async () => {
          await expire();
          await releaseLease(target.database, (await acquire("another")).token);
        },
      ],
      [
        "is another run's of the same epoch: Postgres was restored",
        async () =>
          void (await target.sql`UPDATE datahub_sync.leases SET nonce = 'another' WHERE target_id = ${target.id}`),
      ],
      ["was taken over by another epoch of the same run", async () => void (await acquire("run"))],
    ])("a run whose lease %s is refused every write, and changes nothing", async (_, lose) => {
      const token = await prepare();
      await lose();
      const before = await everything();
      for (const [name, write] of WRITES) {
        await expect(write(target.database, token), name).rejects.toMatchObject({ code: "LEASE_LOST" });
      }
      await recordFailure(held(target.database, token), "full", "INTERRUPTED"); // says nothing, and does nothing
      await releaseLease(target.database, token);
      expect(await everything()).toEqual(before);
    });

    test("of a run that lost one of its mirrors, what it does to the others goes on, and to that one nothing", async () => {
      const token = await prepare();
      await expire();
      await acquire("another", 60_000, ["m"]);
      const before = await readMirrorRecord({ database: target.database, targetId: target.id, name: "m" });
      await expect(saveCursor(held(target.database, token), {})).rejects.toMatchObject({
        code: "LEASE_LOST",
      });
      await expect(
        registerMirrors(target.database, token, [
          { name: "m", trackedId: 2 },
          { name: "not seen", trackedId: 2 },
        ]),
      ).rejects.toMatchObject({ code: "LEASE_LOST" });
      await expect(renewLease(target.database, token, 1000)).rejects.toMatchObject({ code: "LEASE_LOST" });
      await registerMirror(target.database, token, "never seen", 1);
      const after = await readMirrorRecord({ database: target.database, targetId: target.id, name: "m" });
      expect({ ...after, watermarkAgeSeconds: 0 }).toEqual({ ...before, watermarkAgeSeconds: 0 });
      const [row] =
        await target.sql`SELECT count(*)::int AS n FROM datahub_sync.mirrors WHERE target_id = ${target.id} AND name = 'not seen'`;
      expect(row).toEqual({ n: 0 });
    });

    test("a run that holds it is refused none of them", async () => {
      const token = await prepare();
      for (const [name, write] of WRITES) {
        const before = await everything();
        const current =
          name === "advanceRun" ? openRun(target.database, token, "m", 1, RUN).then(() => token) : token;
        await write(target.database, await current);
        expect(await everything(), name).not.toEqual(before);
      }
    });

    test("a write waits for a take-over that is under way, and is refused then", async () => {
      const token = await prepare();
      const { refusal } = await target.sql.begin(async (tx) => {
        await tx`UPDATE datahub_sync.leases SET epoch = epoch + 1, nonce = 'another' WHERE target_id = ${target.id}`;
        const writing = saveCursor(held(target.database, token), { kind: "load", after: "x" });
        const refusal = writing.catch((error: unknown) => error);
        const waits = () => target.sql`
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                                       AND pg_backend_pid() <> pid AND query LIKE '%held%'`;
        while ((await waits()).length === 0);
        return { refusal };
      });
      expect(await refusal).toMatchObject({ code: "LEASE_LOST" });
      expect(
        (await readMirrorRecord({ database: target.database, targetId: target.id, name: "m" }))!.openRun!
          .cursor,
      ).toBeNull();
    });

    test("times are ISO 8601 in UTC, whatever the session's settings", async () => {
      await acquire("first");
      const name = new URL(target.databaseUrl).pathname.slice(1);
      await target.sql.unsafe(`ALTER DATABASE ${name} SET TimeZone = 'Asia/Kolkata'`);
      await target.sql.unsafe(`ALTER DATABASE ${name} SET DateStyle = 'German'`);
      const polluted = connectTo({ url: target.databaseUrl });
      try {
        const [lease] = await readLeases(polluted, target.id);
        expect(lease!.acquiredAt).toMatch(ISO_UTC);
        expect(lease!.expiresAt).toMatch(ISO_UTC);
        expect(Math.abs(Date.parse(lease!.acquiredAt) - Date.now())).toBeLessThan(60_000);
        const { token } = await acquire("first");
        await openRun(polluted, token, "m", 1, RUN);
        await saveCursor(held(polluted, token), { kind: "load", after: "ä" });
        await announceEnd(polluted, token, "m", { finalNonce: "final", seen: { generation: 4 } });
        expect(
          (await readMirrorRecord({ database: polluted, targetId: target.id, name: "m" }))!.openRun,
        ).toEqual({
          ...RUN,
          seen: { generation: 4 },
          cursor: { kind: "load", after: "ä" },
          finalNonce: "final",
        });
        await commitWatermark(polluted, token, "m", {
          mode: "full",
          finalNonce: "final",
          changes: { read: 5, timestamps: 2 },
        });
        await recordFailure(held(polluted, token), "delta", "INTERRUPTED");
        const record = (await readMirrorRecord({ database: polluted, targetId: target.id, name: "m" }))!;
        expect(record).toEqual({
          sizes: null,
          trackedId: 1,
          watermark: {
            snapshot: "10:20:12,15",
            at: RUN.snapshotAt,
            seen: { generation: 4 },
            nonce: "final",
          },
          watermarkAgeSeconds: expect.any(Number) as number,
          openRun: null,
          lastDelta: { at: expect.stringMatching(ISO_UTC) as string, outcome: "INTERRUPTED" },
          lastFull: { at: expect.stringMatching(ISO_UTC) as string, outcome: "done" },
          changes: { read: 5, timestamps: 2 },
        });
        const age = (Date.now() - Date.parse(RUN.snapshotAt)) / 1000;
        expect(Math.abs(record.watermarkAgeSeconds! - age)).toBeLessThan(60);
      } finally {
        await polluted.close();
        await target.sql.unsafe(`ALTER DATABASE ${name} RESET ALL`);
      }
    });
  },
);
