import type { Database } from "../postgres/database.js";
import type { LeaseToken } from "./lease.js";

/** A mirror as Postgres remembers it: where, and for which deployment. */
export interface StoredMirror {
  readonly database: Database;
  readonly targetId: number;
  readonly name: string;
}

/** The same for a run, which writes by the right of its lease. */
export interface HeldMirror extends StoredMirror {
  /** As it is now: the epoch may be raised while the run goes on. */
  readonly lease: LeaseToken;
}

/** @param held the lease that is asked for each time */
export function heldMirror(
  held: { readonly database: Database; readonly lease: LeaseToken },
  name: string,
): HeldMirror {
  return {
    name,
    database: held.database,
    targetId: held.lease.targetId,
    get lease() {
      return held.lease;
    },
  };
}
