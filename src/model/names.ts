import { createHash } from "node:crypto";
import { CONVEX_LIMITS } from "./limits.js";

const LEGAL_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
const PREFIX = "x__";

/** Whether Convex takes the name for a table of ours or a field of its documents. */
export function isConvexName(name: string): boolean {
  return LEGAL_NAME.test(name) && name.length <= CONVEX_LIMITS.maxNameLength;
}

/**
 * The Convex name for a column or a relation. One rule for both, the same in every run and on every machine:
 *
 * 1. A name that Convex takes stays as it is: letters, digits and `_`, a letter in front, at most 64 characters.
 * 2. Any other name is `x__` and its UTF-8 bytes, where letters and digits stay, `_` is `__`, and each other byte is
 *    `_` and two hex digits: `1map_id` is `x__1map__id`, `pole number` is `x__pole_20number`.
 * 3. If that is longer than 64 characters, it is `x___h` and the first 32 hex digits of the name's SHA-256.
 *
 * So that no two names meet, a name that starts with `x__` is itself treated as one that Convex does not take. By
 * rules 1 and 2 the name can be read back; `_h` stands in no name of rule 2; two names of rule 3 meet when 128 bits of
 * SHA-256 do.
 */
export function toConvexName(name: string): string {
  if (isConvexName(name) && !name.startsWith(PREFIX)) return name;
  const escaped = PREFIX + Array.from(Buffer.from(name), escapeByte).join("");
  if (escaped.length <= CONVEX_LIMITS.maxNameLength) return escaped;
  return `${PREFIX}_h${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

function escapeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === "_") return "__";
  return /[A-Za-z0-9]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
}
