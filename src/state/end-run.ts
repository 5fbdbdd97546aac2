import { sql, type SQL } from "drizzle-orm";
import { mirrors } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import type { RunMode } from "../model/report.js";
import type { SyncError } from "../model/errors.js";
import { heldLeasesSql, leaseLost, type LeaseToken } from "./lease.js";
import { readMirrorRecord, type OpenRun } from "./mirror-record.js";
import { whyRefused } from "./open-run.js";
import { heldMirror } from "./stored-mirror.js";

/** Entries of the change log that a run has read, and those of a timestamp alone. */
export interface ChangesRead {
  read: number;
  timestamps: number;
}

/** The end of a mirror's run, before Convex is told. */
export interface EndToAnnounce {
  name: string;
  finalNonce: string;
  /** What the run has seen of the catalog in all. */
  seen: unknown;
  /** Of a mirror that had nothing to do: its run, which begins and ends at once. */
  opening: Pick<OpenRun, "priorNonce" | "snapshot" | "snapshotAt" | "history"> | null;
}

/**
 * Written before Convex is told: a crash in between is then recognised by these nonces, on either side. Synchronous, as
 * the start of a run is.
 * @param witness an expression that is given back, as it was when this was written
 * @returns what became of each: null where it was written
 */
export async function announceEnds(
  database: Database,
  token: LeaseToken,
  ends: readonly EndToAnnounce[],
  witness: SQL,
): Promise<{ witness: string; refused: Map<string, SyncError> }> {
  const opened = (column: SQL, value: SQL) =>
    sql`CASE WHEN r.opening IS NULL THEN m.${column} ELSE ${value} END`;
  const rows = await database.executeDrizzle(`announcing the end of ${namesOf(ends).join(", ")}`, (db) =>
    db.execute<{ written: string | null; witness: string }>(sql`
      WITH ${heldLeasesSql(token, namesOf(ends))},
           durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true)),
           announced AS (
             UPDATE ${mirrors} AS m
                SET run_final_nonce = r."finalNonce", run_seen = r.seen,
                    run_nonce = ${opened(sql`run_nonce`, sql`${token.nonce}`)},
                    run_prior_nonce = ${opened(sql`run_prior_nonce`, sql`r.opening ->> 'priorNonce'`)},
                    run_mode = ${opened(sql`run_mode`, sql`'delta'`)},
                    run_snapshot = ${opened(sql`run_snapshot`, sql`(r.opening ->> 'snapshot')::pg_snapshot`)},
                    run_snapshot_at = ${opened(sql`run_snapshot_at`, sql`(r.opening ->> 'snapshotAt')::timestamptz`)},
                    run_history = ${opened(sql`run_history`, sql`r.opening ->> 'history'`)},
                    run_cursor = ${opened(sql`run_cursor`, sql`NULL`)}
               FROM held, durable, jsonb_to_recordset(${JSON.stringify(ends)}::text::jsonb)
                 AS r (name text, "finalNonce" text, seen jsonb, opening jsonb)
              WHERE m.target_id = held_target AND m.name = r.name
             RETURNING m.name)
      SELECT ${witness} AS witness, (SELECT json_agg(name) FROM announced)::text AS written FROM held`),
  );
  const [row] = rows;
  if (row === undefined) throw leaseLost();
  const refused = await refusalsOf(database, token, missing(ends, row.written));
  return { witness: row.witness, refused };
}

/** An end that Convex has acknowledged. */
export interface EndToCommit {
  name: string;
  mode: RunMode;
  finalNonce: string;
  changes: ChangesRead;
  /** Null where no row was sent. */
  sizes: SizesSent | null;
}

/** Of the rows that a run has sent. */
export interface SizesSent {
  /** Means, in bytes. */
  documentBytes: number;
  keyBytes: number;
  /** How many of the mirror's rows they are, above 0 and at most 1. */
  share: number;
}

