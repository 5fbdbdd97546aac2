import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Setup } from "./setup.js";
import { keyText, quoteName, quoteText, shownKey } from "../local/oracle/mirrored-table.js";

/** Writes down, for whoever looks into a failed seed, what is gone with its database and its deployment. */
export async function saveState(setup: Setup): Promise<void> {
  const sql = setup.connect();
  const keep = async (name: string, query: string) => {
    const rows = await sql.unsafe<{ line: string }[]>(query);
    await writeFile(join(setup.folder, `${name}.jsonl`), rows.map(({ line }) => `${line}\n`).join(""));
  };
  try {
    const names = await sql.unsafe<{ name: string }[]>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'datahub_sync'",
    );
    for (const { name } of names) {
      await keep(`datahub_sync.${name}`, `SELECT row_to_json(t)::text AS line FROM datahub_sync.${name} t`);
    }
    await keep("changes", "SELECT row_to_json(t)::text AS line FROM changes t ORDER BY position");
    for (const table of setup.targets.flatMap(({ tables }) => tables)) {
      const key = keyText(table, "t");
      const logged = `(SELECT json_agg(json_build_object('kind', c.kind, 'xid', c.xid::text) ORDER BY c.xid, c.id)
         FROM datahub_sync.changes c JOIN datahub_sync.tracked_tables tracked ON tracked.id = c.tracked_id
        WHERE tracked.relation_oid = ${quoteText(quoteName(table.base))}::regclass AND c.key = ${key})`;
      const row = `json_build_object('key', ${key}, 'shown', ${shownKey(table, "t")}, 'xmin', t.xmin::text, 'log', ${logged})`;
      await keep(table.mirror, `SELECT ${row}::text AS line FROM ${quoteName(table.base)} t`);
    }
    for (const [number, { deployment }] of setup.targets.entries()) {
      for (const name of ["datahubSyncLedger", "datahubSyncMirrors"]) {
        const lines = [...deployment.tableDocuments(name)].map((document) =>
          JSON.stringify(document, (_, value: unknown) =>
            typeof value === "bigint" ? String(value) : value,
          ),
        );
        const file = join(setup.folder, `${name} ${number}.jsonl`);
        await writeFile(file, lines.map((line) => `${line}\n`).join(""));
      }
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
