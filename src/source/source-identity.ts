import type { Database } from "../postgres/database.js";
import { SyncError } from "../model/errors.js";
import { SCHEMA_ABSENT } from "../model/remedies.js";
import { durable } from "./durable.js";
import { parseSnapshot, type SnapshotMoment } from "../model/snapshot.js";

export interface SourceIdentity {
  /** The source's lasting id with the cluster's, the branch's and the database's: two copies of one database differ. */
  lineage: string;
  /** Of Postgres, and of Neon: another one after a restore to a point in time and after a fail-over to a standby. */
  timeline: string;
  /**
   * Which history of that source: another one on another timeline, in a database that was made anew, and after a
   * restart, without which no files or snapshots of a disk are put back. Commits of the old history may be gone.
   */
  history: string;
  serverVersion: number;
  /** What a statement of ours runs at: a pooler lets nobody ask for something else. */
  isolation: string;
}

/** SQL: the timeline, as `SourceIdentity` has it. */
export const TIMELINE = `(
  SELECT timeline_id::text || '/' || coalesce(nullif(current_setting('neon.timeline_id', true), ''), '-')
    FROM pg_control_checkpoint())`;

/** SQL: what `toIdentity` has to know, as JSON. */
export const IDENTITY_FACTS = `json_build_object(
    'source', (SELECT id::text FROM datahub_sync.source),
    'cluster', (SELECT system_identifier::text FROM pg_control_system()),
    'database', (SELECT oid::text FROM pg_database WHERE datname = current_database()),
    'branch', coalesce(current_setting('neon.branch_id', true), current_setting('neon.timeline_id', true)),
    'timeline', ${TIMELINE},
    'made', (SELECT xmin::text FROM pg_database WHERE datname = current_database()),
    'started', extract(epoch FROM pg_postmaster_start_time())::text,
    'isRecovering', pg_is_in_recovery(),
    'version', current_setting('server_version_num'),
    'isolation', current_setting('default_transaction_isolation'))`;

export interface IdentityFacts {
  source: string | null;
  cluster: string;
  database: string;
  branch: string | null;
  timeline: string;
  made: string;
  started: string;
  isRecovering: boolean;
  version: string;
  isolation: string;
}

/**
 * Who the source is. `system_identifier` alone is not enough: Neon's branches share it, and so do copies of a data
 * directory; those show when the nonces of the two sides are compared.
 * @throws SyncError MIGRATIONS_MISSING, DATABASE_IN_RECOVERY
 */
export function toIdentity(facts: IdentityFacts | null): SourceIdentity {
  if (facts?.isRecovering) {
    throw new SyncError({
      code: "DATABASE_IN_RECOVERY",
      message: "This Postgres is a standby: snapshots taken here say nothing about the primary.",
      remedy: "Point DATABASE_URL at the primary.",
    });
  }
  if (!facts?.source) {
    throw new SyncError({
      code: "MIGRATIONS_MISSING",
      message: SCHEMA_ABSENT,
      remedy: "Run `datahub-sync migrate` once, as the owner of the tables.",
    });
  }
  const { timeline } = facts;
  return {
    lineage: [facts.source, facts.cluster, facts.branch || "-", facts.database].join("/"),
    timeline,
    history: [timeline, facts.made, facts.started].join("/"),
    serverVersion: Number(facts.version),
    isolation: facts.isolation,
  };
}

/**
 * The snapshot that a run begins with, durable: after a crash, xids whose WAL was never flushed are handed out again,
 * and no change that is logged with such an xid may look older than the snapshot.
 */
export async function takeSnapshot(database: Database): Promise<SnapshotMoment> {
  const [row] = await database.execute("taking the snapshot", (sql) =>
    sql.unsafe<{ snapshot: string; at: string }[]>(
      `SELECT pg_current_snapshot()::text AS snapshot,
              to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
        WHERE ${durable(database)}`,
    ),
  );
  return { snapshot: parseSnapshot(row!.snapshot), at: row!.at };
}
