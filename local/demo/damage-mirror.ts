import type { LocalDeployment } from "../convex/deployment.js";
import type { SourceTableName } from "../data/source-tables.js";

export interface Damage {
  edited: SourceTableName;
  removed: SourceTableName;
}

/** Edits one document and deletes another, past all functions, as one can on Convex's dashboard. */
export function damageMirror(deployment: LocalDeployment): Damage {
  const damage: Damage = { edited: "sow_poles", removed: "sow_drops" };
  deployment.patch(someId(deployment, damage.edited), { status: "edited by hand" });
  deployment.remove(someId(deployment, damage.removed));
  return damage;
}

/** Not the first document: every run begins by a look at that one, and would notice at once. */
function someId(deployment: LocalDeployment, table: string): string {
  const documents = deployment.tableDocuments(table);
  documents.next();
  for (const { _id } of documents) return _id;
  throw new Error(`The mirror ${table} is too small for an edit by hand; use a larger --scale.`);
}
