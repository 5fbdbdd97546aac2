import fc from "fast-check";
import { nastyJson } from "./nasty-json.js";
import { listArrays, quoteElement } from "./sample-types.js";
import type { Samples } from "./samples.js";

/** Texts that a type's input function takes: its extremes, whatever else can be generated, and NULL. */
export function arbitraryValue(sample: Samples): fc.Arbitrary<string | null> {
  const text = arbitraryText(sample);
  return sample.notNull ? text : fc.option(text, { freq: 8 });
}

/** Arrays of such texts, as literals. */
export function arbitraryArray(sample: Samples): fc.Arbitrary<string | null> {
  const arrays = fc
    .array(arbitraryText(sample), { minLength: 1, maxLength: 4 })
    .chain((elements) => fc.constantFrom(...listArrays(sample, elements)));
  return fc.option(arrays, { freq: 8 });
}

/** Documents that no document of Convex can hold, with the code of the refusal. */
export const unmirrorableJson = fc.constantFrom<[text: string, code: string]>(
  [`${"[".repeat(16)}${"]".repeat(16)}`, "TOO_DEEP"],
  [`{"a": ${"[".repeat(40)}12345678901234567890${"]".repeat(40)}}`, "TOO_DEEP"],
  [`{${Array.from({ length: 1025 }, (_, n) => `"k${n}": ${n}`).join()}}`, "TOO_MANY_FIELDS"],
  [`[${Array.from({ length: 8193 }, (_, n) => n % 7).join()}]`, "TOO_MANY_ELEMENTS"],
  ['{"a": ["\\ud800"]}', "INVALID_UNICODE"],
  ['{"\\udfff": 1}', "INVALID_UNICODE"],
);

function arbitraryText({ type, texts }: Samples): fc.Arbitrary<string> {
  const samples = fc.constantFrom(...texts);
  const generated = GENERATORS[type];
  return generated === undefined ? samples : fc.oneof(samples, generated);
}

/** Postgres holds no NUL character. */
const text = fc.string({ unit: "binary" }).map((any) => any.replaceAll("\0", "\u0001"));
const digits = (least: number, most: number) => fc.stringMatching(new RegExp(`^[0-9]{${least},${most}}$`));
const integer = (bits: bigint) =>
  fc.bigInt({ min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }).map(String);
const jsonb = nastyJson.map((any) => any.replaceAll("\\u0000", "\\u0001"));

const time = fc
  .integer({ min: 0, max: 86_399 })
  .chain((second) => digits(0, 6).map((fraction) => `${printTime(second)}${fraction && `.${fraction}`}`));
const date = fc
  .tuple(
    fc.integer({ min: -4712, max: 294_275 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 28 }),
  )
  .map(([year, month, day]) => ({
    day: `${pad(year > 0 ? year : 1 - year, 4)}-${pad(month, 2)}-${pad(day, 2)}`,
    era: year > 0 ? "" : " BC",
  }));
const timestamp = fc.tuple(date, time).map(([{ day, era }, time]) => `${day} ${time}${era}`);
const timestamptz = fc
  .tuple(date, time, fc.integer({ min: -12, max: 13 }))
  .map(
    ([{ day, era }, time, hours]) =>
      `${day} ${time}${hours < 0 ? "-" : "+"}${pad(Math.abs(hours), 2)}:30${era}`,
  );
const interval = fc
  .tuple(...[12_000, 11, 40_000, 10 ** 9].map((most) => fc.integer({ min: -most, max: most })))
  .map(
    ([years, months, days, microseconds]) => `${years} years ${months} mons ${days} days ${microseconds} us`,
  );

const composite = fc
  .tuple(fc.option(integer(32n)), fc.option(text), fc.option(timestamptz), fc.option(fc.double().map(String)))
  .map((fields) => `(${fields.map((field) => (field === null ? "" : quoteField(field))).join()})`);
const ordered = fc
  .tuple(integer(31n), integer(31n))
  .map(([a, b]) => (Number(a) < Number(b) ? [a, b] : [b, a]));
const integerRange = ordered.map(([lower, upper]) => `[${lower},${upper}]`);
const openRange = (bound: fc.Arbitrary<string>) =>
  fc
    .tuple(bound, fc.constantFrom("[<,)", "(<,)", "(,<)", "(,<]"))
    .map(([at, form]) => form.replace("<", `"${at}"`));

const GENERATORS: Record<string, fc.Arbitrary<string>> = {
  smallint: integer(16n),
  integer: integer(32n),
  bigint: integer(64n),
  oid: fc.nat().map(String),
  real: fc.float().map(String),
  "double precision": fc.double().map(String),
  numeric: fc.tuple(fc.bigInt(), digits(0, 30)).map(([whole, fraction]) => `${whole}.${fraction}`),
  "numeric(10,8)": fc.tuple(digits(1, 2), digits(0, 8)).map(([whole, fraction]) => `-${whole}.${fraction}`),
  "numeric(15,0)": digits(1, 15),
  "numeric(16,2)": fc.tuple(digits(1, 14), digits(0, 2)).map(([whole, fraction]) => `${whole}.${fraction}`),
  text,
  citext: text,
  textrange: openRange(text.map((any) => any.replace(/["\\]/g, "\\$&"))),
  "varchar(20)": fc.string({ unit: "binary", maxLength: 20 }).map((any) => any.replaceAll("\0", "")),
  "char(5)": fc.string({ unit: "grapheme-ascii", maxLength: 5 }),
  bytea: fc.uint8Array().map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
  "bit varying": fc.stringMatching(/^[01]*$/),
  uuid: fc.uuid(),
  date: date.map(({ day, era }) => `${day}${era}`),
  timestamp,
  "timestamp(0)": timestamp,
  timestamptz,
  "timestamptz(3)": timestamptz,
  moment: timestamptz,
  time,
  interval,
  json: nastyJson,
  jsonb,
  document: jsonb,
  inet: fc.oneof(
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`),
  ),
  point: fc.tuple(fc.double(), fc.double()).map(([x, y]) => `(${x},${y})`),
  int4range: integerRange,
  int8range: integerRange,
  numrange: integerRange,
  int4multirange: fc.array(integerRange, { maxLength: 4 }).map((ranges) => `{${ranges.join()}}`),
  tstzrange: openRange(timestamptz),
  tsrange: openRange(timestamp),
  pair: composite,
  score: fc.tuple(digits(1, 2), digits(0, 2)).map(([whole, fraction]) => `-${whole}.${fraction}`),
  required: integer(64n),
  labels: fc.array(text, { minLength: 1 }).map((items) => `{${items.map(quoteElement).join()}}`),
  hstore: fc.dictionary(text, text).map((pairs) =>
    Object.entries(pairs)
      .map((pair) => pair.map(quoteElement).join("=>"))
      .join(),
  ),
};

function quoteField(field: string): string {
  return `"${field.replace(/["\\]/g, "$&$&")}"`;
}

function printTime(second: number): string {
  return [second / 3600, (second / 60) % 60, second % 60].map((part) => pad(Math.floor(part), 2)).join(":");
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
