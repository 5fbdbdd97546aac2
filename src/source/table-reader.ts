import type { Database, Sql } from "../postgres/database.js";
import { databaseErrorCode } from "../postgres/database-error.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { quoteIdentifier, quoteRelation } from "../postgres/identifier.js";
import { hashExpression } from "./content-hash.js";
import { DURABLE } from "./durable.js";
import { KeySql } from "./key-sql.js";
import { fitsKey } from "./key-text.js";
import type { MirrorSource } from "./mirror-source.js";
import { parseSnapshot, parseXid, unseenBy, type Snapshot } from "./snapshot.js";

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

/** How far the changed rows have been paged, in the order of (xid, key). */
export interface ChangeCursor {
  xid: string;
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
   * of the cursor, so it is read again rather than missed; one that a transaction older than the cursor changes only
   * now is the next run's, whose watermark does not see that transaction. Rows without an xid came with a partition
   * that was attached, which a comparison follows.
   * @param cursor null: from the start
   */
  async changedKeys(
    watermark: Snapshot,
    cursor: ChangeCursor | null,
    limit: number,
  ): Promise<{ keys: KeySize[]; cursor: ChangeCursor | null }> {
    const order = `r.sync_xid, ${this.#keys.list}`;
    const rows = await this.#read("reading the changed keys", (sql) =>
      sql.unsafe<{ key: string; bytes: string; xid: string }[]>(
        `SELECT ${this.#source.keyExpression} AS key, ${this.#sizeEstimate("base")} AS bytes, r.sync_xid::text AS xid
           FROM ${this.#base} r
          WHERE ${PINNED} AND ${CHANGED}
            ${cursor === null ? "" : `AND (${order}) > ($2::text::xid8, ${this.#keys.parameters(3)})`}
          ORDER BY ${order} LIMIT ${limit}`,
        cursor === null
          ? [parseSnapshot(watermark)]
          : [parseSnapshot(watermark), parseXid(cursor.xid), ...this.#keys.values(cursor.key)],
      ),
    );
    const last = rows.length === limit ? rows.at(-1)! : null;
    return {
      keys: rows.map(({ key, bytes }) => ({ key, bytes: Number(bytes) })),
      cursor: last && { xid: last.xid, key: last.key },
    };
  }

  /** Counts what `changedKeys` would page through. */
  async countChanges(watermark: Snapshot): Promise<number> {
    const [row] = await this.#read("counting the changes that wait", (sql) =>
      sql.unsafe<{ n: string }[]>(`SELECT count(*)::text AS n FROM ${this.#base} r WHERE ${CHANGED}`, [
        parseSnapshot(watermark),
      ]),
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
    const rows = await this.#read("listing keys", (sql) =>
      sql.unsafe<{ key: string; bytes: string }[]>(
        `SELECT ${this.#source.keyExpression} AS key, ${this.#sizeEstimate("relation")} AS bytes
           FROM ${this.#relation} r
          WHERE ${PINNED} ${after === null ? "" : `AND (${keys}) > (${this.#keys.parameters(1)})`}
          ORDER BY ${keys} LIMIT ${limit}`,
        after === null ? [] : this.#keys.values(after),
      ),
    );
    return rows.map(({ key, bytes }) => ({ key, bytes: Number(bytes) }));
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

/** $1 is the watermark. */
const CHANGED = unseenBy("$1", "r.sync_xid");

/** Class 22: data exception, such as a text that is no uuid. */
function isBadKeyText(error: unknown): boolean {
  return databaseErrorCode(error)?.startsWith("22") ?? false;
}
