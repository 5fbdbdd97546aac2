import postgres from "postgres";
import type { ConvexCli } from "./convex-cli.js";

/** A table's rows by id: each column as the text that psql shows. */
export type Rows = Record<string, Record<string, string | null>>;

interface Column {
  name: string;
  type: string;
  scale: number | null;
}

const NOT_MIRRORED = ["sync_timestamp"];

/** What psql shows of a relation, and what `npx convex data` shows of its mirror, brought to the same form. */
export interface BothSides {
  postgres: Rows;
  convex: Rows;
}

/**
 * Reads both sides with code that shares nothing with the sync. The mirror's values are printed as Postgres prints
 * them, by the column's type, so that a value that was rounded, cut or dropped shows up as a difference.
 */
export async function readBothSides(
  databaseUrl: string,
  convex: ConvexCli,
  relation: string,
  mirror = relation,
): Promise<BothSides> {
  const sql = postgres(databaseUrl, {
    max: 1,
    connection: { TimeZone: "UTC", DateStyle: "ISO", extra_float_digits: 1 },
  });
  try {
    const columns = await sql<Column[]>`
      SELECT column_name AS name, data_type AS type, numeric_scale AS scale FROM information_schema.columns
      WHERE table_name = ${relation} AND column_name <> ALL (${NOT_MIRRORED}) ORDER BY column_name`;
    const list = columns.map(({ name }) => `"${name}"::text`).join(", ");
    const rows = await sql.unsafe<Record<string, string | null>[]>(`SELECT ${list} FROM "${relation}"`);
    const jsonColumns = columns.filter(({ type }) => type === "jsonb").map(({ name }) => name);
    for (const row of rows) {
      for (const name of jsonColumns) row[name] = row[name] == null ? null : canonical(JSON.parse(row[name]));
    }
    const documents = await convex.documents(mirror);
    return {
      postgres: byId(rows.map((row) => ({ ...row }))),
      convex: byId(documents.map((document) => printDocument(document, columns))),
    };
  } finally {
    await sql.end();
  }
}

function byId(rows: Record<string, string | null>[]): Rows {
  return Object.fromEntries(rows.map((row): [string, typeof row] => [row["id"] ?? "no id", row]));
}

/** A field that is no column of the relation stays, and so is seen; a column that is missing stays missing. */
function printDocument(document: Record<string, unknown>, columns: readonly Column[]) {
  const { _id, _creationTime, ...fields } = document;
  const byName = new Map(columns.map((column) => [column.name, column]));
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, print(value, byName.get(name))]),
  );
}

function print(value: unknown, column: Column | undefined): string | null {
  if (value === null) return null;
  if (typeof value === "object" && column?.type !== "jsonb") return `an object: ${JSON.stringify(value)}`;
  switch (column?.type) {
    case "jsonb":
      return canonical(unescape(value));
    case "numeric":
      return typeof value === "number" ? value.toFixed(column.scale!) : `not a number: ${typeof value}`;
    case "timestamp without time zone":
      return `${value as string}`.replace("T", " ").replace(/\.?0+$/, "");
    case undefined:
      return `a field without a column: ${JSON.stringify(value)}`;
    default:
      return `${value as string | number | boolean}`;
  }
}

/** JSON with sorted keys: jsonb has no order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown): unknown =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** Keys that Convex refuses are mirrored as `~` and the percent-encoded key. */
function unescape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unescape);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.startsWith("~") ? decodeURIComponent(key.slice(1)) : key,
      unescape(item),
    ]),
  );
}
