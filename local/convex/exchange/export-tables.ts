import type { JSONValue } from "convex/values";
import { strToU8, zipSync } from "fflate";
import type { Store } from "../store.js";
import { exportValue } from "../value-format.js";

/** All documents as `npx convex export` writes them: a folder a table, plain JSON, a line each. */
export function exportTables(store: Store): Uint8Array {
  const folders: Record<string, Uint8Array> = {};
  const lines = (documents: Iterable<JSONValue>) =>
    strToU8(Array.from(documents, (document) => `${JSON.stringify(document)}\n`).join(""));
  folders["_tables/documents.jsonl"] = lines([...store.tableNumbers].map(([name, id]) => ({ name, id })));
  for (const [name, table] of store.tables) {
    const documents = Array.from(table.documents(), ({ json }) =>
      exportValue(JSON.parse(json) as JSONValue, "clean"),
    );
    folders[`${name}/documents.jsonl`] = lines(documents);
  }
  return zipSync(folders, { level: 1 });
}
