import type { JSONValue } from "convex/values";
import { StoredDocument } from "./document.js";
import type { Store } from "./store.js";

/** All documents of a deployment, with their ids. Plain data: it can be kept as JSON. */
export interface DeploymentState {
  /** Ids hold the number of their table. */
  tableNumbers: [string, number][];
  documents: Record<string, SavedDocument[]>;
}

interface SavedDocument {
  id: string;
  creationTime: number;
  /** In Convex's JSON encoding, without system fields. */
  fields: Record<string, JSONValue>;
  bytes: number;
}

export function exportState(store: Store): DeploymentState {
  const documents: DeploymentState["documents"] = {};
  for (const [name, table] of store.tables) {
    documents[name] = Array.from(table.documents(), (document) => ({
      id: document.id,
      creationTime: document.creationTime,
      fields: document.fields(),
      bytes: document.bytes,
    }));
  }
  return { tableNumbers: [...store.tableNumbers], documents };
}

/** Replaces all documents. Functions and schema stay, and existing documents are not checked against it. */
export function importState(store: Store, state: DeploymentState): void {
  for (const table of store.tables.values()) {
    store.apply(Array.from(table.documents(), (before) => ({ before, after: undefined })));
  }
  store.restoreTableNumbers(state.tableNumbers);
  for (const [table, documents] of Object.entries(state.documents)) {
    store.apply(
      documents.map(({ id, creationTime, fields, bytes }) => {
        store.noteCreationTime(creationTime);
        return { before: undefined, after: StoredDocument.create(table, id, creationTime, fields, bytes) };
      }),
    );
  }
}
