import type { Sql } from "postgres";
import { createOtherJob } from "../../local/data/other-job.js";
import type { SourceTableName } from "../../local/data/source-tables.js";
import { count } from "../findings.js";
import type { ResultTable } from "../results.js";
import type { Contestant } from "./figures.js";
import { CURSOR, EVERYTHING, OURS } from "./names.js";
import type { Stage } from "./stage.js";

/** How many documents each of them has wrong after its next run. */
export interface Misses {
  what: string;
  ours: number;
  cursor: number;
  everything: number;
}

/** Large enough that so many deletions are not held back; the late rows are in another one. */
const DELETED_FROM: SourceTableName[] = ["onemap_installations", "onemap_poles"];
const LATE_TABLE: SourceTableName = "sow_drops";
const LATE_ROWS = 50;

/**
 * Rows are deleted; and a transaction stamps its rows, others commit with later stamps, a run passes, and only then it
 * commits. What is there that should not be, and what is still old, after one more run?
 */
export async function measureMisses(stage: Stage, rows: number): Promise<Misses[]> {
  const { ours, cursor, everything, sources } = stage;
  const commits = await Promise.all(sources.map(beginLate));
  const gone = new Set<unknown>();
  for (const sql of sources) {
    const deleted = await createOtherJob(sql, { seed: 5 }).deleteRows(rows, { tables: DELETED_FROM });
    for (const id of Object.values(deleted).flat()) gone.add(id);
  }
  if (gone.size !== rows) throw new Error("Not the same rows were deleted from both sources.");
  // The third keeps nothing from one run to the next: its last run alone counts.
  for (const mirror of [ours, cursor]) await mirror.run();
  for (const commit of commits) await commit();
  for (const mirror of [ours, cursor, everything]) await mirror.run();

  const countOf = (table: SourceTableName, test: (document: Record<string, unknown>) => boolean) => {
    const inMirror = ({ deployment }: Contestant) =>
      [...deployment.tableDocuments(table)].filter((document) => test(document)).length;
    return [ours, cursor, everything].map(inMirror);
  };
  const left = DELETED_FROM.map((table) => countOf(table, ({ id }) => gone.has(id)));
  const late = countOf(LATE_TABLE, ({ status }) => status === "late");
  const toMisses = (what: string, of: (who: number) => number): Misses => ({
    what,
    ours: of(0),
    cursor: of(1),
    everything: of(2),
  });
  const misses = [
    toMisses(`documents of ${count(rows)} deleted rows that are still there`, (who) =>
      left.reduce((sum, counts) => sum + counts[who]!, 0),
    ),
    toMisses(
      `rows of ${LATE_ROWS} that were committed after a run with a later time, still as they were`,
      (who) => LATE_ROWS - late[who]!,
    ),
  ];
  if (misses.some((miss) => miss.ours > 0)) throw new Error(`${ours.name} has left documents wrong.`);
  return misses;
}

/** @returns what commits it */
async function beginLate(sql: Sql): Promise<() => Promise<void>> {
  const holder = await sql.reserve();
  await holder`BEGIN`;
  await holder`UPDATE ${holder(LATE_TABLE)} SET status = 'late', updated_at = now()
    WHERE id IN (SELECT id FROM ${holder(LATE_TABLE)} ORDER BY id LIMIT ${LATE_ROWS})`;
  await sql`UPDATE ${sql(LATE_TABLE)} SET status = 'soon', updated_at = clock_timestamp()
    WHERE id = (SELECT id FROM ${sql(LATE_TABLE)} ORDER BY id DESC LIMIT 1)`;
  return async () => {
    await holder`COMMIT`;
    holder.release();
  };
}

export function describeMisses(misses: readonly Misses[]): ResultTable {
  return {
    id: "peers-misses",
    head: ["Left wrong after the next run", OURS, CURSOR, EVERYTHING],
    rows: misses.map(({ what, ours, cursor, everything }) => [
      what,
      ...[ours, cursor, everything].map((n) => count(n)),
    ]),
    figures: misses,
  };
}
