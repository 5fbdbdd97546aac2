import { isDeepStrictEqual } from "node:util";
import { encodeRow, readDocument } from "../../encode/encode-row.js";
import type { DocumentPlan } from "../../encode/plan-document.js";
import type { SourceRow } from "../../source/table-reader.js";

/** A document as Convex holds it, with what the ledger says of it. */
export interface HeldDocument {
  hash: string;
  document: Record<string, unknown>;
}

export type Compared =
  | { kind: "equal" }
  | { kind: "different"; columns: string[] }
  | { kind: "hash" }
  /** Convex cannot hold the row. */
  | { kind: "refused" };

/** Holds a row against its document, value by value: the hashes alone would say what the sync believes. */
export function compareRow(plan: DocumentPlan, row: SourceRow, held: HeldDocument): Compared {
  const encoded = encodeRow(plan, row.texts);
  if (!encoded.ok) return { kind: "refused" };
  const expected = readDocument(encoded.json);
  // Values of Convex are equal as this has it: -0 is not 0, NaN is NaN, bytes are compared, the order of fields is not.
  const differs = (field: string) => !isDeepStrictEqual(expected[field], held.document[field]);
  const columns = plan.columns.filter(({ field }) => differs(field)).map(({ name }) => name);
  const strange = Object.keys(held.document).filter((field) => !Object.hasOwn(expected, field));
  if (columns.length + strange.length > 0) return { kind: "different", columns: [...columns, ...strange] };
  return held.hash === row.hash ? { kind: "equal" } : { kind: "hash" };
}
