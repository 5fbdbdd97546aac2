import type { MirrorHandshake, MirrorState } from "../../convex/datahubSync/stateProtocol.js";
import type { MirrorRecord, OpenRun } from "../state/mirror-record.js";

/**
 * Part of each cursor: the state of the mirror in Convex that holds everything before the cursor. A cursor that is
 * nothing else is at the beginning: that state holds everything before the watermark.
 */
export interface Acknowledged {
  acknowledged: { nonce: string; fence: string };
}

/** What an interrupted run relies on, for the one that does not resume it but has the same watermark. */
export function acknowledgedIn(cursor: unknown): Acknowledged | null {
  const { acknowledged } = (cursor ?? {}) as Partial<Acknowledged>;
  return acknowledged === undefined ? null : { acknowledged };
}

/** What the two sides' memories of a mirror's last run, held against each other, allow (invariants 3 and 6). */
export type Agreement =
  /** Neither side remembers a run, or the first one never got to Convex. */
  | { kind: "first" }
  /** Both remember the same end. */
  | { kind: "agreed" }
  /** Both remember a run that began and did not end. */
  | { kind: "interrupted" }
  /** Convex remembers the end of a run whose watermark Postgres had not moved yet. */
  | { kind: "ended" }
  /** They disagree: a restore, a wiped table. The run becomes full by itself. */
  | { kind: "disagreed"; reason: string; documentsGone: boolean }
  /** The mirror belongs to another database. Refused, unless the user takes it over. */
  | { kind: "foreign" };

/**
 * Compares by nonce: the random name that both sides gave the last run. Restoring either side brings back an older
 * name, where positions would look plausible.
 */
export function compareMemories(
  record: MirrorRecord | null,
  handshake: Pick<MirrorHandshake, "state" | "ledgerSample" | "rows">,
  { lineage, history }: { lineage: string; history: string },
): Agreement {
  const { state } = handshake;
  const disagreed = (reason: string, documentsGone = false): Agreement => ({
    kind: "disagreed",
    reason,
    documentsGone,
  });

  if (state === null) {
    return record?.watermark
      ? disagreed("Convex does not remember the last run: the deployment is new, or was restored or wiped")
      : { kind: "first" };
  }
  if (state.lineage !== lineage) return { kind: "foreign" };
  if (handshake.ledgerSample === "missing") {
    return disagreed("documents that the ledger names are gone from Convex", true);
  }
  if (handshake.ledgerSample === "empty" && handshake.rows > 0) {
    return disagreed("the ledger in Convex was emptied", true);
  }
  // Rows are counted in the transactions that write them, and between two runs nothing may write.
  if (!state.running && state.rows !== handshake.rows) {
    return disagreed("the mirror in Convex does not hold as many rows as the last run left", true);
  }

  const open = record?.openRun ?? null;
  const knowsOpenRun = open !== null && (state.nonce === open.nonce || state.nonce === open.priorNonce);
  if (open?.finalNonce != null && state.nonce === open.finalNonce && !state.running) return { kind: "ended" };
  if (knowsOpenRun) {
    // What that run has sent since may come from commits that the restored database never had.
    if (open.history !== history)
      return disagreed("Postgres was restarted or restored since the last run was interrupted");
    if (hasForgotten(state, open))
      return disagreed("Convex was restored to before what the interrupted run had written");
    return { kind: "interrupted" };
  }
  // A run that has begun since has not seen Convex like this.
  if (record?.watermark && open === null && !state.running && state.nonce === record.watermark.nonce)
    return { kind: "agreed" };
  return disagreed(
    record?.watermark || open
      ? "Postgres and Convex remember different last runs: one of the two was restored"
      : "Postgres does not remember the last run: the database was restored, or tracking was set up anew",
  );
}

/**
 * Whether Convex is behind what was acknowledged: each cursor is saved with a fence of its own. What the open run
 * itself was told is known to no state of before.
 */
function hasForgotten(state: MirrorState, open: OpenRun): boolean {
  const { acknowledged } = acknowledgedIn(open.cursor) ?? {};
  if (acknowledged === undefined) return false;
  const { nonce, fence } = acknowledged;
  return nonce === state.nonce ? state.fence < BigInt(fence) : nonce === open.nonce;
}
