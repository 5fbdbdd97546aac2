import type { ListedRelation } from "../../catalog/list-relations.js";
import type { Relation } from "../../catalog/relation.js";
import { CONVEX_LIMITS } from "../../model/limits.js";
import type { WatchedChanges } from "./watch-changes.js";

/** What is proposed for a relation, and what its owner should know, a sentence each. */
export interface Proposal {
  ignore: string[];
  exclude: string[];
  /** Why, and what else is to be thought of. */
  remarks: string[];
}

/** Columns in which a job notes that it was there: they change while the content does not. By their names: a guess. */
const BOOKKEEPING =
  /^((last_)?(sync|synced|seen|checked|crawled|fetched|imported|refreshed|polled)(_at|_on|_time|_timestamp)?|_(airbyte|fivetran|dbt|dlt)_\w+)$/i;

/** What nobody should be able to read who can call a function of the app. By their names: a guess. */
const SECRET =
  /(^|_)(password|passwd|pwd|secret|token|api_?key|private_?key|salt|otp|pin|card_?number|cvv|cvc)(_|$)/i;

const PERSONAL =
  /(^|_)(e?mail|phone|mobile|fax|first_?name|last_?name|full_?name|surname|address|street|postcode|zip|birth\w*|dob|gender|passport|national_id|ssn|tax_?id|iban|salary|ip|ip_address|signature)(_|$)/i;

/** A row of this size is near what a document may have: text and JSON are larger there than as they are stored here. */
const LARGE_ROW = CONVEX_LIMITS.maxDocumentBytes / 4;

/** Goes by names, types and sizes, and by what was seen to change where somebody watched. */
export function propose(
  relation: Relation,
  listed: ListedRelation,
  keyColumns: readonly string[],
  watched: WatchedChanges | null = null,
): Proposal {
  const free = relation.columns.filter(({ name }) => !keyColumns.includes(name)).map(({ name }) => name);
  const named = free.filter((name) => BOOKKEEPING.test(name));
  const touched = free.filter(
    (name) => watched?.touched.includes(name) && name !== "updated_at" && !named.includes(name),
  );
  const ignore = [...named, ...touched];
  const exclude = free.filter((name) => SECRET.test(name) && !ignore.includes(name));
  const personal = free.filter((name) => PERSONAL.test(name) && !exclude.includes(name));
  const remarks: string[] = [];
  if (named.length > 0)
    remarks.push(`ignored: ${named.join(", ")}; by the name, it changes where nothing else does`);
  if (touched.length > 0)
    remarks.push(`ignored: ${touched.join(", ")}; it was seen to change where nothing else did`);
  if (watched !== null) remarks.push(describeChanges(watched));
  if (exclude.length > 0) remarks.push(`excluded: ${exclude.join(", ")}; by the name, it is a secret`);
  if (personal.length > 0)
    remarks.push(
      `may be personal: ${personal.join(", ")}. Whatever is mirrored, public functions of the deployment can read: exclude what no app needs`,
    );
  const json = free.filter(
    (name) =>
      ["json", "jsonb"].includes(typeOf(relation, name)) && !ignore.includes(name) && !exclude.includes(name),
  );
  if (json.length > 0) remarks.push(`may hold anything, personal data too: ${json.join(", ")} (JSON)`);
  if (listed.largestRow !== null && listed.largestRow > LARGE_ROW)
    remarks.push(
      `has rows of ${Math.round(listed.largestRow / 1024)} KiB as stored; a document holds ${CONVEX_LIMITS.maxDocumentBytes / 1024} KiB, and a larger row is set aside: exclude its wide columns`,
    );
  const wide = widest(listed, [...ignore, ...exclude]);
  if (wide !== null) remarks.push(wide);
  if (free.includes("updated_at"))
    remarks.push(
      'updated_at is taken as it is written ("as-written"): a job that touches every row makes every row a change. "content" would move it only when the content changes, and keep it in the table as well: docs/configuration.md says what that means for other jobs',
    );
  return { ignore, exclude, remarks };
}

function describeChanges({ rows, changed, columns }: WatchedChanges): string {
  if (changed === 0) return `of ${rows} rows that were watched none changed`;
  const counts = Object.entries(columns).map(([name, count]) => `${name} in ${count}`);
  return `of ${rows} rows that were watched ${changed} changed: ${counts.join(", ")}`;
}

const typeOf = ({ columns }: Relation, name: string) =>
  columns.find((column) => column.name === name)!.type.name;

/** Where one column is most of a table, leaving it out is most of the bill. */
function widest({ widths, rows }: ListedRelation, left: readonly string[]): string | null {
  const kept = Object.entries(widths).filter(([name]) => !left.includes(name));
  const total = kept.reduce((sum, [, width]) => sum + width, 0);
  const [name, width] = kept.sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
  if (rows === null || total * rows < 10_000_000 || width < total / 2) return null;
  return `${name} is ${Math.round((100 * width) / total)} % of the content (about ${Math.round((width * rows) / 1e6)} MB stored): exclude it if no app needs it`;
}