/**
 * The last step of a run: its snapshot becomes the watermark. Only after Convex has acknowledged everything below it
 * (invariant 3). Carried out once more, it finds no run that announced this end, but the end itself.
 * @returns the mirrors whose watermark could not be moved, and why
 */
export async function commitWatermarks(
  database: Database,
  token: LeaseToken,
  ends: readonly EndToCommit[],
): Promise<Map<string, SyncError>> {
  if (ends.length === 0) return new Map();
  const ofMode = (mode: "delta" | "full", column: SQL, value: SQL) =>
    sql`CASE WHEN (r.mode = 'delta') = ${mode === "delta" ? sql`true` : sql`false`} THEN ${value} ELSE m.${column} END`;
  const mean = (column: SQL, sent: SQL) =>
    sql`CASE WHEN r.share IS NULL THEN m.${column} ELSE coalesce(m.${column}, ${sent}) * (1 - r.share) + ${sent} * r.share END`;
  const written = ends.map(({ changes, sizes, ...end }) => ({ ...end, ...changes, ...sizes }));
  const rows = await database.executeDrizzle(`moving the watermark of ${namesOf(ends).join(", ")}`, (db) =>
    db.execute<{ written: string | null }>(sql`
      WITH ${heldLeasesSql(token, namesOf(ends))},
           ended AS (
             UPDATE ${mirrors} AS m
                SET watermark = run_snapshot, watermark_at = run_snapshot_at, seen = run_seen, nonce = run_final_nonce,
                    run_nonce = NULL, run_prior_nonce = NULL, run_mode = NULL, run_snapshot = NULL, run_snapshot_at = NULL,
                    run_seen = NULL, run_history = NULL, run_cursor = NULL, run_final_nonce = NULL,
                    changes_read = changes_read + r.read, timestamps_read = timestamps_read + r.timestamps,
                    last_delta_at = ${ofMode("delta", sql`last_delta_at`, sql`clock_timestamp()`)},
                    last_delta_outcome = ${ofMode("delta", sql`last_delta_outcome`, sql`'done'`)},
                    last_full_at = ${ofMode("full", sql`last_full_at`, sql`clock_timestamp()`)},
                    last_full_outcome = ${ofMode("full", sql`last_full_outcome`, sql`'done'`)},
                    document_bytes = ${mean(sql`document_bytes`, sql`r."documentBytes"`)},
                    key_bytes = ${mean(sql`key_bytes`, sql`r."keyBytes"`)}
               FROM held, json_to_recordset(${JSON.stringify(written)}::text::json)
                 AS r (name text, mode text, "finalNonce" text, read bigint, timestamps bigint,
                       "documentBytes" float8, "keyBytes" float8, share float8)
              WHERE m.target_id = held_target AND m.name = r.name AND m.run_final_nonce = r."finalNonce"
             RETURNING m.name)
      SELECT (SELECT json_agg(name) FROM ended)::text AS written FROM held`),
  );
  if (rows.length === 0) throw leaseLost();
  const unmoved: EndToCommit[] = [];
  for (const end of missing(ends, rows[0]!.written)) {
    const record = await readMirrorRecord({ database, targetId: token.targetId, name: end.name });
    if (record?.watermark?.nonce !== end.finalNonce) unmoved.push(end);
  }
  return refusalsOf(database, token, unmoved);
}

function missing<End extends { name: string }>(ends: readonly End[], written: string | null): End[] {
  const names = new Set(written === null ? [] : (JSON.parse(written) as string[]));
  return ends.filter(({ name }) => !names.has(name));
}

async function refusalsOf(
  database: Database,
  token: LeaseToken,
  ends: readonly { name: string }[],
): Promise<Map<string, SyncError>> {
  const refused = new Map<string, SyncError>();
  for (const { name } of ends)
    refused.set(name, await whyRefused(heldMirror({ database, lease: token }, name)));
  return refused;
}

function namesOf(ends: readonly { name: string }[]): string[] {
  return ends.map(({ name }) => name);
}
