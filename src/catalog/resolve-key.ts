import type { MirrorConfig } from "../model/config.js";
import type { PgType } from "../model/encoding.js";
import type { SyncError } from "../model/errors.js";
import { quoteIdentifier, quoteRelation } from "../postgres/identifier.js";
import { display, refuser } from "./mirror-refusal.js";
import type { CatalogEntry } from "./read-catalog.js";
import type { Relation } from "./relation.js";

const ADD_KEY =
  'Add a primary key, or name as "key" columns that are NOT NULL and together carry a unique index.';
const OTHER_KEY = 'Name as "key" other columns that are NOT NULL and together carry a unique index.';

/**
 * The columns by which the rows of a base table are identified, in the order of the unique index that they carry.
 * @throws SyncError NO_KEY
 */
export function resolveKey(
  config: MirrorConfig,
  base: Relation,
  { namedKey: named, orderedKey: keyColumns, unvalidated }: CatalogEntry,
): string[] {
  const refuse = refuser(config.name);
  if (named === null) {
    throw refuse("NO_KEY", `${display(base)} has no primary key.`, ADD_KEY);
  }
  if (keyColumns === null) throw explainNoKey(config, base, named, unvalidated[0]);
  for (const name of keyColumns) {
    const type = base.columns.find((column) => column.name === name)!.type;
    const why = whyNoKeyType(type);
    if (why !== null)
      throw refuse("NO_KEY", `The key column ${name} of ${display(base)} is ${why}.`, OTHER_KEY);
  }
  return keyColumns;
}

function explainNoKey(
  { name: mirror }: MirrorConfig,
  base: Relation,
  named: readonly string[],
  unchecked: CatalogEntry["unvalidated"][number] | undefined,
): SyncError {
  const refuse = refuser(mirror);
  if (unchecked !== undefined) {
    return refuse(
      "NO_KEY",
      `The key column ${unchecked.column} of ${display(base)} may hold NULL: its NOT NULL constraint ${unchecked.constraint} is NOT VALID.`,
      `ALTER TABLE ${quoteRelation(base)} VALIDATE CONSTRAINT ${quoteIdentifier(unchecked.constraint)}; then run \`datahub-sync migrate\`.`,
    );
  }
  return refuse("NO_KEY", `The columns ${named.join(", ")} of ${display(base)} are not a key.`, ADD_KEY);
}

/** What a key's text depends on besides the value: the names that the `search_path` of whoever prints it finds. */
const PRINTS_BY_SEARCH_PATH =
  /^reg(class|collation|config|dictionary|namespace|oper|operator|proc|procedure|role|type)$/;

/**
 * Why rows can't be identified by values of a type. Lists and composite values would be taken apart by the statements
 * that look for many keys at once; a list is not where a domain stands over it.
 */
export function whyNoKeyType(type: PgType): string | null {
  if (type.element !== null) return "an array";
  if (type.base !== null) return type.base.element === null ? whyNoKeyType(type.base) : null;
  if (type.kind === "composite") return "of a composite type";
  const printed = type.subtype ?? type;
  if (printed.schema === "pg_catalog" && PRINTS_BY_SEARCH_PATH.test(printed.name))
    return `of the type ${printed.name}, which prints differently from session to session`;
  return null;
}
