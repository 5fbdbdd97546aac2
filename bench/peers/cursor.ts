/**
 * What most people do: rows whose `updated_at` is behind the latest one that was seen. Rows that are gone stay in Convex, and
 * so does the old version of a row whose transaction commits after a run that saw a later time.
 */
import { readFile, writeFile } from "node:fs/promises";
import { readTask } from "./read-task.js";
import { PAGE_ROWS, Sender } from "./send.js";
import { connect } from "./to-document.js";

const { databaseUrl, convexUrl, tables, stateFile } = readTask();
const watermarks = JSON.parse(await readFile(stateFile, "utf8").catch(() => "{}")) as Record<string, string>;
const sql = connect(databaseUrl);
const sender = new Sender(convexUrl);
for (const table of tables) {
  // As text, since a Date would cut the microseconds, and each run would then read the last rows again.
  const changed = sql`
    SELECT *, updated_at::text AS watermark FROM ${sql(table)}
     WHERE updated_at > ${watermarks[table] ?? "-infinity"}::text::timestamptz ORDER BY updated_at`;
  for await (const rows of changed.cursor(PAGE_ROWS)) {
    await sender.send(
      table,
      rows.map(({ watermark: _, ...row }) => row),
    );
    watermarks[table] = rows.at(-1)!["watermark"] as string;
  }
  await writeFile(stateFile, JSON.stringify(watermarks));
}
await sql.end();
