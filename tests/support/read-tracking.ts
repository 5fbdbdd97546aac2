import type { Sql } from "../../src/postgres/database.js";
import { toTracking, type TrackingFact, type TrackingRecord } from "../../src/catalog/tracking.js";
import { trackingOf } from "../../src/catalog/tracking-sql.js";

/** What is recorded of one base table, held against the catalog. */
export async function readTracking(sql: Sql, base: { oid: string }): Promise<TrackingRecord | null> {
  const [row] = await sql.unsafe<{ fact: string | null }[]>(
    `SELECT ${trackingOf("$1::text::oid")}::text AS fact`,
    [base.oid],
  );
  return row!.fact === null ? null : toTracking(JSON.parse(row!.fact) as TrackingFact);
}
