import { v, type Validator } from "convex/values";
import type { Random } from "../local/data/random.js";
import type { Reading } from "../local/oracle/value-reading.js";
import {
  MOODS,
  WORDS,
  FLOATS,
  makeText,
  digits,
  makeInteger,
  makeBigint,
  makeNumeric,
  makeDate,
  makeTime,
  makeTimestamp,
  makeMoment,
  makeBytes,
  makeArray,
  makeJson,
  makePair,
  type Making,
} from "./random-values.js";

/** A type of column: its values as texts that Postgres's input function takes. */
export interface ColumnKind {
  sqlType: string;
  reading: Reading;
  validator: Validator<unknown, "required", string>;
  make(making: Making): string;
}

/** Created in every database. */
export const TYPES_DDL = `
  CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s "ok", {ok}', 'größer 😀');
  CREATE TYPE pair AS (number int, words text, at timestamptz);
  CREATE DOMAIN score AS numeric(6,2);
  CREATE DOMAIN labels AS text[];
  CREATE COLLATION "any case" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
`;

const string = v.string();
const list = v.union(v.string(), v.array(v.any()));

function kind(
  sqlType: string,
  reading: Reading,
  validator: Validator<unknown, "required", string>,
  make: (random: Random, making: Making) => string,
): ColumnKind {
  return { sqlType, reading, validator, make: (making) => make(making.random, making) };
}

/** Columns of rows: one type of each way of encoding, and those that are easily got wrong. */
export const COLUMN_KINDS: readonly ColumnKind[] = [
  kind("smallint", "decimal", v.number(), (random) => makeInteger(random, 16)),
  kind("integer", "decimal", v.number(), (random) => makeInteger(random, 32)),
  kind("bigint", "int64", v.int64(), makeBigint),
  kind("real", "number", v.number(), (random) =>
    random.chance(0.5) ? random.pick(FLOATS) : `${digits(random, 4)}.${digits(random, 3)}`,
  ),
  kind("double precision", "number", v.number(), (random) =>
    random.chance(0.5) ? random.pick(FLOATS) : `${digits(random, 9)}.${digits(random, 9)}`,
  ),
  kind("numeric", "string", string, makeNumeric),
  kind(
    "numeric(10,8)",
    "decimal",
    v.number(),
    (random) => `${random.chance(0.5) ? "-" : ""}${digits(random, 2)}.${digits(random, 8)}`,
  ),
  kind("score", "decimal", v.number(), (random) => `${digits(random, 4)}.${digits(random, 2)}`),
  kind("boolean", "boolean", v.boolean(), (random) => random.pick(["t", "f"])),
  kind("text", "string", string, makeText),
  kind("varchar(40)", "string", string, (random) => random.pick(WORDS)),
  kind("char(5)", "string", string, (random) => random.pick(["ab", "", "ünï", "abcde"])),
  kind("uuid", "string", string, (random) => random.uuid()),
  kind("mood", "string", string, (random) => random.pick(MOODS)),
  kind("date", "date", string, makeDate),
  kind("timestamp", "timestamp", string, makeTimestamp),
  kind("timestamptz", "timestamptz", string, makeMoment),
  kind("time", "string", string, makeTime),
  kind("interval", "string", string, (random) =>
    random.pick(["1 day", "24:00", "1 mon -3 days 04:05:06.7", "-1 year", "0"]),
  ),
  kind("bytea", "bytes", v.bytes(), makeBytes),
  kind("bit varying", "string", string, (random) => random.pick(["", "1", "0101"])),
  kind("jsonb", "jsonb", v.any(), makeJson),
  kind("jsonb", "jsonb", v.any(), makeJson),
  kind("json", "string", string, (random, making) => ` ${makeJson(random, making)} `),
  kind("inet", "string", string, (random) =>
    random.pick(["10.0.0.1", "10.0.0.1/8", "::1", "::ffff:1.2.3.4/128"]),
  ),
  kind("tsvector", "string", string, (random) => random.pick(["a:1A,2 'it''s':3", "", "b"])),
  kind("point", "string", string, (random) => random.pick(["(1,-0)", "(NaN,1e300)", "(0.1,Infinity)"])),
  kind("int4range", "string", string, (random) => random.pick(["empty", "[1,5]", "(,)", "(,7)"])),
  kind("nummultirange", "string", string, (random) => random.pick(["{}", "{[1.0,2.50),(3,)}"])),
  kind("pair", "string", string, makePair),
  kind(
    "integer[]",
    { arrayOf: "number" },
    list,
    makeArray((random) => makeInteger(random, 32)),
  ),
  kind("bigint[]", { arrayOf: "int64" }, list, makeArray(makeBigint)),
  kind(
    "double precision[]",
    { arrayOf: "number" },
    list,
    makeArray((random) => random.pick(FLOATS)),
  ),
  kind("text[]", { arrayOf: "string" }, list, makeArray(makeText)),
  kind("labels", { arrayOf: "string" }, list, makeArray(makeText)),
  kind("bytea[]", { arrayOf: "bytes" }, list, makeArray(makeBytes)),
  kind("timestamptz[]", { arrayOf: "timestamptz" }, list, makeArray(makeMoment)),
  kind(
    "mood[]",
    { arrayOf: "string" },
    list,
    makeArray((random) => random.pick(MOODS)),
  ),
  kind("pair[]", { arrayOf: "string" }, list, makeArray(makePair)),
  kind("jsonb[]", { arrayOf: "jsonb" }, list, makeArray(makeJson)),
];

