import type { RelationName } from "../model/config.js";

/**
 * `name` or `schema.name`. A part that holds a dot or a quote is written in double quotes, as in SQL
 * (`"my.schema"."a ""b"""`). Unlike in SQL nothing is folded to lower case: names are written as the catalog has them.
 */
export const RELATION_PATTERN = /^(?:([^".]+|"(?:[^"]|"")+")\.)?([^".]+|"(?:[^"]|"")+")$/;

/** Null when the text is no relation's name. The schema defaults to `public`. */
export function parseRelationName(text: string): RelationName | null {
  const match = RELATION_PATTERN.exec(text);
  if (match === null) return null;
  return { schema: unquote(match[1] ?? "public"), name: unquote(match[2]!) };
}

/** The text that `parseRelationName` reads as this relation. */
export function writeRelationName({ schema, name }: RelationName): string {
  return schema === "public" ? quotePart(name) : `${quotePart(schema)}.${quotePart(name)}`;
}

function quotePart(part: string): string {
  return /[".]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part;
}

/** For messages: the bare name in `public`, else `schema.name`. Not for SQL. */
export function showRelationName(relation: RelationName): string {
  return relation.schema === "public" ? relation.name : `${relation.schema}.${relation.name}`;
}

function unquote(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}
