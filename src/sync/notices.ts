import type { Notice } from "../report.js";
import { MIRROR_RETENTION_DAYS, type IdleMirror } from "../state/recorded-deletions.js";

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

export function indexMissing(base: string): Notice {
  return {
    code: "INDEX_MISSING",
    message: `An index of the tracking of ${base} was dropped: each run reads the whole table. \`datahub-sync migrate\` makes it again.`,
  };
}

/** Somebody may have taken a mirror out of the configuration, or left a deployment. */
export function deletionsKept({ mirror, url, lastAt, deletions }: IdleMirror): Notice {
  return {
    code: "DELETIONS_KEPT",
    message:
      `${count(deletions, "recorded deletion")} ${deletions === 1 ? "is" : "are"} kept for the mirror ${mirror} of ${url}, ` +
      `which has not run since ${lastAt}. After ${MIRROR_RETENTION_DAYS} days without a run it is forgotten; ` +
      "its next run would compare everything.",
  };
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
}
