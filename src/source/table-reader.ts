import type { Database, Sql } from "../postgres/database.js";
import { databaseErrorCode } from "../postgres/database-error.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { quoteIdentifier, quoteRelation } from "../postgres/identifier.js";
import { hashExpression } from "./content-hash.js";
import { durable } from "./durable.js";
import { KeySql } from "./key-sql.js";
import type { KeyKind } from "../model/key-part.js";
import { fitsKey } from "./key-text.js";
import type { MirrorSource } from "../model/mirror-source.js";

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

/** Rows that were asked for by their keys. */
export interface SourceRows {
  rows: SourceRow[];
  /** How many of the keys, from the first on, are answered: the rows of the others would have been too large. */
  covered: number;
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
  readonly #hash: string;
  readonly #keys: KeySql;
  readonly #kinds: KeyKind[];
  /** The partitions that a statement reads, told by its own snapshot. */
  readonly #partitions: string;
  #sawOtherPartitions = false;

  constructor(database: Database, source: MirrorSource) {
    this.#database = database;
    this.#source = source;
    this.#relation = quoteRelation(source.relation);
    this.#hash = hashExpression(source);
    this.#keys = new KeySql(source.keyColumns);
    this.#kinds = source.keyColumns.map(({ kind }) => kind);
    // Also of an ordinary table: a child that begins to inherit shows its rows, until it is let go.
    this.#partitions = `(SELECT datahub_sync.describe_partitions(${quoteOid(source.baseOid)}))`;
  }

  /** A statement read other partitions than the run began with: they came, or went, and may be back by now. */
  get sawOtherPartitions(): boolean {
    return this.#sawOtherPartitions;
  }

