import { createHash } from "node:crypto";

/** Convex's rule for tables and fields: a letter, then letters, digits and underscores, at most 64 in all. */
export const CONVEX_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/**
 * The name of the Convex table for a relation: the relation's own name where Convex accepts it. Otherwise each
 * character that it refuses becomes `_`, `t` goes before a name that does not begin with a letter, and the first 8 hex
 * digits of the name's SHA-256 are appended, so that two relations do not meet in one name.
 */
export function tableNameFor(name: string): string {
  if (CONVEX_NAME.test(name)) return name;
  const readable = name.replace(/[^A-Za-z0-9_]/gu, "_").replace(/^(?![A-Za-z])/, "t");
  const digest = createHash("sha256").update(name, "utf8").digest("hex").slice(0, 8);
  return `${readable.slice(0, 64 - 1 - digest.length)}_${digest}`;
}
