import type { ColumnShape } from "../model/encoding.js";
import type { Notice } from "../model/report.js";
import { MIRROR_RETENTION_DAYS } from "../state/change-log-size.js";
import type { IdleMirror } from "../state/read-overview.js";
import type { ChangesRead } from "../state/end-run.js";
import { howToAdd } from "./how-to-add.js";

/** What a person should know about a table's run, in words. What each code means is in src/model/notice-codes.ts. */

export function documentsAdopted(adopted: number, equal: number, left: number): Notice {
  const brought = adopted - equal;
  const parts = [
    ...(adopted > 0 ? [`${count(adopted, "document")} of before became the mirror's`] : []),
    ...(brought > 0
      ? [
          brought === 1
            ? "one of them differed and was brought up to date"
            : `${brought.toLocaleString("en-US")} of them differed and were brought up to date`,
        ]
      : []),
    ...(left > 0 ? [`${count(left, "document")} ${left === 1 ? "belongs" : "belong"} to no row`] : []),
  ];
  return { code: "DOCUMENTS_ADOPTED", message: `${parts.join("; ")}.` };
}

export function documentsMended(edited: number, removed: number): Notice {
  const parts = [
    ...(edited > 0 ? [`${count(edited, "document")} edited`] : []),
    ...(removed > 0 ? [`${count(removed, "document")} removed`] : []),
  ];
  return { code: "DOCUMENTS_MENDED", message: `By hand in Convex: ${parts.join(" and ")}; mended.` };
}

function rowsSetAside(table: string, rows: number): Notice {
  return {
    code: "ROWS_SET_ASIDE",
    message: `${count(rows, "row")} of ${table} cannot be mirrored and ${rows === 1 ? "is" : "are"} not in Convex; \`datahub-sync status\` names them.`,
  };
}

function deletionsHeldBack(table: string, documents: number): Notice {
  return {
    code: "DELETIONS_HELD_BACK",
    message: `${count(documents, "document")} of ${table} would be deleted and ${documents === 1 ? "was" : "were"} kept. If that is right, run with --allow-deletes ${table}.`,
  };
}

/** Said before it is so: other jobs of the owner may rely on `updated_at`. */
export function contentFollows(tables: readonly string[]): Notice {
  return {
    code: "UPDATED_AT_FOLLOWS_CONTENT",
    message:
      `updated_at of ${tables.join(", ")} is going to move only when the content changes: an UPDATE that sets what is there keeps it. ` +
      "A job that deletes rows whose updated_at it has not just moved would delete every unchanged row. " +
      'Where there is such a job, say "updatedAt": "as-written" in the configuration file.',
  };
}

/** Under it, what somebody has read can make the transactions of others fail. */
export function isolationSerializable(): Notice {
  return {
    code: "ISOLATION_SERIALIZABLE",
    message:
      "Transactions of this role are SERIALIZABLE by default: what the sync reads could make serializable transactions of others fail. " +
      "ALTER ROLE … SET default_transaction_isolation = 'read committed' for the role that the sync connects as.",
  };
}

/** Of a dry run, which takes no lease. */
export function runGoesOn(holder: string, since: string): Notice {
  return {
    code: "RUN_GOES_ON",
    message: `A run is going on, of ${holder}, since ${since}: what it changes meanwhile may be counted or not.`,
  };
}

/** The next run heals what this one could not know. */
export function catalogChanged(table: string): Notice {
  return {
    code: "CATALOG_CHANGED",
    message: `${table}, or what its documents depend on, was changed while this run went on: the next run compares everything.`,
  };
}

/** The run goes on with what the triggers are now told to log. */
export function trackingMended(base: string, what: string): Notice {
  return {
    code: "TRACKING_MENDED",
    message: `The tracking of ${base} was mended: ${what}.`,
  };
}

export function trackingUnmended(base: string, why: string): Notice {
  return {
    code: "TRACKING_UNMENDED",
    message: `The tracking of ${base} is not in order, so each run compares everything. ${why}`,
  };
}

/** Added to the source, and not yet to the deployment. */
export function columnsWait(table: string, columns: readonly ColumnShape[]): Notice {
  const names = columns.map(({ name }) => name).join(", ");
  return {
    code: "COLUMNS_WAIT",
    message: `${names} of ${table} ${columns.length === 1 ? "is" : "are"} not mirrored yet: the deployed table has no such ${columns.length === 1 ? "field" : "fields"}. ${howToAdd(columns)}`,
  };
}

export function entriesMissing(rows: number): Notice {
  return {
    code: "ENTRIES_MISSING",
    message: `${count(rows, "row")} that had been mirrored before ${rows === 1 ? "was new to the ledger in Convex, or its document was" : "were new to the ledger in Convex, or their documents were"} gone: this run compares everything.`,
  };
}

export function ledgerShort(listed: number, expected: number): Notice {
  return {
    code: "LEDGER_SHORT",
    message: `The ledger in Convex has ${count(listed, "entry", "entries")} and should have ${count(expected, "entry", "entries")}: this run reads the documents, too.`,
  };
}

/** Below this share, or of fewer changes, `updated_at` costs little. */
const COSTLY_SHARE = 0.5;
const FEWEST_CHANGES = 100;

/** Where every write moves `updated_at`, though little else changes; null where that costs nothing to speak of. */
export function timestampsAlone(table: string, { read, timestamps }: ChangesRead): Notice | null {
  if (read < FEWEST_CHANGES || timestamps / read < COSTLY_SHARE) return null;
  return {
    code: "TIMESTAMPS_ALONE",
    message:
      `${Math.floor((100 * timestamps) / read)} % of the ${count(read, "change")} of ${table} were of updated_at alone, and cost as much as others. ` +
      'If it may follow the content, add "updatedAt": "content" to the table in the configuration file (docs/configuration.md says what that means for other jobs); ' +
      'if nobody needs it in Convex, "ignore": ["updated_at"].',
  };
}

export function changesUnread({ table, entries }: { table: string; entries: number }): Notice {
  return {
    code: "CHANGES_UNREAD",
    message:
      `${count(entries, "entry", "entries")} of the change log are of ${table}, which is tracked and mirrored by nobody. ` +
      "Run `datahub-sync sync`, or `datahub-sync untrack` if it should not be mirrored.",
  };
}

/** Somebody may have taken a mirror out of the configuration, or left a deployment. */
export function changesKept({ mirror, url, lastAt, entries }: IdleMirror): Notice {
  return {
    code: "CHANGES_KEPT",
    message:
      `${count(entries, "entry", "entries")} of the change log ${entries === 1 ? "is" : "are"} kept for the mirror ${mirror} of ${url}, ` +
      `which has not run since ${lastAt}. After ${MIRROR_RETENTION_DAYS} days without a run it is forgotten; ` +
      "its next run would compare everything.",
  };
}

function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? noun : plural}`;
}

/** What is left when a mirror's run has ended. */
export function closingNotices(table: string, setAside: number, heldBack: number): Notice[] {
  return [
    ...(setAside > 0 ? [rowsSetAside(table, setAside)] : []),
    ...(heldBack > 0 ? [deletionsHeldBack(table, heldBack)] : []),
  ];
}
