import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";

export interface Secret {
  /** For the message: what must not appear. */
  name: string;
  text: string;
}

/** Names what a run has let slip into its output, its logs or the reports that it keeps in Postgres. */
export async function findLeaks(folder: string, sql: Sql, secrets: readonly Secret[]): Promise<string[]> {
  const leaks: string[] = [];
  const search = (place: string, text: string) => {
    for (const secret of secrets) if (text.includes(secret.text)) leaks.push(`${place} shows ${secret.name}`);
  };
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.(txt|log)$/.test(entry.name)) search(path, await readFile(path, "utf8"));
  }
  const tables = await sql.unsafe<{ name: string }[]>(
    "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'datahub_sync'",
  );
  for (const { name } of tables) {
    const rows = await sql.unsafe<{ text: string }[]>(`SELECT t::text AS text FROM datahub_sync.${name} t`);
    for (const { text } of rows) search(`datahub_sync.${name}`, text);
  }
  return leaks;
}
