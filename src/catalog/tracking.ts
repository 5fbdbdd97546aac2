import type { RelationName } from "../model/config.js";
import type { Sql } from "../postgres/database.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { isMissingRelation } from "../postgres/database-error.js";
import type { Tracking } from "../model/mirror-source.js";
import { TRACK, trackParameters, type TrackingClaim, type UpdatedAtMode } from "./track-call.js";

/** A table's tracking as `trackingOf` of tracking-sql.ts writes it. */
export interface TrackingFact {
  id: number;
  generation: number;
  keyColumns: string[];
  comparedColumns: string[];
  updatedAt: UpdatedAtMode;
  /** The columns that were recorded are there still, as they were. */
  knownColumns: boolean;
  /** There are no others. */
  sameColumns: boolean;
  sameTriggers: boolean;
}

export interface TrackingRecord extends Tracking {
  keyColumns: string[];
  /** What the triggers compare. */
  comparedColumns: string[];
  updatedAt: UpdatedAtMode;
}

/**
 * What is recorded of a base table, compared with the catalog. A trigger that was dropped or disabled, a column that
 * went or was changed: each means that changes may have gone unlogged. A column that came means that those of that column
 * are not compared. A table that was dropped and created again is another one, and not tracked.
 */
export function toTracking(fact: TrackingFact): TrackingRecord {
  const { id, generation, keyColumns, comparedColumns, updatedAt, sameColumns } = fact;
  return {
    id,
    generation,
    keyColumns,
    comparedColumns,
    updatedAt,
    problem: describeProblem(fact),
    isBehind: !sameColumns,
  };
}

function describeProblem({ knownColumns, sameTriggers }: TrackingFact): string | null {
  if (!knownColumns) return "its columns are not those that were tracked";
  if (!sameTriggers)
    return "a tracking trigger or its function was dropped, disabled or changed, or a partition came or went";
  return null;
}

/** Calls `track`, which does nothing where the table is tracked as asked. Needs the table's owner. */
export async function trackTable(
  sql: Sql,
  base: RelationName & { oid: string },
  claim: TrackingClaim,
): Promise<void> {
  await sql.unsafe(TRACK, trackParameters(base, claim));
}

/**
 * Calls `heal`, which waits for others 200 ms at most. Needs the table's owner.
 * @returns false where the table was never tracked for that deployment
 */
export async function healTable(
  sql: Sql,
  base: { oid: string },
  { target, keyColumns, compared, ignored }: Omit<TrackingClaim, "updatedAt">,
): Promise<boolean> {
  const [row] = await sql.unsafe<{ healed: string }[]>(
    `SELECT datahub_sync.heal($1::text::oid::regclass, $2::text::text[], $3::text::text[], $4::text::text[], $5::text)::text AS healed`,
    [
      base.oid,
      keyColumns === null ? null : arrayLiteral(keyColumns),
      arrayLiteral(ignored),
      arrayLiteral(compared),
      target,
    ],
  );
  return row!.healed === "true";
}

/**
 * Whether a table that is not tracked bears the name of one that was, for that deployment: dropped and created again, or
 * swapped, maybe before its first run. Asked apart from `heal`, which needs the table's owner.
 */
export async function wasTracked(sql: Sql, { schema, name }: RelationName, target: string): Promise<boolean> {
  const rows = await sql.unsafe(
    `SELECT FROM datahub_sync.tracked_tables t LEFT JOIN datahub_sync.tracking_claims c ON c.tracked_id = t.id
      WHERE (t.schema_name, t.table_name) = ($1::text, $2::text) AND coalesce(c.target, '') IN ($3::text, '')`,
    [schema, name, target],
  );
  return rows.length > 0;
}

/** Whether this role may make the triggers of a table: it owns the table, its partitions, and what `track` writes. */
export async function mayTrack(sql: Sql, oid: string): Promise<boolean> {
  const [row] = await sql.unsafe<{ may: string }[]>(
    `SELECT (has_schema_privilege('datahub_sync', 'CREATE')
             AND (SELECT bool_and(pg_has_role(c.relowner, 'USAGE')) FROM pg_catalog.pg_class c
                   WHERE c.oid = $1::text::oid
                      OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::text::oid::regclass))))::text AS may`,
    [oid],
  );
  return row!.may === "true";
}

/** Calls `untrack` for one deployment; false where it did not track the table. */
export async function untrackTable(sql: Sql, oid: string, target: string): Promise<boolean> {
  const [row] = await sql.unsafe<{ removed: string }[]>(
    `SELECT datahub_sync.untrack($1::text::oid::regclass, $2::text)::text AS removed
      WHERE (SELECT set_config('lock_timeout', '5s', true)) IS NOT NULL`,
    [oid, target],
  );
  return row?.removed === "true";
}

/** Whether the table still has tracking triggers: another deployment may need them. */
export async function isTracked(sql: Sql, oid: string): Promise<boolean> {
  const rows = await sql.unsafe(
    "SELECT FROM datahub_sync.tracked_tables WHERE relation_oid = $1::text::oid",
    [oid],
  );
  return rows.length > 0;
}

/** Of another deployment that mirrors the same table. */
export interface OtherClaim {
  /** The deployment's URL. */
  target: string;
  updatedAt: UpdatedAtMode;
  /** By which the table is tracked for all. */
  keyColumns: string[];
  /** Whether these are a key of the table still. */
  isKey: boolean;
}

/** None where no migration has been applied. */
export async function readOtherClaims(sql: Sql, oid: string, target: string): Promise<OtherClaim[]> {
  const rows = await readClaims(sql, oid, target).catch((error: unknown) => {
    if (isMissingRelation(error)) return [];
    throw error;
  });
  return rows.map(({ target: other, mode, key_columns: key, is_key: isKey }) => ({
    target: other,
    updatedAt: mode,
    keyColumns: JSON.parse(key) as string[],
    isKey: isKey === "true",
  }));
}

function readClaims(sql: Sql, oid: string, target: string) {
  return sql.unsafe<{ target: string; mode: UpdatedAtMode; key_columns: string; is_key: string }[]>(
    `SELECT c.target, c.updated_at_mode AS mode, to_json(t.key_columns)::text AS key_columns,
            (datahub_sync.order_key($1::text::oid::regclass, t.key_columns) IS NOT NULL)::text AS is_key
       FROM datahub_sync.tracking_claims c JOIN datahub_sync.tracked_tables t ON t.id = c.tracked_id
      WHERE t.relation_oid = $1::text::oid AND c.target NOT IN ($2, '') ORDER BY c.target`,
    [oid, target],
  );
}
