import type { Sql } from "postgres";
import { quoteName, shownKey } from "../local/oracle/mirrored-table.js";
import type { TortureTable } from "./tables.js";

interface Status {
  tables: { table: string; rejectedRows: number; rejected: { key: string }[] }[];
}

/** A row without a document must be one that no document can hold, and `status` must name it; and no other. */
export async function checkSetAside(
  sql: Sql,
  table: TortureTable,
  missing: readonly string[],
  statusOutput: string,
): Promise<string[]> {
  const failures: string[] = [];
  const unmirrorable = new Set(await listUnmirrorable(sql, table));
  for (const key of missing) {
    if (!unmirrorable.has(key)) failures.push(`${table.mirror} ${key}: has a row and no document`);
  }
  const status = (JSON.parse(statusOutput) as Status).tables.find((entry) => entry.table === table.mirror);
  if (status?.rejectedRows !== missing.length) {
    failures.push(
      `${table.mirror}: status says ${status?.rejectedRows} rows are set aside (${status?.rejected.map(({ key }) => key).join("; ")}), ${missing.length} have no document (${missing.join("; ")})`,
    );
  }
  const unnamed = status?.rejected.find(({ key }) => !missing.includes(key));
  if (unnamed)
    failures.push(`${table.mirror} ${unnamed.key}: is said to be set aside, and has a document or no row`);
  return failures;
}

/** By what was planted: values far beyond what random ones come to. */
async function listUnmirrorable(sql: Sql, table: TortureTable): Promise<string[]> {
  const { relation, badColumn } = table;
  if (badColumn === null) return [];
  const column = `t.${quoteName(badColumn)}`;
  const rows = await sql.unsafe<{ key: string }[]>(
    `SELECT ${shownKey(table, "t")} AS key FROM ${quoteName(relation)} t
      WHERE length(${column}::text) > 1000000 OR ${column}::text LIKE '[[[[[[[[[[[[[[[[[%'
         OR (jsonb_typeof(${column}) = 'array' AND jsonb_array_length(${column}) > 8192)
         OR (jsonb_typeof(${column}) = 'object' AND (SELECT count(*) FROM jsonb_object_keys(${column})) > 1024)`,
  );
  return rows.map((row) => row.key);
}
