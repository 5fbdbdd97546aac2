import type { SourceTableName } from "../data/source-tables.js";
import type { OtherJob, TouchedRows } from "../data/other-job.js";
import type { Expected } from "./expected-changes.js";

/** What the other job did in one day, by table, and what a sync therefore has to do. */
export interface DayOfChanges {
  tables: TableChanges[];
  reloaded: SourceTableName;
  /** Rows that bear a newer `updated_at` of the other job's than before: what a sync by that column would send. */
  stampedRows: number;
  deletedRows: number;
}

export interface TableChanges {
  table: SourceTableName;
  rewritten: number;
  changed: number;
  added: number;
  deleted: number;
}

/** Rows in each table, at scale 1. */
const PER_TABLE = { changed: 20, added: 10, deleted: 5 };

/** The table that is emptied and loaded with the same rows. */
const RELOADED = "nokia_exports";

/** Plays the day. Everything it returns is what the statements themselves returned. */
export async function playDay(
  job: OtherJob,
  tables: readonly SourceTableName[],
  scale: number,
): Promise<DayOfChanges> {
  const count = (perTable: number) => tables.length * Math.max(1, Math.round(perTable * scale));
  const rewritten = await job.rewriteAllRows();
  const changed = await job.changeRows(count(PER_TABLE.changed));
  const added = await job.addRows(count(PER_TABLE.added));
  const deleted = await job.deleteRows(count(PER_TABLE.deleted));
  await job.truncateAndReload(RELOADED);

  const amount = (rows: TouchedRows, table: SourceTableName) => rows[table]?.length ?? 0;
  return {
    tables: tables.map((table) => ({
      table,
      rewritten: amount(rewritten, table),
      changed: amount(changed, table),
      added: amount(added, table),
      deleted: amount(deleted, table),
    })),
    reloaded: RELOADED,
    stampedRows: countStamped([rewritten, changed, added], deleted),
    deletedRows: tables.reduce((sum, table) => sum + amount(deleted, table), 0),
  };
}

/** A row that was added is read and inserted, a changed one read and updated; a rewritten one is neither. */
export function expectDelta({ changed, added, deleted }: TableChanges): Expected {
  return { read: changed + added, inserted: added, updated: changed, deleted };
}

function countStamped(writes: readonly TouchedRows[], deleted: TouchedRows): number {
  const ids = new Set(writes.flatMap((touched) => Object.values(touched).flat()));
  for (const id of Object.values(deleted).flat()) ids.delete(id);
  return ids.size;
}
