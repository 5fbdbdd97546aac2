import type { Sql } from "postgres";
import { expect } from "vitest";
import { mirrorNumber } from "../../convex/datahubSyncMirrorNumber.js";
import type { MirrorConfig } from "../../src/model/config.js";
import type { LocalDeployment } from "../../local/convex/deployment.js";

/** Configured encodings that change what a column becomes: as which type it is read below. */
const ENCODED_AS: Record<string, string> = { text: "text", int64: "bigint" };

/**
 * Compares a relation with its mirror. It shares no code with the sync: what the documents have to hold is stated here
 * once more, for the types that the tests use, and the two sides are compared as lists, without a notion of a key.
 */
export async function compareMirror(
  sql: Sql,
  deployment: LocalDeployment,
  { relation, name: mirror, ignore, exclude, columns: configured }: MirrorConfig,
): Promise<void> {
  const columns = await sql<{ name: string; type: string }[]>`
    SELECT attname AS name,
           CASE WHEN typtype IN ('e', 'c') THEN 'text' ELSE format_type(coalesce(nullif(typbasetype, 0), t.oid), NULL) END AS type
      FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid
     WHERE attrelid = ${`${relation.schema}.${relation.name}`}::text::regclass AND attnum > 0 AND NOT attisdropped`;
  const left = new Set([...ignore, ...exclude]);
  const mirrored = columns.filter(({ name }) => !left.has(name));

  const texts = mirrored.map(({ name, type }) => textOf(`"${name.replaceAll('"', '""')}"`, type));
  const rows = await sql
    .unsafe(`SELECT ${texts.join(", ")} FROM "${relation.schema}"."${relation.name}"`)
    .values();
  const expected = (rows as (string | null)[][]).map((row) =>
    Object.fromEntries(
      mirrored.map(({ name, type }, at) => [
        configured[name]?.field ?? name,
        row[at] === null ? null : read(row[at]!, ENCODED_AS[configured[name]?.encoding ?? ""] ?? type),
      ]),
    ),
  );
  const documents = [...deployment.tableDocuments(mirror)].map(({ _id, _creationTime, ...fields }) => fields);
  expect(sorted(documents)).toEqual(sorted(expected));

  const ids = [...deployment.tableDocuments(mirror)].map(({ _id }) => _id);
  const entries = [...deployment.tableDocuments("datahubSyncLedger")].filter(
    ({ m }) => m === mirrorNumber(mirror),
  );
  expect(entries.map(({ d }) => d as string).sort()).toEqual(ids.sort());
  expect(new Set(entries.map(({ k }) => k)).size).toBe(entries.length);
}

function textOf(column: string, type: string): string {
  switch (type) {
    case "timestamp without time zone":
      return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US')`;
    case "timestamp with time zone":
      return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
    default:
      return `${column}::text`;
  }
}

function read(text: string, type: string): unknown {
  switch (type) {
    case "smallint":
    case "integer":
    case "double precision":
    case "numeric":
      return Number(text);
    case "bigint":
      return BigInt(text);
    case "boolean":
      return text === "true";
    case "jsonb":
      return JSON.parse(text) as unknown;
    case "text":
    case "character varying":
    case "uuid":
    case "timestamp without time zone":
    case "timestamp with time zone":
      return text;
  }
  throw new Error(`The comparison does not know what ${type} becomes in Convex.`);
}

/** In an order that depends on the content alone. */
function sorted(documents: Record<string, unknown>[]): string[] {
  return documents.map(canonical).sort();
}

function canonical(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
