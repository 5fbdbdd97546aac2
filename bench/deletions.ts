import type { Sql } from "postgres";
import { SOURCE_TABLES } from "../local/data/source-tables.js";
import { count, ratio, seconds, type Finding } from "./findings.js";
import type { Run } from "./runs.js";

/** What a run of these deletions has to be allowed. */
export const ALLOW_ALL = SOURCE_TABLES.flatMap(({ name }) => ["--allow-deletes", name]);

/** Deletes about so many parts of a hundred of every table, in one statement each. */
export async function deleteRows(sql: Sql, percent: number): Promise<void> {
  await sql`SELECT setseed(0.5)`;
  for (const { name } of SOURCE_TABLES) {
    await sql`DELETE FROM ${sql(name)} WHERE random() * 100 < ${percent}`;
  }
}

/** Deletions of one delta against the rows of the first load: both are writes to the same two tables in Convex. */
export function describeDeletions(deletions: Run, load: Run): Finding[] {
  const { deleted } = deletions.report.totals;
  const { inserted } = load.report.totals;
  const perSecond = (rows: number, { report }: Run) => rows / (report.durationMs / 1000);
  const perCall = (rows: number, { report }: Run) => rows / report.totals.calls;
  return [
    {
      what: `delta that deletes ${count(deleted, "rows")}: time, against the first load of ${count(inserted, "rows")}`,
      measured: seconds(deletions.report.durationMs),
      against: seconds(load.report.durationMs),
      ratio: ratio(deletions.report.durationMs, load.report.durationMs),
    },
    {
      what: "the same: rows a second",
      measured: count(perSecond(deleted, deletions)),
      against: count(perSecond(inserted, load)),
      ratio: ratio(perSecond(deleted, deletions), perSecond(inserted, load)),
    },
    {
      what: "the same: rows a call to Convex",
      measured: count(perCall(deleted, deletions)),
      against: count(perCall(inserted, load)),
      ratio: ratio(perCall(deleted, deletions), perCall(inserted, load)),
    },
  ];
}
