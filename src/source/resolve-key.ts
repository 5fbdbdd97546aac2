import type { MirrorConfig } from "../config/types.js";
import type { PgType } from "../encode/types.js";
import type { SyncError } from "../errors.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Sql } from "../postgres/database.js";
import { quoteIdentifier, quoteRelation } from "../postgres/identifier.js";
import { display, refuser } from "./mirror-refusal.js";
import type { Relation } from "./read-relation.js";

const OTHER_KEY = 'Name as "key" other columns that are NOT NULL and together carry a unique index.';

/**
 * The columns by which the rows of a base table are identified, in the order of the unique index that they carry.
 * @throws SyncError NO_KEY
 */
export async function resolveKey(sql: Sql, config: MirrorConfig, base: Relation): Promise<string[]> {
  const refuse = refuser(config.mirror);
  const named = config.key ?? (await readPrimaryKey(sql, base.oid));
  if (named === null) {
    throw refuse(
      "NO_KEY",
      `${display(base)} has no primary key.`,
      'Add a primary key, or name as "key" columns that are NOT NULL and together carry a unique index.',
    );
  }
  const keyColumns = await orderKey(sql, base.oid, named);
  if (keyColumns === null) throw await explainNoKey(sql, config, base, named);
  for (const name of keyColumns) {
    const type = base.columns.find((column) => column.name === name)!.type;
    const why = whyNoKeyType(type);
    if (why !== null)
      throw refuse("NO_KEY", `The key column ${name} of ${display(base)} is ${why}.`, OTHER_KEY);
  }
  return keyColumns;
}

async function explainNoKey(
  sql: Sql,
  { mirror }: MirrorConfig,
  base: Relation,
  named: readonly string[],
): Promise<SyncError> {
  const refuse = refuser(mirror);
  const unchecked = await findUnvalidated(sql, base.oid, named);
  if (unchecked !== null) {
    return refuse(
      "NO_KEY",
      `The key column ${unchecked.column} of ${display(base)} may hold NULL: its NOT NULL constraint ${unchecked.constraint} is NOT VALID.`,
      `ALTER TABLE ${quoteRelation(base)} VALIDATE CONSTRAINT ${quoteIdentifier(unchecked.constraint)}; then run \`datahub-sync migrate\`.`,
    );
  }
  return refuse(
    "NO_KEY",
    `The columns ${named.join(", ")} of ${display(base)} are not a key.`,
    'Add a primary key, or name as "key" columns that are NOT NULL and together carry a unique index.',
  );
}

/** What a key's text depends on besides the value: the names that the `search_path` of whoever prints it finds. */
const PRINTS_BY_SEARCH_PATH =
  /^reg(class|collation|config|dictionary|namespace|oper|operator|proc|procedure|role|type)$/;

/**
 * Why rows can't be identified by values of a type. Lists and composite values would be taken apart by the statements
 * that look for many keys at once; a list is not where a domain stands over it.
 */
function whyNoKeyType(type: PgType): string | null {
  if (type.element !== null) return "an array";
  if (type.base !== null) return type.base.element === null ? whyNoKeyType(type.base) : null;
  if (type.kind === "composite") return "of a composite type";
  const printed = type.subtype ?? type;
  if (printed.schema === "pg_catalog" && PRINTS_BY_SEARCH_PATH.test(printed.name))
    return `of the type ${printed.name}, which prints differently from session to session`;
  return null;
}

/** The primary key's columns, or null. */
async function readPrimaryKey(sql: Sql, oid: string): Promise<string[] | null> {
  const [row] = await sql.unsafe<{ key: string | null }[]>(
    "SELECT to_json(datahub_sync.primary_key($1::text::oid::regclass))::text AS key",
    [oid],
  );
  return row?.key ? (JSON.parse(row.key) as string[]) : null;
}

/** The columns in the order of the unique index that they carry together; null where they are no key. */
async function orderKey(sql: Sql, oid: string, columns: readonly string[]): Promise<string[] | null> {
  const [row] = await sql.unsafe<{ key: string | null }[]>(
    "SELECT to_json(datahub_sync.order_key($1::text::oid::regclass, $2::text::text[]))::text AS key",
    [oid, arrayLiteral(columns)],
  );
  return row?.key ? (JSON.parse(row.key) as string[]) : null;
}

/** The first of the columns whose NOT NULL holds for rows only that were written since (from Postgres 18 on). */
async function findUnvalidated(
  sql: Sql,
  oid: string,
  columns: readonly string[],
): Promise<{ column: string; constraint: string } | null> {
  const [row] = await sql.unsafe<{ found: string }[]>(
    `SELECT json_build_object('column', column_name, 'constraint', constraint_name)::text AS found
       FROM datahub_sync.unvalidated_columns($1::text::oid::regclass, $2::text::text[])`,
    [oid, arrayLiteral(columns)],
  );
  return row ? (JSON.parse(row.found) as { column: string; constraint: string }) : null;
}
