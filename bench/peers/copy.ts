/** A floor: what it takes to get all rows out of Postgres at all. They go nowhere. */
import postgres from "postgres";
import { readTask } from "./read-task.js";

const { databaseUrl, tables } = readTask();
const sql = postgres(databaseUrl, { max: 1 });
for (const table of tables) {
  const stream = await sql`COPY ${sql(table)} TO STDOUT`.readable();
  for await (const chunk of stream) void chunk;
}
await sql.end();
