import type { Database, Sql } from "../postgres/database.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { parseSnapshot, parseXid, type Snapshot, type Xid } from "../model/snapshot.js";

/** Up to where the entries of a table have been read, in the order of (xid, id). */
export interface ChangeCursor {
  xid: Xid;
  id: string;
}

/** What a run reads: what had not ended for `since`, its watermark, and had for `until`, its own snapshot. */
export interface ChangeRange {
  since: Snapshot;
  until: Snapshot;
}

export interface ChangePage {
  /** Each once, in the order of their first entry. */
  keys: string[];
  entries: number;
  /** Keys that came or went: of no others may a row be new to Convex. */
  cameOrWent: number;
  /** Entries of rows of which nothing but `updated_at` was changed. */
  timestamps: number;
  /** Where the next page begins; null when this was the last. */
  cursor: ChangeCursor | null;
}

/** Why keys alone do not tell what changed. */
export type Unknown = "truncated" | "key unknown";

export function unknownOf(kind: string): Unknown {
  return kind === "c" ? "truncated" : "key unknown";
}

/**
 * Reads the change log of one tracked table. Each method is one autocommitted statement. The set of a range is frozen:
 * what commits after `until` is the next run's, so that each entry is read once and the end is bounded.
 */
export class ChangeLog {
  readonly #database: Database;
  readonly #trackedId: string;
  readonly #name: string;

  constructor(database: Database, { name, trackedId }: { name: string; trackedId: number }) {
    this.#database = database;
    this.#trackedId = String(trackedId);
    this.#name = name;
  }

  async page({ since, until }: ChangeRange, cursor: ChangeCursor | null, limit: number): Promise<ChangePage> {
    const after = cursor === null ? "" : "AND (c.xid, c.id) > ($4::text::xid8, $5::text::bigint)";
    const position = cursor === null ? [] : [parseXid(cursor.xid), cursor.id];
    const rows = await this.#read("reading the changed keys", (sql) =>
      sql.unsafe<{ xid: string; id: string; kind: string; key: string | null }[]>(
        `SELECT c.xid::text, c.id::text, c.kind, c.key
           FROM (${unseen(`AND pg_visible_in_snapshot(c.xid, $3::text::pg_snapshot) ${after}`, limit)}) c
          ORDER BY c.xid, c.id LIMIT ${limit}`,
        [this.#trackedId, parseSnapshot(since), parseSnapshot(until), ...position],
      ),
    );
    const last = rows.length === limit ? rows.at(-1)! : null;
    return {
      keys: [...new Set(rows.flatMap(({ key }) => (key === null ? [] : [key])))],
      entries: rows.length,
      cameOrWent: new Set(rows.filter(({ kind }) => kind === "i" || kind === "d").map(({ key }) => key)).size,
      timestamps: rows.filter(({ kind }) => kind === "t").length,
      cursor: last && { xid: last.xid, id: last.id },
    };
  }

  /** Whether something since the watermark can only be answered by comparing all keys. */
  async findUnknown(since: Snapshot): Promise<Unknown | null> {
    const [row] = await this.#read("looking for changes of unknown keys", (sql) =>
      sql.unsafe<{ kind: string }[]>(
        `SELECT c.kind FROM (${unseen("AND c.key IS NULL", 1)}) c ORDER BY c.xid, c.id LIMIT 1`,
        [this.#trackedId, parseSnapshot(since)],
      ),
    );
    return row === undefined ? null : unknownOf(row.kind);
  }

  /** Those of these keys that were logged since the watermark: what a run has not read yet. */
  async waitingAmong(since: Snapshot, keys: readonly string[]): Promise<Set<string>> {
    const rows = await this.#read("looking for changes of keys", (sql) =>
      sql.unsafe<{ key: string }[]>(
        `SELECT DISTINCT c.key FROM (${unseen("AND c.key = ANY ($3::text::text[])", null)}) c`,
        [this.#trackedId, parseSnapshot(since), arrayLiteral(keys)],
      ),
    );
    return new Set(rows.map(({ key }) => key));
  }

  /** How many keys wait for a run. */
  async countKeys(since: Snapshot): Promise<number> {
    const [row] = await this.#read("counting the changes that wait", (sql) =>
      sql.unsafe<{ n: string }[]>(
        `SELECT count(DISTINCT coalesce(c.key, ''))::text AS n FROM (${unseen("", null)}) c`,
        [this.#trackedId, parseSnapshot(since)],
      ),
    );
    return Number(row!.n);
  }

  #read<T>(doing: string, query: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#database.execute(`${doing} of ${this.#name}`, query);
  }
}

/**
 * SQL: the entries of a table that a watermark had not seen: of transactions that it found open, each looked up
 * by itself, and of those that had not begun. Each look-up is one in the index, from the first entry asked for: neither
 * an old transaction, which holds the watermark's xmin back, nor entries that another deployment still waits for are read
 * again. (Up to Postgres 16 a list of xids in the place of the look-ups would be read in no order, and the planner
 * read all the table's entries for the sake of it.)
 * @param of expressions for the tracked id (integer) and the watermark (pg_snapshot)
 */
export function unseenEntries(
  of: { trackedId: string; since: string },
  condition: string,
  limit: number | null,
): string {
  // OFFSET 0: without it, the look-ups would be taken for a join.
  const order = limit === null ? "OFFSET 0" : `ORDER BY c.xid, c.id LIMIT ${limit}`;
  const select = (where: string) =>
    `(SELECT c.xid, c.id, c.kind, c.key FROM datahub_sync.changes c
       WHERE c.tracked_id = ${of.trackedId} AND ${where} ${condition} ${order})`;
  return `(SELECT c.* FROM (SELECT xid FROM pg_snapshot_xip(${of.since}) AS xid ORDER BY xid) AS open_then
            CROSS JOIN LATERAL ${select("c.xid = open_then.xid")} c ${order})
          UNION ALL
          ${select(`c.xid >= pg_snapshot_xmax(${of.since})`)}`;
}

/** The same of the table $1 and the watermark $2. */
function unseen(condition: string, limit: number | null): string {
  return unseenEntries({ trackedId: "$1::text::integer", since: "$2::text::pg_snapshot" }, condition, limit);
}