  async countRows(): Promise<number> {
    const [row] = await this.#read("counting rows", (sql) =>
      sql.unsafe<{ n: string }[]>(`SELECT count(*)::text AS n FROM ${this.#relation}`),
    );
    return Number(row!.n);
  }

  /**
   * Of a relation whose key no index holds: rows whose key is NULL, and rows beyond the first of a key. One statement, which
   * reads it whole.
   */
  async countBadKeys(): Promise<{ nulls: number; doubles: number }> {
    const [row] = await this.#read("looking at the keys", (sql) =>
      sql.unsafe<{ nulls: string; doubles: string }[]>(
        `SELECT (count(*) - count(key))::text AS nulls, (count(key) - count(DISTINCT key))::text AS doubles
           FROM (SELECT ${this.#source.keyExpression} AS key FROM ${this.#relation} r WHERE ${PINNED}) AS keys`,
      ),
    );
    return { nulls: Number(row!.nulls), doubles: Number(row!.doubles) };
  }

  /** Rows of the table as its statistics have them, for a progress bar; null where there are none yet. */
  async estimateRows(): Promise<number | null> {
    if (this.#source.isView) return null;
    const [row] = await this.#read("estimating rows", (sql) =>
      sql.unsafe<{ n: string | null }[]>(
        `SELECT sum(nullif(reltuples, -1))::bigint::text AS n FROM pg_catalog.pg_class
          WHERE oid = $1::text::oid OR oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::text::oid::regclass) WHERE isleaf)`,
        [this.#source.baseOid],
      ),
    );
    return row!.n === null ? null : Number(row!.n);
  }

  /** All keys, in the order of the owner's index; for a first load. */
  async allKeys(after: string | null, limit: number): Promise<string[]> {
    const keys = this.#keys.list;
    const rows = await this.#read("listing keys", (sql) =>
      sql.unsafe<{ key: string }[]>(
        `SELECT ${this.#source.keyExpression} AS key
           FROM ${this.#relation} r
          WHERE ${PINNED} ${this.#behind(after)}
          ORDER BY ${keys} LIMIT ${limit}`,
        after === null ? [] : this.#keys.values(after),
      ),
    );
    return rows.map(({ key }) => key);
  }

  /** (key, hash) of the relation, in the order of the owner's index; see `MirrorSource.keyOrder`. */
  async keyHashes(after: string | null, limit: number): Promise<KeyHash[]> {
    const order = this.#keys.list;
    const rows = await this.#read("comparing keys", (sql) =>
      sql
        .unsafe(
          // The inner LIMIT comes before the hashing: hashing reads wide values, sorting does not.
          `SELECT ${this.#source.keyExpression} AS key, ${this.#hash} AS hash, ${this.#partitions}
             FROM (SELECT r.* FROM ${this.#relation} r
                    WHERE ${PINNED} AND ${durable(this.#database)} ${this.#behind(after)}
                    ORDER BY ${order} LIMIT ${limit}) r
            ORDER BY ${order}`,
          after === null ? [] : this.#keys.values(after),
        )
        .values(),
    );
    return (rows as unknown as [string, string, string | null][]).map(([key, hash, partitions]) => {
      this.#lookAt(partitions);
      return { key, hash };
    });
  }

  /**
   * The rows of these keys as they are now; a key that is gone, or that the view does not show, is left out.
   * @param maxBytes of values as they are stored, which may be compressed; one row is read, however large
   */
  async rows(keys: readonly string[], maxBytes: number): Promise<SourceRows> {
    const columns = this.#source.columns.map((column) => `r.${quoteIdentifier(column.name)}`);
    const found = await this.#readByKeys("reading rows", [this.#hash, ...columns], keys, maxBytes);
    const rows = found.rows.map(([key, hash, ...texts]) => ({ key: key!, hash: hash!, texts }));
    return { rows, covered: found.covered };
  }

  /** Which of these keys exist. Identity is the canonical text: SQL may call two keys equal that print differently. */
  async existing(keys: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.#readByKeys("looking up keys", [], keys, null);
    return new Set(rows.map(([key]) => key!));
  }

  /** The key and these expressions of the rows of these keys. The key may have had other columns, or another type. */
  async #readByKeys(
    doing: string,
    expressions: readonly string[],
    keys: readonly string[],
    maxBytes: number | null,
  ): Promise<{ rows: (string | null)[][]; covered: number }> {
    const possible = keys.filter((key) => fitsKey(key, this.#kinds));
    if (possible.length === 0) return { rows: [], covered: keys.length };
    const select = `SELECT ${[this.#partitions, "r.datahub_sync_place::text", "r.datahub_sync_found::text", this.#source.keyExpression, ...expressions].join(", ")}`;
    const rows = await this.#read(doing, async (sql) => {
      try {
        return await sql
          .unsafe(`${select} FROM ${this.#limited(maxBytes)}`, this.#keys.arrays(possible))
          .values();
      } catch (error) {
        if (!isBadKeyText(error)) throw error;
        // The key's type has changed since a key was recorded: compare the texts themselves.
        return sql
          .unsafe(
            `${select} FROM (SELECT r.*, 0 AS datahub_sync_place, NULL AS datahub_sync_found FROM ${this.#relation} r
                              WHERE ${PINNED} AND ${durable(this.#database)}) r
              WHERE ${this.#source.keyExpression} = ANY ($1::text::text[])`,
            [arrayLiteral(possible)],
          )
          .values();
      }
    });
    const texts = rows as (string | null)[][];
    texts.forEach(([partitions]) => this.#lookAt(partitions!));
    const [, place, found] = texts.at(-1) ?? [];
    const cut = found != null && Number(found) > texts.length;
    const covered = cut ? keys.indexOf(possible[Number(place) - 1]!) + 1 : keys.length;
    return { rows: texts.map((row) => row.slice(3)), covered };
  }

  /** The rows of the keys in $1, $2, …, in their order, until their values are too large to be held together. */
  #limited(maxBytes: number | null): string {
    const rows = (more: string) =>
      `(SELECT r.*, wanted.place AS datahub_sync_place, ${more} FROM ${this.#keys.join(this.#relation)}
         WHERE ${PINNED} AND ${durable(this.#database)}) r`;
    const { wideColumns } = this.#source;
    if (maxBytes === null || wideColumns.length === 0) return rows("NULL AS datahub_sync_found");
    const size = wideColumns
      .map((name) => `coalesce(pg_column_size(r.${quoteIdentifier(name)}), 0)`)
      .join(" + ");
    const before = `sum(${size}) OVER (ORDER BY wanted.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
    return `${rows(`count(*) OVER () AS datahub_sync_found, coalesce(${before}, 0) AS datahub_sync_before`)}
             WHERE r.datahub_sync_before < ${maxBytes} ORDER BY r.datahub_sync_place`;
  }

  #behind(after: string | null): string {
    return after === null ? "" : `AND (${this.#keys.list}) > (${this.#keys.parameters(1)})`;
  }

  #lookAt(partitions: string | null): void {
    if (partitions !== null && partitions !== this.#source.sight?.partitions) this.#sawOtherPartitions = true;
  }

  #read<T>(doing: string, query: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#database.execute(`${doing} of ${this.#source.name}`, query);
  }
}

/** As a literal, so that the parameters are the same everywhere. */
function quoteOid(oid: string): string {
  if (!/^\d+$/.test(oid)) throw new RangeError("An oid is a number.");
  return `'${oid}'::pg_catalog.oid::pg_catalog.regclass`;
}

/** Class 22: data exception, such as a text that is no uuid. */
function isBadKeyText(error: unknown): boolean {
  return databaseErrorCode(error)?.startsWith("22") ?? false;
}
