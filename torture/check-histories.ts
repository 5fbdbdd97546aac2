import type { Sql } from "postgres";
import type { CommitWatch } from "./commit-watch.js";

/**
 * Holds what happened to the documents against what the tables recorded of themselves: no document was written more
 * often than its row changed, and none deleted more often than its row left (or changed: into one that is set aside). What changes documents without a row, the shape of a table, counts for all.
 *
 * @param crashed a crash of Postgres takes back what was committed asynchronously, and what was recorded of it, but not
 *   what a run has seen of it: then nothing can be counted
 */
export async function checkHistories(
  sql: Sql,
  watch: CommitWatch,
  { crashed }: { crashed: boolean },
): Promise<string[]> {
  if (crashed) return [];
  const rows = await sql<
    {
      mirror: string;
      key: string | null;
      writes: string;
      leaves: string;
      truncates: string;
      shapes: string;
    }[]
  >`
    SELECT mirror, key, count(*) FILTER (WHERE kind = 'write') AS writes,
           count(*) FILTER (WHERE kind = 'leave') AS leaves, count(*) FILTER (WHERE kind = 'truncate') AS truncates,
           count(*) FILTER (WHERE kind = 'shape') AS shapes
      FROM changes GROUP BY mirror, key`;
  const ofAll = new Map(rows.filter(({ key }) => key === null).map((row) => [row.mirror, row]));
  const recorded = new Map(rows.map((row) => [`${row.mirror} ${row.key}`, row]));
  const failures: string[] = [];
  for (const [name, { writes, deletions }] of watch.histories) {
    const row = recorded.get(name);
    const all = ofAll.get(name.split(" ")[0]!);
    const changes = Number(row?.writes ?? 0) + Number(all?.shapes ?? 0);
    const leaves = Number(row?.leaves ?? 0) + changes + Number(all?.truncates ?? 0);
    if (writes > changes)
      failures.push(`${name}: its document was written ${writes} times, its row ${changes} times`);
    if (deletions > leaves) {
      failures.push(
        `${name}: its document was deleted ${deletions} times, its row can have left ${leaves} times`,
      );
    }
  }
  return failures.slice(0, 20);
}
