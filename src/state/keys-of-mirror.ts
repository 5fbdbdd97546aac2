import { and, eq, gt, sql, type SQL } from "drizzle-orm";
import type { pendingDeletions, rejectedRows } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";

/** The tables that hold keys of a mirror's rows. */
type KeyTable = typeof pendingDeletions | typeof rejectedRows;

/** The rows of a mirror; with `after`, those behind that key. */
export function ofMirror(
  table: KeyTable,
  targetId: number,
  mirror: string,
  after: string | null = null,
): SQL | undefined {
  return and(
    eq(table.targetId, targetId),
    eq(table.mirror, mirror),
    after === null ? undefined : gt(table.key, after),
  );
}

/** The rows of these keys. */
export function withKeys(table: KeyTable, keys: readonly string[]): SQL {
  return sql`${table.key} = ANY (${arrayLiteral(keys)}::text::text[])`;
}
