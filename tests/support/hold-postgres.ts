/** A process that starts a Postgres, prints where it is, and never stops it: it ends as its argument says. */
import postgres from "postgres";
import { startPostgres } from "../../local/postgres/start-postgres.js";

const [ending] = process.argv.slice(2);
const server = await startPostgres();
const sql = postgres(server.url(), { max: 1 });
const [row] = await sql<{ data: string }[]>`SELECT current_setting('data_directory') AS data`;
await sql.end();
process.stdout.write(JSON.stringify({ port: server.port, data: row?.data }) + "\n");
if (ending === "exit") process.exit(0);
if (ending === "wait for a signal") setInterval(() => {}, 60_000);
