import type { RelationName } from "../model/config.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { quoteRelation } from "../postgres/identifier.js";
import { quoteText } from "../postgres/quote-text.js";

export type UpdatedAtMode = "content" | "as-written" | "none";

/** What a deployment mirrors of a table, for its triggers. */
export interface TrackingClaim {
  /** The deployment's URL; empty where it is not known. */
  target: string;
  keyColumns: readonly string[] | null;
  /** Columns whose changes are changes of a mirror's content. */
  compared: readonly string[];
  /** Columns that the deployment's configuration ignores. */
  ignored: readonly string[];
  updatedAt: UpdatedAtMode;
}

/** The call of `track`. The lock time-out holds for this statement's own transaction; 55P03 says to try again. */
export const TRACK = `SELECT datahub_sync.track($1::text::oid::regclass, $2::text::text[], $3::text::text[], $4::text::text[], $5::text, $6::text)
 WHERE (SELECT set_config('lock_timeout', '5s', true)) IS NOT NULL`;

export function trackParameters(
  { oid }: { oid: string },
  { target, keyColumns, compared, ignored, updatedAt }: TrackingClaim,
): (string | null)[] {
  return [
    oid,
    keyColumns === null ? null : arrayLiteral(keyColumns),
    arrayLiteral(ignored),
    arrayLiteral(compared),
    updatedAt,
    target,
  ];
}

/** The same call as a person would write it: the table by its name, lists one by one. */
export function printTrack(base: RelationName, claim: TrackingClaim): string {
  const list = (names: readonly string[]) => `ARRAY[${names.map(quoteText).join(", ")}]::text[]`;
  const shown = [
    `${quoteText(quoteRelation(base))}::regclass`,
    claim.keyColumns === null ? "NULL" : list(claim.keyColumns),
    list(claim.ignored),
    list(claim.compared),
    quoteText(claim.updatedAt),
    quoteText(claim.target),
  ];
  return TRACK.replaceAll(
    /\$(\d)(::text\[\]|::text|::oid|::regclass)+/g,
    (_, place: string) => shown[Number(place) - 1]!,
  );
}
