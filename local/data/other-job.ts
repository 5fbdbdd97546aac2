import type { PendingQuery, Sql, TransactionSql } from "postgres";
import { insertRows } from "./insert-rows.js";
import { makeRows } from "./fill-source.js";
import { findSourceTable, SOURCE_TABLES, type SourceTable, type SourceTableName } from "./source-tables.js";

/** The ids of the rows that were written or deleted, by table; tables without any are absent. */
export type TouchedRows = Partial<Record<SourceTableName, string[]>>;

export interface ChosenTables {
  /** The tables to spread the rows over evenly; all seven if absent. */
  tables?: readonly SourceTableName[];
}

/**
 * The job that fills the source tables in production, played for the demo and the tests. Each call returns
 * exactly what it did. With the same seed, on the same rows, the same calls touch the same rows. A row that
 * a call has changed or added is left alone by later changes and deletions, so that counts add up.
 */
export interface OtherJob {
  /**
   * Updates every row of the five tables that the job rewrites, setting all columns to the values they have
   * and `updated_at` and `sync_timestamp` to now: nothing has changed, but every row was written. As for a
   * job that sends all values anew, `raw_data` is stored anew; `keepStored` skips that, which is faster.
   */
  rewriteAllRows(options?: { keepStored?: boolean }): Promise<TouchedRows>;
  /** Changes a column and a cell of `raw_data` in that many rows. */
  changeRows(count: number, options?: ChosenTables): Promise<TouchedRows>;
  /** Inserts that many rows. */
  addRows(count: number, options?: ChosenTables): Promise<TouchedRows>;
  deleteRows(count: number, options?: ChosenTables): Promise<TouchedRows>;
  /** Empties the table and loads what it held, under new ids if asked for. */
  truncateAndReload(table: SourceTableName, options?: { newIds?: boolean }): Promise<TouchedRows>;
}

/**
 * Added rows have indexes far above those of a first fill, in a range of the seed's own: jobs of different
 * seeds do not add the same unique drop number.
 */
const firstAddedIndex = (seed: number) => 1_000_000 + (seed % 6_000) * 10_000;

/** What a change sets, so that it always differs from what was there. */
const CHANGES: Record<SourceTableName, string> = {
  sow_poles: "pon_no = coalesce(pon_no, 0) + 1",
  sow_drops: "pon_no = coalesce(pon_no, 0) + 1",
  nokia_exports: "ont_rx_sig_dbm = coalesce(ont_rx_sig_dbm, 0) - 0.001",
  onemap_installations: "lst_mod_dt = coalesce(lst_mod_dt, '2025-10-31') + interval '1 minute'",
  onemap_poles: "lst_mod_dt = coalesce(lst_mod_dt, '2025-10-31') + interval '1 minute'",
  lawley_activations: "pon_no = coalesce(pon_no, 0) + 1",
  mohadin_activations: "pon_no = coalesce(pon_no, 0) + 1",
};

const STAMPS = ["updated_at", "sync_timestamp"];

export function createOtherJob(sql: Sql, { seed }: { seed: number }): OtherJob {
  const touchedIds = new Set<string>();
  let nextIndex = firstAddedIndex(seed);

  /** Rows as good as random, and the same for the same seed and rows. */
  const chosenIds = (table: SourceTable, count: number) => sql`
    SELECT id FROM ${sql(table.name)} WHERE id <> ALL (${[...touchedIds]}::uuid[])
    ORDER BY md5(id::text || ${String(seed)}), id LIMIT ${count}`;

  /** Spreads the count evenly; the first tables get one more where it does not divide. */
  async function spread(
    count: number,
    { tables = SOURCE_TABLES.map(({ name }) => name) }: ChosenTables = {},
    touch: (table: SourceTable, share: number) => Promise<string[]>,
  ): Promise<TouchedRows> {
    const touched: TouchedRows = {};
    for (const [position, name] of tables.entries()) {
      const share = Math.floor((count + tables.length - 1 - position) / tables.length);
      if (share === 0) continue;
      const ids = await touch(findSourceTable(name), share);
      for (const id of ids) touchedIds.add(id);
      touched[name] = ids;
    }
    return touched;
  }

  return {
    async rewriteAllRows({ keepStored = false } = {}) {
      const touched: TouchedRows = {};
      for (const table of SOURCE_TABLES.filter(({ rewritten }) => rewritten)) {
        touched[table.name] = await listIds(sql`
          UPDATE ${sql(table.name)} SET ${sql.unsafe(rewrittenColumns(table, keepStored))} RETURNING id`);
      }
      return touched;
    },

    changeRows: (count, options) =>
      spread(count, options, (table, share) =>
        listIds(sql`
          UPDATE ${sql(table.name)} SET ${sql.unsafe(CHANGES[table.name])},
            raw_data = coalesce(raw_data, '{}') ||
              jsonb_build_object('revision', coalesce((raw_data->>'revision')::int, 0) + 1),
            updated_at = now(), sync_timestamp = now()
          WHERE id IN (${chosenIds(table, share)})
          RETURNING id`),
      ),

    addRows: (count, options) =>
      spread(count, options, async (table, share) => {
        const rows = [...makeRows(table, seed, nextIndex, share)];
        nextIndex += share;
        await insertRows(sql, table, rows);
        return rows.map((row) => row["id"] as string);
      }),

    deleteRows: (count, options) =>
      spread(count, options, (table, share) =>
        listIds(sql`DELETE FROM ${sql(table.name)} WHERE id IN (${chosenIds(table, share)}) RETURNING id`),
      ),

    truncateAndReload: (name, { newIds = false } = {}) =>
      sql.begin(async (transaction) => ({
        [name]: await reload(transaction, findSourceTable(name), newIds),
      })),
  };
}

async function reload(sql: TransactionSql, table: SourceTable, newIds: boolean): Promise<string[]> {
  const columns = table.columns.filter((column) => !(newIds && column === "id"));
  await sql`CREATE TEMPORARY TABLE reloaded ON COMMIT DROP AS SELECT ${sql(columns)} FROM ${sql(table.name)}`;
  await sql`TRUNCATE ${sql(table.name)}`;
  return listIds(sql`
    INSERT INTO ${sql(table.name)} (${sql(columns)}) SELECT ${sql(columns)} FROM reloaded RETURNING id`);
}

/** `"status" = "status", …, "updated_at" = now()`: what a job sets that does not look before it writes. */
function rewrittenColumns(table: SourceTable, keepStored: boolean): string {
  const valueOf = (column: string) => {
    if (STAMPS.includes(column)) return "now()";
    if (column === "raw_data" && !keepStored) return `("raw_data"::text)::jsonb`;
    return `"${column}"`;
  };
  return table.columns
    .filter((column) => column !== "id")
    .map((column) => `"${column}" = ${valueOf(column)}`)
    .join(", ");
}

async function listIds(query: PendingQuery<{ id: string }[]>): Promise<string[]> {
  return Array.from(await query, ({ id }) => id);
}
