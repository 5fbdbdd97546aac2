import type { Database, Sql } from "../postgres/database.js";
import { databaseErrorCode } from "../postgres/database-error.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { quoteIdentifier, quoteRelation } from "../postgres/identifier.js";
import { hashExpression } from "./content-hash.js";
import { DURABLE } from "./durable.js";
import { KeySql } from "./key-sql.js";
import { fitsKey } from "./key-text.js";
import type { MirrorSource } from "./mirror-source.js";
import { parseSnapshot, parseXid, type Snapshot } from "./snapshot.js";

/** A row as Postgres prints it, with the hash of the same statement (invariant 13). */
export interface SourceRow {
  key: string;
  hash: string;
  /** The text of each mirrored column, in their order. */
  texts: (string | null)[];
}

export interface KeyHash {
  key: string;
  hash: string;
}

/** A key to read, and roughly how many bytes its row has. */
export interface KeySize {
  key: string;
  bytes: number;
}

/**
 * How far the changed rows have been paged: first those with an xid, in the order of (xid, key); then those
 * without one (rows of partitions attached later), in the order of the key.
 */
export interface ChangeCursor {
  xid: string | null;
  key: string;
}

/**
 * Pinned for this statement's transaction: everything that the text of a value depends on. The sub-select refers to
 * no row, so Postgres evaluates it once, before the first row is fetched.
 */
const PINNED = "(SELECT datahub_sync.pin_output())";

/** Reads one mirror. Each method is one autocommitted statement: nothing here holds a snapshot open. */
export class TableReader {
  readonly #database: Database;
  readonly #source: MirrorSource;
  readonly #relation: string;
  readonly #base: string;
  readonly #hash: string;
  readonly #keys: KeySql;

  constructor(database: Database, source: MirrorSource) {
    this.#database = database;
    this.#source = source;
    this.#relation = quoteRelation(source.relation);
    this.#base = quoteRelation(source.base);
    this.#hash = hashExpression(source);
    this.#keys = new KeySql(source.keyColumns);
  }

  /**
   * The keys of rows that changed since the watermark, oldest change first. A row that keeps changing moves ahead
   * of the cursor, so it is read again rather than missed. `xid < xmax(now)` keeps a dump that was restored into a
   * younger cluster from looking changed for ever.
   * @param cursor null: from the start
   */
  async changedKeys(
    watermark: Snapshot,
    cursor: ChangeCursor | null,
    limit: number,
  ): Promise<{ keys: KeySize[]; cursor: ChangeCursor | null }> {
    if (cursor === null || cursor.xid !== null) {
      const marked = await this.#markedKeys(watermark, cursor, limit);
      if (marked.length === limit) return toPage(marked);
      const unmarked = await this.#unmarkedKeys(null, limit);
      const page = toPage([...marked, ...unmarked]);
      return unmarked.length === limit ? page : { ...page, cursor: null };
    }
    const unmarked = await this.#unmarkedKeys(cursor.key, limit);
    return unmarked.length === limit ? toPage(unmarked) : { ...toPage(unmarked), cursor: null };
  }

