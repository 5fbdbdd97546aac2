import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stage } from "./stage.js";
import type { TortureTable } from "./tables.js";
import { keyText, quoteName } from "./oracle/mirrored-table.js";

/** Writes down, for whoever looks into a failed seed, what is gone with its database and its deployment. */
export async function keepEvidence(stage: Stage, tables: readonly TortureTable[]): Promise<void> {
  const sql = stage.connect();
  const keep = async (name: string, query: string) => {
    const rows = await sql.unsafe<{ line: string }[]>(query);
    await writeFile(join(stage.folder, `${name}.jsonl`), rows.map(({ line }) => `${line}\n`).join(""));
  };
  try {
    const names = await sql.unsafe<{ name: string }[]>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'datahub_sync'",
    );
    for (const { name } of names) {
      await keep(`datahub_sync.${name}`, `SELECT row_to_json(t)::text AS line FROM datahub_sync.${name} t`);
    }
    await keep("changes", "SELECT row_to_json(t)::text AS line FROM changes t ORDER BY position");
    for (const { base, mirror, key } of tables) {
      const row = `json_build_object('key', ${keyText(key, "t")}, 'xid', t.sync_xid::text, 'xmin', t.xmin::text)`;
      await keep(mirror, `SELECT ${row}::text AS line FROM ${quoteName(base)} t`);
    }
    for (const name of ["datahubSyncLedger", "datahubSyncMirrors"]) {
      const documents = [...stage.deployment.tableDocuments(name)];
      const lines = documents.map((document) =>
        JSON.stringify(document, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      );
      await writeFile(join(stage.folder, `${name}.jsonl`), lines.map((line) => `${line}\n`).join(""));
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
