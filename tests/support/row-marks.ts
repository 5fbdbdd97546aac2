import { expect } from "vitest";
import type { TableFixture } from "./table-fixture.js";
import { currentXid } from "./tracked-table.js";

/** What tracking has written into a row. */
export interface Mark {
  xid: string | null;
  touched: string | null;
}

/** The mark of the one row that the condition holds for. */
export async function readMark({ run }: TableFixture, where = "true"): Promise<Mark> {
  const rows = await run(`SELECT sync_xid::text AS xid, updated_at::text AS touched FROM $t WHERE ${where}`);
  expect(rows).toHaveLength(1);
  return rows[0] as unknown as Mark;
}

/** The xid of the transaction that ran the statement, and the row's marks before and after it. */
export async function watchMark(
  table: TableFixture,
  statement: string,
  where = "true",
): Promise<{ before: Mark; xid: string; after: Mark }> {
  const before = await readMark(table, where);
  const xid = await table.sql.begin(async (tx) => {
    await table.run(statement, tx);
    return currentXid(tx);
  });
  return { before, xid, after: await readMark(table, where) };
}