  /** Counts what `changedKeys` would page through. */
  async countChanges(watermark: Snapshot): Promise<number> {
    const [row] = await this.#read("counting the changes that wait", (sql) =>
      sql.unsafe<{ n: string }[]>(
        `SELECT count(*)::text AS n FROM ${this.#base} r WHERE (${CHANGED}) OR r.sync_xid IS NULL`,
        [parseSnapshot(watermark)],
      ),
    );
    return Number(row!.n);
  }

  async countRows(): Promise<number> {
    const [row] = await this.#read("counting rows", (sql) =>
      sql.unsafe<{ n: string }[]>(`SELECT count(*)::text AS n FROM ${this.#relation}`),
    );
    return Number(row!.n);
  }

  /** All keys with their sizes, in an order that an index serves; for a first load. */
  async allKeys(after: string | null, limit: number): Promise<KeySize[]> {
    const keys = this.#keys.list;
    return this.#readKeys("listing keys", (sql) =>
      sql.unsafe(
        `SELECT ${this.#source.keyExpression} AS key, ${this.#sizeEstimate("relation")} AS bytes, NULL AS xid
           FROM ${this.#relation} r
          WHERE ${PINNED} ${after === null ? "" : `AND (${keys}) > (${this.#keys.parameters(1)})`}
          ORDER BY ${keys} LIMIT ${limit}`,
        after === null ? [] : this.#keys.values(after),
      ),
    );
  }

  /** (key, hash) of the relation in the order of the key's UTF-8 bytes, which is the ledger's. */
  async keyHashes(after: string | null, limit: number): Promise<KeyHash[]> {
    const byUuid = this.#source.keyOrder === "uuid";
    const order = byUuid ? this.#keys.list : `(${this.#source.keyExpression}) COLLATE "C"`;
    return this.#read("comparing keys", (sql) =>
      sql.unsafe<KeyHash[]>(
        // The inner LIMIT comes before the hashing: hashing reads wide values, sorting does not.
        `SELECT ${this.#source.keyExpression} AS key, ${this.#hash} AS hash
           FROM (SELECT r.* FROM ${this.#relation} r
                  WHERE ${PINNED} AND ${DURABLE} ${after === null ? "" : `AND ${order} > $1::text${byUuid ? "::uuid" : ""}`}
                  ORDER BY ${order} LIMIT ${limit}) r
          ORDER BY ${order}`,
        after === null ? [] : [after],
      ),
    );
  }

  /** The rows of these keys as they are now; a key that is gone, or that the view does not show, is left out. */
  async rows(keys: readonly string[]): Promise<SourceRow[]> {
    const columns = this.#source.columns.map((column) => `r.${quoteIdentifier(column.name)}`);
    const rows = await this.#readByKeys("reading rows", [this.#hash, ...columns], keys);
    return rows.map(([key, hash, ...texts]) => ({ key: key!, hash: hash!, texts }));
  }

  /** Which of these keys exist. Identity is the canonical text: SQL may call two keys equal that print differently. */
  async existing(keys: readonly string[]): Promise<Set<string>> {
    return new Set((await this.#readByKeys("looking up keys", [], keys)).map(([key]) => key!));
  }

  /** The key and these expressions of the rows of these keys. The key may have had other columns, or another type. */
  async #readByKeys(
    doing: string,
    expressions: readonly string[],
    keys: readonly string[],
  ): Promise<(string | null)[][]> {
    const possible = keys.filter((key) => fitsKey(key, this.#source.keyColumns.length));
    if (possible.length === 0) return [];
    const select = `SELECT ${[this.#source.keyExpression, ...expressions].join(", ")}`;
    const rows = await this.#read(doing, async (sql) => {
      try {
        return await sql
          .unsafe(
            `${select} FROM ${this.#keys.join(this.#relation)} WHERE ${PINNED} AND ${DURABLE}`,
            this.#keys.arrays(possible),
          )
          .values();
      } catch (error) {
        if (!isBadKeyText(error)) throw error;
        // The key's type has changed since a key was recorded: compare the texts themselves.
        return sql
          .unsafe(
            `${select} FROM ${this.#relation} r
              WHERE ${PINNED} AND ${DURABLE} AND ${this.#source.keyExpression} = ANY ($1::text::text[])`,
            [arrayLiteral(possible)],
          )
          .values();
      }
    });
    return rows as (string | null)[][];
  }

  async #markedKeys(watermark: Snapshot, cursor: ChangeCursor | null, limit: number): Promise<KeyRow[]> {
    const order = `r.sync_xid, ${this.#keys.list}`;
    return this.#readKeys("reading the changed keys", (sql) =>
      sql.unsafe(
        `SELECT ${this.#source.keyExpression} AS key, ${this.#sizeEstimate("base")} AS bytes, r.sync_xid::text AS xid
           FROM ${this.#base} r
          WHERE ${PINNED} AND ${CHANGED}
            ${cursor === null ? "" : `AND (${order}) > ($2::text::xid8, ${this.#keys.parameters(3)})`}
          ORDER BY ${order} LIMIT ${limit}`,
        cursor === null
          ? [parseSnapshot(watermark)]
          : [parseSnapshot(watermark), parseXid(cursor.xid!), ...this.#keys.values(cursor.key)],
      ),
    );
  }

  async #unmarkedKeys(after: string | null, limit: number): Promise<KeyRow[]> {
    const keys = this.#keys.list;
    return this.#readKeys("reading keys without a mark", (sql) =>
      sql.unsafe(
        `SELECT ${this.#source.keyExpression} AS key, ${this.#sizeEstimate("base")} AS bytes, NULL AS xid
           FROM ${this.#base} r
          WHERE ${PINNED} AND r.sync_xid IS NULL
            ${after === null ? "" : `AND (${keys}) > (${this.#keys.parameters(1)})`}
          ORDER BY ${keys} LIMIT ${limit}`,
        after === null ? [] : this.#keys.values(after),
      ),
    );
  }

  async #readKeys(doing: string, query: (sql: Sql) => Promise<unknown>): Promise<KeyRow[]> {
    const rows = (await this.#read(doing, query)) as { key: string; bytes: string; xid: string | null }[];
    return rows.map((row) => ({ key: row.key, bytes: Number(row.bytes), xid: row.xid }));
  }

  #read<T>(doing: string, query: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#database.run(`${doing} of ${this.#source.name}`, query);
  }

  /** Stored sizes, which no wide value has to be fetched for; compressed values come out larger. */
  #sizeEstimate(of: "base" | "relation"): string {
    const { wideColumns, isView } = this.#source;
    // A view may not show its base's columns, or show them under other names.
    if ((of === "relation" && isView) || wideColumns.length === 0) return "0";
    return wideColumns.map((name) => `coalesce(pg_column_size(r.${quoteIdentifier(name)}), 0)`).join(" + ");
  }
}

interface KeyRow extends KeySize {
  xid: string | null;
}

function toPage(rows: KeyRow[]): { keys: KeySize[]; cursor: ChangeCursor | null } {
  const last = rows.at(-1);
  return { keys: rows, cursor: last ? { xid: last.xid, key: last.key } : null };
}

/** $1 is the watermark. Without its xmin no index would serve; without its list a row would be read twice. */
const CHANGED = `r.sync_xid >= pg_snapshot_xmin($1::text::pg_snapshot)
            AND NOT pg_visible_in_snapshot(r.sync_xid, $1::text::pg_snapshot)
            AND r.sync_xid < pg_snapshot_xmax(pg_current_snapshot())`;

/** Class 22: data exception, such as a text that is no uuid. */
function isBadKeyText(error: unknown): boolean {
  return databaseErrorCode(error)?.startsWith("22") ?? false;
}
