import { arrayCodec } from "./array-codec.js";
import type { Codec } from "./codec.js";
import { dateCodec, timestampCodec, timestamptzCodec } from "./iso-time.js";
import { jsonbCodec, jsonCodec } from "./json-codec.js";
import {
  booleanCodec,
  byteaCodec,
  float4Codec,
  float8Codec,
  int64Codec,
  integerCodec,
  numericCodec,
  textCodec,
} from "./scalar-codecs.js";
import type { EncodingName, PgType } from "../model/encoding.js";

/**
 * Part of every table's fingerprint: raise it when the Convex value of any Postgres value changes, so that the next
 * run of each table compares all rows.
 */
export const ENCODER_VERSION = 2;

/**
 * What each Postgres type becomes, and how to read it back. SQL NULL is null.
 *
 * | Postgres | Convex | back to what Postgres prints |
 * |---|---|---|
 * | smallint, integer, oid | number | its digits |
 * | bigint | int64 | its digits |
 * | real, double precision | number; NaN, the infinities and -0 too | the shortest digits (float-text.ts) |
 * | numeric(p,s) of at most 15 digits | number | s decimals (`toFixed`) |
 * | numeric otherwise | string | as it is |
 * | boolean | boolean | t, f |
 * | date | string `2024-01-31` | iso-time.ts |
 * | timestamp | string `2024-01-31T12:34:56.789000` | iso-time.ts |
 * | timestamptz | string `2024-01-31T12:34:56.789000Z` | iso-time.ts |
 * | bytea | bytes | hex |
 * | jsonb | the value, with escapes | src/package/json.ts |
 * | json | string: its text, spaces and repeated keys kept | as it is |
 * | arrays | array, or string where a list does not express them | array-codec.ts |
 * | domains | as the type under them | |
 * | all others: text, varchar, char, name, citext, uuid, enums, time, timetz, interval, money, inet, cidr, macaddr, bit, varbit, xml, tsvector, tsquery, geometric types, pg_lsn, xid8, ranges, multiranges, composites, hstore, types of extensions | string: the text that Postgres prints | as it is |
 *
 * "Prints" means the type's output function with TimeZone UTC, DateStyle ISO, IntervalStyle postgres,
 * extra_float_digits 1 and bytea_output hex; not a cast to text, which pads, shortens or rounds some types.
 */
const CODECS: ReadonlyMap<string, Codec> = new Map<string, Codec>([
  ["int2", integerCodec],
  ["int4", integerCodec],
  ["oid", integerCodec],
  ["int8", int64Codec],
  ["float4", float4Codec],
  ["float8", float8Codec],
  ["bool", booleanCodec],
  ["date", dateCodec],
  ["timestamp", timestampCodec],
  ["timestamptz", timestamptzCodec],
  ["bytea", byteaCodec],
  ["jsonb", jsonbCodec],
]);

/** Types that the catalog gives an element, though they do not print as arrays. */
const NOT_ARRAYS: ReadonlySet<string> = new Set([
  "name",
  "int2vector",
  "oidvector",
  "point",
  "lseg",
  "box",
  "line",
]);

const INTEGERS: ReadonlySet<string> = new Set(["int2", "int4", "oid", "int8"]);

/** Digits that a double always gives back. */
const SAFE_DIGITS = 15;
/** The most decimals that `toFixed` prints. */
const MAX_FIXED_DECIMALS = 100;

/** The codec for a type in an encoding, or null when the encoding cannot hold the type's values without loss. */
export function findCodec(type: PgType, encoding: EncodingName): Codec | null {
  const codec = findDefaultCodec(type);
  const name = builtInName(resolveDomain(type));
  switch (encoding) {
    case "default":
      return codec;
    case "text":
      return textCodec;
    case "string":
      return codec.validators.every((validator) => validator === "v.string()") ? codec : textCodec;
    case "json":
      return name === "jsonb" ? jsonbCodec : name === "json" ? jsonCodec : null;
    case "number":
      return codec.validators.every((validator) => validator === "v.number()") ? codec : null;
    case "int64":
      return name !== null && INTEGERS.has(name) ? int64Codec : null;
  }
}

/** The encodings that can hold the type's values, for messages. */
export function listEncodings(type: PgType): EncodingName[] {
  const all: EncodingName[] = ["default", "text", "json", "number", "int64", "string"];
  return all.filter((encoding) => findCodec(type, encoding) !== null);
}

function findDefaultCodec(declared: PgType): Codec {
  const type = resolveDomain(declared);
  const name = builtInName(type);
  if (name === "numeric") return findNumericCodec(type);
  const codec = name === null ? undefined : CODECS.get(name);
  if (codec !== undefined) return codec;
  const isArray = type.element !== null && !(name !== null && NOT_ARRAYS.has(name));
  return isArray ? arrayCodec(findDefaultCodec(type.element!), type.delimiter) : textCodec;
}

/** Scale may be negative or above the precision from Postgres 15 on. */
function findNumericCodec({ numeric }: PgType): Codec {
  if (numeric === null) return textCodec;
  const digits = numeric.precision - Math.min(numeric.scale, 0);
  return digits <= SAFE_DIGITS && numeric.scale <= MAX_FIXED_DECIMALS
    ? numericCodec(numeric.scale)
    : textCodec;
}

function resolveDomain(type: PgType): PgType {
  return type.base === null ? type : resolveDomain(type.base);
}

/** Null for types of users and extensions: their names say nothing about how they print. */
function builtInName(type: PgType): string | null {
  return type.schema === "pg_catalog" ? type.name : null;
}
