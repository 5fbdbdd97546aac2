/**
 * How a mirrored jsonb column differs from the jsonb it mirrors, and the way back. The encoder and the apps share this
 * one copy, so it imports nothing and keeps to what every JavaScript runtime has.
 *
 * A jsonb value is mirrored as the plain Convex value, with four escapes for what Convex or a double cannot hold:
 *
 * | in jsonb | in Convex |
 * |---|---|
 * | a key that is empty or `__proto__`, starts with `$` or `~`, or is not all printable ASCII | `~` and the key, where `%` and all but printable ASCII is percent-encoded UTF-8: `$ref` is `~$ref`, `größe` is `~gr%C3%B6%C3%9Fe` |
 * | a number that a double does not give back, such as 12345678901234567890 | `{"~number": "12345678901234567890"}` |
 * | `null` as the whole value (SQL NULL is null) | `{"~null": true}` |
 * | an object with a key of more than 1,024 characters, escapes counted | `{"~entries": [[key, value], …]}`, its keys unescaped |
 *
 * Convex refuses `$` in front, its client also an empty key, and drops a key `__proto__`. Its documentation forbids `_`
 * in front as well, but neither backend nor client does: `_source` stays as it is. A key of the source that looks like
 * an escape starts with `~` and so is escaped itself, and no escaped key is equal to one of the three names above:
 * `number`, `null` and `entries` need no escape.
 */
export const EXACT_NUMBER = "~number";
export const JSON_NULL = "~null";
export const ENTRIES = "~entries";

/** Convex's limit for nested keys, again, since this file imports nothing. A test holds it equal to the encoder's. */
export const MAX_KEY_LENGTH = 1024;

export type MirroredJson =
  null | boolean | number | string | MirroredJson[] | { [key: string]: MirroredJson | undefined };

/**
 * JSON whose numbers beyond a double have become whatever the caller made of their text.
 * @example
 * ```ts
 * import { decodeJson, type Json } from "datahub-sync/values";
 *
 * function countTags(raw: Json<string>): number {
 *   if (raw === null || typeof raw !== "object" || Array.isArray(raw)) return 0;
 *   const tags = raw["tags"];
 *   return Array.isArray(tags) ? tags.length : 0;
 * }
 * countTags(decodeJson({ tags: ["new", "tall"] })); // 2
 * ```
 */
export type Json<N> = null | boolean | number | string | N | Json<N>[] | { [key: string]: Json<N> };

const PLAIN_KEY = /^[ -#%-}][ -~]*$/;
/** Convex's JavaScript client drops this key without a word. */
export const DROPPED_KEY = "__proto__";

/** Whether Convex takes the key as it is, and it cannot be taken for an escape. */
export function isPlainKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && PLAIN_KEY.test(key) && key !== DROPPED_KEY;
}

/** The key as Convex takes it, but for its length. The key must be valid Unicode. */
export function escapeKey(key: string): string {
  return isPlainKey(key) ? key : `~${key.replace(/[^ -$&-~]+/gu, encodeURIComponent)}`;
}

export function unescapeKey(key: string): string {
  return key.startsWith("~") ? decodeURIComponent(key.slice(1)) : key;
}

/**
 * The value of a jsonb field as the source holds it: with its own keys. JSON's `null` and SQL's, which are told apart
 * in the document (`{"~null": true}` and null), are both null; so is a field that the document lacks.
 * @param value a field of a mirrored jsonb column, an array of such values (jsonb[]), or anything within
 * @param readNumber what becomes of a number that a double does not give back, from its text: `Number` for those who
 *   can do without the last digits, `BigInt` where all are integers. By default it is the text.
 * @example
 * ```ts
 * import { decodeJson } from "datahub-sync/values";
 *
 * const mirrored = { "~$ref": "a", weight: { "~number": "12345678901234567890" } };
 * decodeJson(mirrored); // { $ref: "a", weight: "12345678901234567890" }
 * decodeJson(mirrored, BigInt); // { $ref: "a", weight: 12345678901234567890n }
 * ```
 */
export function decodeJson(value: unknown): Json<string>;
export function decodeJson<N>(value: unknown, readNumber: (text: string) => N): Json<N>;
export function decodeJson(value: unknown, readNumber: (text: string) => unknown = (text) => text): unknown {
  return value === undefined ? null : unescapeJson(value as MirroredJson, readNumber);
}

function unescapeJson<N>(value: MirroredJson, readNumber: (text: string) => N): Json<N> {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => unescapeJson(item, readNumber));
  if (JSON_NULL in value) return null;
  const exactNumber = value[EXACT_NUMBER];
  if (typeof exactNumber === "string") return readNumber(exactNumber);
  // fromEntries defines properties; an assignment to `__proto__` would not.
  return Object.fromEntries(listEntries(value).map(([key, item]) => [key, unescapeJson(item, readNumber)]));
}

/**
 * JSON text that Postgres reads as a jsonb equal to the source's, every digit included.
 * @param value a field of a mirrored jsonb column
 * @example
 * ```ts
 * import { printJson } from "datahub-sync/values";
 *
 * printJson({ "~$ref": "a", weight: { "~number": "1e400" } }); // '{"$ref": "a", "weight": 1e400}'
 * ```
 */
export function printJson(value: unknown): string {
  return print(value as MirroredJson);
}

function print(value: MirroredJson): string {
  if (Object.is(value, -0)) return "-0";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  if (JSON_NULL in value) return "null";
  const exactNumber = value[EXACT_NUMBER];
  if (typeof exactNumber === "string") return exactNumber;
  const fields = listEntries(value).map(([key, item]) => `${JSON.stringify(key)}: ${print(item)}`);
  return `{${fields.join(", ")}}`;
}

/** The fields of the source's object, under its own keys. */
function listEntries(value: { [key: string]: MirroredJson | undefined }): [string, MirroredJson][] {
  const entries = value[ENTRIES];
  if (Array.isArray(entries)) return entries as [string, MirroredJson][];
  return Object.entries(value).flatMap(([key, item]) =>
    item === undefined ? [] : [[unescapeKey(key), item] as [string, MirroredJson]],
  );
}