/** Collations that order texts otherwise than their bytes, or say that they might. */
export const OTHER_ORDERS = ["en-x-icu", "de-x-icu", "C.utf8"] as const;

/** Columns of keys: texts that differ where SQL says equal (1.0 and 1.00), and every order that is not the bytes'. */
export const KEY_KINDS: readonly ColumnKind[] = [
  kind("uuid", "string", string, (random) => random.uuid()),
  kind("integer", "decimal", v.number(), (random) => String(random.integer(-500, 500))),
  kind("bigint", "int64", v.int64(), makeBigint),
  kind("text", "string", string, (random) => `${random.pick(WORDS)}${random.integer(0, 200)}`),
  kind(
    "varchar(60)",
    "string",
    string,
    (random) => `${random.pick(WORDS)}${random.pick(WORDS)}${random.integer(0, 9)}`,
  ),
  kind(
    "numeric",
    "string",
    string,
    (random) => `${random.integer(-99, 99)}${random.pick(["", ".0", ".00", ".5", ".50"])}`,
  ),
  kind("timestamptz", "timestamptz", string, makeMoment),
  kind("date", "date", string, makeDate),
  kind("bytea", "bytes", v.bytes(), (random) => makeBytes(random, { random, planted: "" })),
  kind("double precision", "number", v.number(), (random) =>
    random.pick([...FLOATS, digits(random, 3), `${digits(random, 3)}.5`]),
  ),
  kind("interval", "string", string, (random) =>
    random.pick(["1 day", "24:00", "1 mon", "30 days", `${random.integer(0, 200)} hours`]),
  ),
  kind("mood", "string", string, (random) => random.pick(MOODS)),
  ...["C", ...OTHER_ORDERS].map((collation) =>
    kind(
      `text COLLATE "${collation}"`,
      "string",
      string,
      (random) =>
        `${random.pick(WORDS)}${random.pick(["a", "A", "ä", "Z", "z", "-", "_", "\u{1F600}", "\u{E000}"])}${random.integer(0, 99)}`,
    ),
  ),
  kind(
    'text COLLATE "any case"',
    "string",
    string,
    (random) => `${random.pick(["a", "A", "é", "E\u0301", "ß"])}${random.integer(0, 40)}`,
  ),
];
