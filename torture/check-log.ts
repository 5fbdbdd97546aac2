import type { Setup } from "./setup.js";

/**
 * Once every deployment has seen everything, the next run leaves nothing of the log: neither for a deployment that
 * lagged, nor for a table that is gone.
 */
export async function checkLog(setup: Setup): Promise<string[]> {
  const [first] = setup.targets;
  await first.start(["sync", "--json"]).ended;
  const sql = setup.connect();
  const left = await sql<{ base: string | null; entries: string }[]>`
    SELECT t.table_name AS base, count(*)::text AS entries
      FROM datahub_sync.changes c LEFT JOIN datahub_sync.tracked_tables t ON t.id = c.tracked_id GROUP BY 1`;
  await sql.end();
  return left.map(({ base, entries }) => `${entries} entries of the log are kept for ${base ?? "no table"}`);
}
