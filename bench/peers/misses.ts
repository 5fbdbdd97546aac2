import type { Sql } from "postgres";
import { createOtherJob } from "../../src/local/data/other-job.js";
import type { SourceTableName } from "../../src/local/data/source-tables.js";
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

/** The large ones: of a small one, so many deletions would be held back. */
const DELETED_FROM: SourceTableName[] = ["sow_drops", "onemap_installations"];
const LATE_TABLE: SourceTableName = "sow_drops";
const LATE_ROWS = 50;

/** Rows are deleted: whose documents are still there? */
export async function missDeletions(stage: Stage, rows: number): Promise<Misses> {
  const gone = new Set<unknown>();
  for (const sql of stage.sources) {
    const deleted = await createOtherJob(sql, { seed: 5 }).deleteRows(rows, { tables: DELETED_FROM });
    for (const id of Object.values(deleted).flat()) gone.add(id);
  }
  if (gone.size !== rows) throw new Error("Not the same rows were deleted from both sources.");
  await runAll(stage);
  return {
    what: `documents of ${count(rows)} deleted rows that are still there`,
    ...countAll(stage, ({ deployment }) => {
      let left = 0;
      for (const table of DELETED_FROM) {
        for (const document of deployment.tableDocuments(table)) if (gone.has(document["id"])) left++;
      }
      return left;
    }),
  };
}

/** A transaction stamps its rows, others commit with later stamps, a run passes, and only then it commits. */
export async function missLateCommits(stage: Stage): Promise<Misses> {
  const commits = await Promise.all(stage.sources.map(beginLate));
  await runAll(stage);
  for (const commit of commits) await commit();
  await runAll(stage);
  return {
    what: `rows of ${LATE_ROWS} that were committed while a run passed, still as they were`,
    ...countAll(stage, ({ deployment }) => {
      let late = 0;
      for (const document of deployment.tableDocuments(LATE_TABLE)) if (document["status"] === "late") late++;
      return LATE_ROWS - late;
    }),
  };
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

async function runAll({ ours, cursor, everything }: Stage): Promise<void> {
  await ours.run();
  await cursor.run();
  await everything.run();
}

function countAll(stage: Stage, countOf: (contestant: Contestant) => number): Omit<Misses, "what"> {
  return {
    ours: countOf(stage.ours),
    cursor: countOf(stage.cursor),
    everything: countOf(stage.everything),
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
