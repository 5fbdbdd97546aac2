import type { Notice } from "../report.js";

/** What a person should know about a table's run, in words. Codes are stable; see docs/operations.md. */

export function documentsMended(edited: number, removed: number): Notice {
  const parts = [
    ...(edited > 0 ? [`${count(edited, "document")} edited`] : []),
    ...(removed > 0 ? [`${count(removed, "document")} removed`] : []),
  ];
  return { code: "DOCUMENTS_MENDED", message: `By hand in Convex: ${parts.join(" and ")}; mended.` };
}

export function rowsSetAside(table: string, rows: number): Notice {
  return {
    code: "ROWS_SET_ASIDE",
    message: `${count(rows, "row")} of ${table} cannot be mirrored and ${rows === 1 ? "is" : "are"} not in Convex; \`datahub-sync status\` names them.`,
  };
}

export function deletionsHeldBack(table: string, documents: number): Notice {
  return {
    code: "DELETIONS_HELD_BACK",
    message: `${count(documents, "document")} of ${table} would be deleted and ${documents === 1 ? "was" : "were"} kept. If that is right, run with --allow-deletes ${table}.`,
  };
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
}
