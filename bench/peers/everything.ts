/**
 * What the first user had in mind: every row of every table, each time. Rows that are gone from the source stay in Convex.
 */
import { readTask } from "./read-task.js";
import { PAGE_ROWS, Sender } from "./send.js";
import { connect } from "./to-document.js";

const { databaseUrl, convexUrl, tables } = readTask();
const sql = connect(databaseUrl);
const sender = new Sender(convexUrl);
for (const table of tables) {
  for await (const rows of sql`SELECT * FROM ${sql(table)}`.cursor(PAGE_ROWS)) await sender.send(table, rows);
}
await sql.end();
