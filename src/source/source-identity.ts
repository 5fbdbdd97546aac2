import type { Database } from "../postgres/database.js";
import { isMissingRelation } from "../postgres/database-error.js";
import { SyncError } from "../errors.js";
import { DURABLE } from "./durable.js";
import { parseSnapshot, type Snapshot, type SnapshotMoment } from "./snapshot.js";

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

/**
 * Who the source is. `system_identifier` alone is not enough: Neon's branches share it, and so do copies of a data
 * directory; those show when the nonces of the two sides are compared.
 * @throws SyncError MIGRATIONS_MISSING, DATABASE_IN_RECOVERY
 */
export async function readIdentity(database: Database): Promise<SourceIdentity> {
  const row = await database.run("reading the source's identity", async (sql) => {
    try {
      const [found] = await sql.unsafe<Record<string, string | null>[]>(
        `SELECT (SELECT id::text FROM datahub_sync.source) AS source,
                (SELECT system_identifier::text FROM pg_control_system()) AS cluster,
                (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS database,
                coalesce(current_setting('neon.branch_id', true), current_setting('neon.timeline_id', true)) AS branch,
                (SELECT timeline_id::text FROM pg_control_checkpoint()) AS timeline,
                current_setting('neon.timeline_id', true) AS neon_timeline,
                (SELECT xmin::text FROM pg_database WHERE datname = current_database()) AS made,
                extract(epoch FROM pg_postmaster_start_time())::text AS started,
                pg_is_in_recovery()::text AS recovering,
                current_setting('server_version_num') AS version,
                current_setting('default_transaction_isolation') AS isolation`,
      );
      return found!;
    } catch (error) {
      if (isMissingRelation(error)) throw migrationsMissing(error);
      throw error;
    }
  });
  if (row["recovering"] === "true") {
    throw new SyncError({
      code: "DATABASE_IN_RECOVERY",
      message: "This Postgres is a standby: snapshots taken here say nothing about the primary.",
      remedy: "Point DATABASE_URL at the primary.",
    });
  }
  if (!row["source"]) throw migrationsMissing(undefined);
  const timeline = [row["timeline"], row["neon_timeline"] || "-"].join("/");
  return {
    lineage: [row["source"], row["cluster"], row["branch"] || "-", row["database"]].join("/"),
    timeline,
    history: [timeline, row["made"], row["started"]].join("/"),
    serverVersion: Number(row["version"]),
    isolation: row["isolation"]!,
  };
}

function migrationsMissing(cause: unknown): SyncError {
  return new SyncError({
    code: "MIGRATIONS_MISSING",
    message: "The schema datahub_sync is not in this database.",
    remedy: "Run `datahub-sync migrate` once, as the owner of the tables.",
    cause,
  });
}

/**
 * The snapshot that a run begins with, durable: after a crash, xids whose WAL was never flushed are handed out again,
 * and no change that is logged with such an xid may look older than the snapshot.
 */
export async function takeSnapshot(database: Database): Promise<SnapshotMoment> {
  const [row] = await database.run("taking the snapshot", (sql) =>
    sql.unsafe<{ snapshot: string; at: string }[]>(
      `SELECT pg_current_snapshot()::text AS snapshot,
              to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
        WHERE ${DURABLE}`,
    ),
  );
  return { snapshot: parseSnapshot(row!.snapshot), at: row!.at };
}

/**
 * Whether one of these snapshots knows of transactions that this server has not begun: it is another one than it was, or
 * was set back. What it logs from now on would seem to be seen already.
 */
export async function isAheadOfServer(database: Database, snapshots: readonly Snapshot[]): Promise<boolean> {
  if (snapshots.length === 0) return false;
  const xmax = (snapshot: string) => `pg_snapshot_xmax(${snapshot})`;
  const [row] = await database.run("comparing the position with the server's", (sql) =>
    sql.unsafe<{ ahead: string }[]>(
      `SELECT (${snapshots.map((_, i) => `${xmax(`$${i + 1}::text::pg_snapshot`)} > ${xmax("pg_current_snapshot()")}`).join(" OR ")})::text AS ahead`,
      [...snapshots],
    ),
  );
  return row!.ahead === "true";
}

/** The oldest open transaction, and how far it is behind: null when there is none. */
export async function readHorizon(
  database: Database,
): Promise<{ xidsBehind: string; oldest: string | null } | null> {
  const [row] = await database.run("looking for what holds the horizon back", (sql) =>
    sql.unsafe<{ behind: string; oldest: string | null }[]>(
      `SELECT (pg_snapshot_xmax(s)::text::numeric - pg_snapshot_xmin(s)::text::numeric)::text AS behind,
              coalesce(
                (SELECT format('prepared transaction %s of %s, since %s', gid, owner, prepared)
                   FROM pg_prepared_xacts ORDER BY prepared LIMIT 1),
                (SELECT format('session %s of %s (%s), in a transaction since %s', pid, usename, application_name, xact_start)
                   FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start LIMIT 1)) AS oldest
         FROM pg_current_snapshot() AS s`,
    ),
  );
  return row && row.behind !== "0" ? { xidsBehind: row.behind, oldest: row.oldest } : null;
}
