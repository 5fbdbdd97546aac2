/**
 * Positions of the source. A watermark is a `pg_snapshot`: which transactions had ended when it was taken. It is
 * handled as the text that Postgres prints and compared by Postgres alone; 64-bit xids do not fit in a number.
 */
declare const snapshotBrand: unique symbol;
export type Snapshot = string & { readonly [snapshotBrand]: true };

export type Xid = string;

const SNAPSHOT = /^\d+:\d+:(\d+(,\d+)*)?$/;
const XID = /^\d+$/;

/** Postgres 15 reads an empty text as xid 0 and "12abc" as 12: what we send back is checked first. */
export function parseSnapshot(text: string): Snapshot {
  if (!SNAPSHOT.test(text)) throw new RangeError(`Not a pg_snapshot: ${JSON.stringify(text.slice(0, 40))}`);
  return text as Snapshot;
}

export function parseXid(text: string): Xid {
  if (!XID.test(text)) throw new RangeError(`Not an xid8: ${JSON.stringify(text.slice(0, 40))}`);
  return text;
}

/** A snapshot and the database's clock when it was taken. */
export interface SnapshotMoment {
  snapshot: Snapshot;
  /** ISO 8601, UTC. */
  at: string;
}
