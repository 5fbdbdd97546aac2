import type { LeaseToken } from "../../src/state/lease.js";
import { acquireLease } from "../../src/state/take-lease.js";
import type { OpenRun } from "../../src/state/mirror-record.js";
import { snapshotOf } from "./open-reader.js";
import { announceEnd, commitWatermark, openRun } from "./run-steps.js";
import type { TableFixture } from "./table-fixture.js";

const MIRRORS = [
  ...["another", "another of the same table", "gone", "idle", "m", "mine", "theirs"],
  "taken out of the configuration",
];

/** A deployment whose leases a run holds. */
export interface RunTarget {
  token: LeaseToken;
  url: string;
}

/** What runs leave in the state tables, without what they read and send. */
export interface RunFixture {
  makeTarget: () => Promise<RunTarget>;
  /** Begins a run of a mirror that sees what has been committed. */
  begin: (target: RunTarget, trackedId: number, mirror?: string) => Promise<void>;
  /** Such a run from beginning to end: its snapshot is the watermark. */
  finish: (target: RunTarget, trackedId: number, mirror?: string) => Promise<void>;
  /** As if the mirror had run so many days earlier than it did. */
  age: (mirror: string, target: RunTarget, days: number) => Promise<unknown>;
}

export function useRuns(table: TableFixture): RunFixture {
  let targets = 0;

  async function begin({ token }: RunTarget, trackedId: number, mirror = "m"): Promise<void> {
    const snapshot = await snapshotOf(table.sql);
    const run: OpenRun = {
      nonce: token.nonce,
      priorNonce: null,
      mode: "delta",
      snapshot,
      snapshotAt: new Date().toISOString(),
      seen: {},
      history: "h",
      cursor: null,
      finalNonce: null,
    };
    await openRun(table.database, token, mirror, trackedId, run);
  }

  return {
    begin,
    async makeTarget() {
      const url = `https://target-${++targets}.example`;
      const lease = { nonce: `n${targets + 1}`, holder: "test", leaseMs: 60_000, mirrors: MIRRORS };
      return { token: (await acquireLease(table.database, url, lease)).token, url };
    },
    async finish(target, trackedId, mirror = "m") {
      const { token } = target;
      await begin(target, trackedId, mirror);
      await announceEnd(table.database, token, mirror, { finalNonce: "end", seen: {} });
      await commitWatermark(table.database, token, mirror, { mode: "delta", finalNonce: "end" });
    },
    age: (mirror, { token }, days) =>
      table.run(`UPDATE datahub_sync.mirrors SET watermark_at = watermark_at - interval '${days} days',
                        run_snapshot_at = run_snapshot_at - interval '${days} days'
                  WHERE target_id = ${token.targetId} AND name = '${mirror}'`),
  };
}
