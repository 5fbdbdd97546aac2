/** A floor: what it takes to get all rows out of Postgres at all. They go nowhere. */
import { once } from "node:events";
import postgres from "postgres";
import { readTask } from "./read-task.js";

const { databaseUrl, tables } = readTask();
const sql = postgres(databaseUrl, { max: 1 });
for (const table of tables) {
  const stream = await sql`COPY ${sql(table)} TO STDOUT`.readable();
  // A listener, since with `for await` or `resume` the driver (3.4) never begins the next COPY.
  stream.on("data", () => {});
  await once(stream, "end");
}
await sql.end();
