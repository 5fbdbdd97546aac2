import type { Sql } from "postgres";
import { createOtherJob } from "../local/data/other-job.js";
import { SOURCE_TABLES } from "../local/data/source-tables.js";
import { size, ratio, seconds, type Finding } from "./findings.js";

interface Cost {
  durationMs: number;
  walBytes: number;
}

/** What the other job's rewriting costs the source. */
export interface RewriteCosts {
  /** Every column set to the value it has, and the two timestamps to now. */
  allColumns: Cost;
  /** The two timestamps alone. */
  timestamps: Cost;
}

export async function measureRewrites(sql: Sql): Promise<RewriteCosts> {
  const allColumns = await measure(sql, () => createOtherJob(sql, { seed: 1 }).rewriteAllRows());
  const timestamps = await measure(sql, async () => {
    for (const { name } of SOURCE_TABLES.filter(({ rewritten }) => rewritten)) {
      await sql`UPDATE ${sql(name)} SET updated_at = now(), sync_timestamp = now()`;
    }
  });
  return { allColumns, timestamps };
}

/** From a swept table on both times: what dead rows of an earlier measurement cost is not this one's. */
async function measure(sql: Sql, work: () => Promise<unknown>): Promise<Cost> {
  for (const { name } of SOURCE_TABLES) await sql`VACUUM ${sql(name)}`;
  const [before] = await sql<{ lsn: string }[]>`SELECT pg_current_wal_insert_lsn() AS lsn`;
  const startedAt = performance.now();
  await work();
  const durationMs = performance.now() - startedAt;
  const [wal] = await sql<{ bytes: number }[]>`
    SELECT (pg_current_wal_insert_lsn() - ${before!.lsn}::pg_lsn)::float8 AS bytes`;
  return { durationMs, walBytes: wal!.bytes };
}

export function describeRewrites(without: RewriteCosts, tracked: RewriteCosts): Finding[] {
  const describe = (what: string, name: keyof RewriteCosts): Finding[] => [
    {
      what: `${what}: time, tracked against not`,
      measured: seconds(tracked[name].durationMs),
      against: seconds(without[name].durationMs),
      ratio: ratio(tracked[name].durationMs, without[name].durationMs),
    },
    {
      what: `${what}: WAL, tracked against not`,
      measured: size(tracked[name].walBytes),
      against: size(without[name].walBytes),
      ratio: ratio(tracked[name].walBytes, without[name].walBytes),
    },
  ];
  return [
    ...describe("the job rewrites all rows with equal values", "allColumns"),
    ...describe("the job sets only the timestamps", "timestamps"),
  ];
}
