import { and, eq, sql, type SQL } from "drizzle-orm";
import type { pendingDeletions, setAsideRows } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { StoredMirror } from "./stored-mirror.js";

/** The tables that hold keys of a mirror's rows. */
type KeyTable = typeof pendingDeletions | typeof setAsideRows;

/** The rows of a mirror; with `after`, those behind that key, in the order of the digests. */
export function ofMirror(
  table: KeyTable,
  { targetId, name }: StoredMirror,
  after: string | null = null,
): SQL | undefined {
  return and(
    eq(table.targetId, targetId),
    eq(table.mirror, name),
    after === null ? undefined : sql`${table.digest} > datahub_sync.key_digest(${after})`,
  );
}

/** The rows of these keys. */
export function withKeys(table: KeyTable, keys: readonly string[]): SQL {
  return sql`${table.digest} = ANY (ARRAY(
    SELECT datahub_sync.key_digest(wanted) FROM unnest(${arrayLiteral(keys)}::text::text[]) AS wanted))`;
}
