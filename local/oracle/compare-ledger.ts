import type { Sql } from "postgres";
import { ledgerNumber } from "./ledger-number.js";
import { keyText, type Differ, type Documents, type MirroredTable } from "./mirrored-table.js";

/**
 * The ledger has one entry a document, under the key of the row, and counts them.
 * @param sql has the documents in the table `got`
 * @param ids of the documents
 */
export async function compareLedger(
  sql: Sql,
  table: MirroredTable,
  documents: Documents,
  ids: ReadonlySet<string>,
  differ: Differ,
): Promise<void> {
  const rows = await sql.unsafe<{ id: string; key: string }[]>(
    `SELECT "document id" AS id, ${keyText(table, "got")} AS key FROM got`,
  );
  const keys = new Map(rows.map(({ id, key }) => [id, key]));
  const named = new Set<string>();
  const number = ledgerNumber(table.mirror);
  for (const entry of documents.tableDocuments("datahubSyncLedger")) {
    if (entry["m"] !== number) continue;
    const key = String(entry["k"]);
    const id = String(entry["d"]);
    if (named.has(id)) differ(key, `two ledger entries name the document ${id}`);
    named.add(id);
    if (!ids.has(id)) differ(key, "its ledger entry names a document that does not exist");
    else if (keys.get(id) !== key) differ(key, `its ledger entry names the document of ${keys.get(id)}`);
  }
  for (const id of ids) if (!named.has(id)) differ(keys.get(id) ?? id, "no ledger entry names its document");

  let counted = 0;
  for (const count of documents.tableDocuments("datahubSyncCounts")) {
    if (count["table"] === table.mirror) counted += Number(count["rows"]);
  }
  if (counted !== ids.size) {
    differ("(all)", `${counted} rows are counted, and there are ${ids.size} documents`);
  }
}
