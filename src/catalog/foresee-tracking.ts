import type { Sql } from "../postgres/database.js";
import type { TrackingClaim, UpdatedAtMode } from "./track-call.js";

/** What is compared, and what `updated_at` means, before a call of `track` or after it. */
export interface TrackedState {
  compared: string[];
  updatedAt: UpdatedAtMode;
}

/** What `track` would do with a table. */
export interface ForeseenTracking {
  outcome: "tracked" | "tracked-again" | "already-tracked";
  /** Null where it is not tracked. */
  before: (TrackedState & { trackedId: number }) | null;
  after: TrackedState;
}

interface Claim {
  target: string;
  columns: string[];
  ignored: string[];
  updatedAt: UpdatedAtMode;
}

/** As far as the decision of `track` depends on it. */
interface TrackedFact {
  /** Names of the table's columns, in their order. */
  names: string[];
  hasUpdatedAt: boolean;
  tracked: {
    id: number;
    keyColumns: string[];
    compared: string[];
    ignored: string[];
    updatedAt: UpdatedAtMode;
    isInPlace: boolean;
    claims: Claim[];
  } | null;
}

/** As `datahub_sync.track` of migrations/0006_track.sql decides. */
export async function foreseeTracking(
  sql: Sql,
  oid: string,
  claim: TrackingClaim & { keyColumns: readonly string[] },
): Promise<ForeseenTracking> {
  const [row] = await sql.unsafe<{ fact: string }[]>(FACT, [oid, JSON.stringify(claim.keyColumns)]);
  const { names, hasUpdatedAt, tracked } = JSON.parse(row!.fact) as TrackedFact;
  const inOrder = (some: readonly string[]) => names.filter((name) => some.includes(name));
  const own: Claim = {
    target: claim.target,
    columns: inOrder(claim.compared),
    ignored: [...claim.ignored],
    updatedAt: hasUpdatedAt ? claim.updatedAt : "none",
  };
  const others = (tracked?.claims ?? []).filter(({ target }) => target !== claim.target && target !== "");
  const claims = [...others, own];
  const updatedAt = claims.map((each) => each.updatedAt).sort()[0]!;
  const agreeing = claims.filter((each) => each.updatedAt === updatedAt);
  const compared = inOrder([...claims.flatMap(({ columns }) => columns), ...claim.keyColumns]);
  const ignored = inOrder(
    agreeing.map((each) => each.ignored).reduce((all, some) => all.filter((name) => some.includes(name))),
  ).filter((name) => !claim.keyColumns.includes(name));
  const after = { compared, updatedAt };
  if (tracked === null) return { outcome: "tracked", before: null, after };
  const isSame =
    tracked.isInPlace &&
    tracked.updatedAt === updatedAt &&
    tracked.keyColumns.join() === claim.keyColumns.join() &&
    tracked.compared.join() === compared.join() &&
    tracked.ignored.join() === ignored.join();
  const before = { trackedId: tracked.id, compared: tracked.compared, updatedAt: tracked.updatedAt };
  return { outcome: isSame ? "already-tracked" : "tracked-again", before, after };
}

const FACT = `
  SELECT json_build_object(
    'names', (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped),
    'hasUpdatedAt', datahub_sync.has_updated_at($1::text::oid::regclass,
                      ARRAY(SELECT json_array_elements_text($2::text::json))),
    'tracked', (
      SELECT json_build_object(
               'id', t.id, 'keyColumns', t.key_columns, 'compared', t.compared_columns, 'ignored', t.ignored_columns,
               'updatedAt', t.updated_at_mode,
               'isInPlace', t.columns = datahub_sync.describe_columns(t.relation_oid)
                        AND t.triggers = datahub_sync.describe_triggers(t.relation_oid, t.id),
               'claims', (SELECT coalesce(json_agg(json_build_object(
                                   'target', c.target, 'columns', c.columns, 'ignored', c.ignored,
                                   'updatedAt', c.updated_at_mode)), '[]')
                            FROM datahub_sync.tracking_claims c WHERE c.tracked_id = t.id))
        FROM datahub_sync.tracked_tables t WHERE t.relation_oid = $1::text::oid))::text AS fact`;

/** Whether this role owns a table and its partitions, as who makes their triggers has to. */
export async function ownsTable(sql: Sql, oid: string): Promise<boolean> {
  const [row] = await sql.unsafe<{ owns: string }[]>(
    `SELECT bool_and(pg_has_role(c.relowner, 'USAGE'))::text AS owns FROM pg_catalog.pg_class c
      WHERE c.oid = $1::text::oid
         OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::text::oid::regclass))`,
    [oid],
  );
  return row!.owns === "true";
}

/** Tables whose tracking is recorded and that concern this deployment, or nobody any more. */
export interface RecordedTable {
  schema: string;
  name: string;
  oid: string;
  /** It was dropped. */
  isGone: boolean;
  /** A table has taken the name of the one that was dropped. */
  hasHeir: boolean;
  /** Entries of the change log. */
  entries: number;
  targets: string[];
}

/** What is recorded as tracked. */
export async function listRecorded(sql: Sql): Promise<RecordedTable[]> {
  const [row] = await sql.unsafe<{ found: string }[]>(
    `SELECT coalesce(json_agg(json_build_object(
              'schema', t.schema_name, 'name', t.table_name, 'oid', t.relation_oid::text,
              'isGone', c.oid IS NULL,
              'hasHeir', c.oid IS NULL AND to_regclass(format('%I.%I', t.schema_name, t.table_name)) IS NOT NULL,
              'entries', CASE WHEN c.oid IS NULL THEN
                (SELECT count(*) FROM datahub_sync.changes l WHERE l.tracked_id = t.id) ELSE 0 END,
              'targets', (SELECT coalesce(json_agg(k.target), '[]') FROM datahub_sync.tracking_claims k
                           WHERE k.tracked_id = t.id)) ORDER BY t.id), '[]')::text AS found
       FROM datahub_sync.tracked_tables t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.relation_oid`,
  );
  return JSON.parse(row!.found) as RecordedTable[];
}

/** The deployments and mirrors that go on from a watermark of a tracked table. */
export async function listMirrorsOf(
  sql: Sql,
  trackedId: number,
): Promise<{ target: string; mirror: string }[]> {
  const rows = await sql.unsafe<{ target: string; mirror: string }[]>(
    `SELECT t.url AS target, m.name AS mirror FROM datahub_sync.mirrors m JOIN datahub_sync.targets t ON t.id = m.target_id
      WHERE m.tracked_id = $1::text::integer AND m.watermark IS NOT NULL ORDER BY 1, 2`,
    [String(trackedId)],
  );
  return rows.map((row) => ({ ...row }));
}
