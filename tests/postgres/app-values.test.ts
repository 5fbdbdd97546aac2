import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decodeArray,
  decodeComposite,
  decodeMultirange,
  decodeRange,
  toDate,
  toMicroseconds,
} from "../../src/package/values.js";
import { readTypes } from "../support/read-types.js";
import { passThroughConvex } from "../support/encoding.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { POSTGRES_VERSION } from "../support/postgres.js";
import { connectForReading } from "../support/read-texts.js";
import { createSampleTypes, hasArrayType, listArrays } from "../support/sample-types.js";
import type { Samples } from "../support/samples.js";

/** What apps read of mirrored values, against what Postgres says of the same values itself. */
describe("datahub-sync/values", () => {
  let database: MigratedDatabase;
  let sql: Sql;
  let samples: Samples[];

  beforeAll(async () => {
    database = await createMigratedDatabase();
    samples = (await createSampleTypes(database.sql, POSTGRES_VERSION)).samples;
    sql = connectForReading(database);
  });
  afterAll(async () => {
    await sql.end();
    await database.drop();
  });

  /** Samples of a type: what Postgres answers to questions about each, and the mirrored value. */
  async function ask(
    type: string,
    texts: readonly string[],
    questions: readonly string[],
  ): Promise<{ value: string; answers: (string | null)[] }[]> {
    const [column] = await sql.unsafe<{ oid: string }[]>(`SELECT '${type}'::regtype::oid AS oid`);
    const resolveType = await readTypes(database.sql, [column!.oid]);
    const pgType = resolveType({ oid: column!.oid, typmod: -1 }, type);
    const values = texts.map((text) => `('${text.replaceAll("'", "''")}'::${type})`);
    const rows = await sql
      .unsafe(`SELECT value, ${questions.join(", ")} FROM (VALUES ${values.join(", ")}) AS v (value)`)
      .values();
    return (rows as (string | null)[][]).map(([printed, ...answers]) => ({
      value: passThroughConvex(pgType, printed!).value as string,
      answers,
    }));
  }

  it.each(["date", "timestamp", "timestamptz"])("the instant of a %s", async (type) => {
    const texts = samples.filter((sample) => sample.type === type).flatMap((sample) => sample.texts);
    // Whole seconds and the rest apart: Postgres rounds them together in the last years that it has.
    const seconds =
      type === "date"
        ? "(value - date '1970-01-01') * 86400::bigint"
        : "extract(epoch FROM date_trunc('second', value))";
    const whole = `CASE WHEN isfinite(value) THEN trunc(${seconds})::text END`;
    const fraction = type === "date" ? "'0'" : "to_char(value, 'US')";
    for (const { value, answers } of await ask(type, texts, [whole, fraction])) {
      if (answers[0] === null) {
        expect(() => toMicroseconds(value)).toThrow(RangeError);
        continue;
      }
      const microseconds = BigInt(answers[0]!) * 1_000_000n + BigInt(answers[1]!);
      expect([value, toMicroseconds(value)]).toStrictEqual([value, microseconds]);
      const milliseconds = Math.floor(Number(microseconds) / 1_000);
      if (Math.abs(milliseconds) <= 8.64e15) expect(toDate(value).getTime()).toBe(milliseconds);
    }
  });

  const ranges = ["int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"];
  it.each([...ranges, "floatrange", "textrange"])("the bounds of a %s", async (type) => {
    const { texts } = samples.find((sample) => sample.type === type)!;
    const questions = [
      "lower(value)",
      "upper(value)",
      "lower_inc(value)",
      "upper_inc(value)",
      "isempty(value)",
    ];
    for (const { value, answers } of await ask(type, texts, questions)) {
      const [lower, upper, lowerInclusive, upperInclusive, empty] = answers;
      const expected = {
        lower,
        upper,
        lowerInclusive: lowerInclusive === "t",
        upperInclusive: upperInclusive === "t",
      };
      expect(decodeRange(value)).toStrictEqual(empty === "t" ? "empty" : expected);
    }
  });

  it.each(["int4multirange", "nummultirange", "tsmultirange", "floatmultirange", "texts"])(
    "the ranges of a %s",
    async (type) => {
      const { texts } = samples.find((sample) => sample.type === type)!;
      const questions = ["ARRAY(SELECT r::text FROM unnest(value) r)::text"];
      for (const { value, answers } of await ask(type, texts, questions)) {
        const expected = decodeArray(answers[0]!).items.map((range) => decodeRange(range as string));
        expect(decodeMultirange(value)).toStrictEqual(expected);
      }
    },
  );

  it("the fields of a composite", async () => {
    for (const [type, fields] of [
      ["pair", ["a", "b", "c", "d"]],
      ["nest", ["pair", "texts", "document", "raw", "moods"]],
    ] as const) {
      const { texts } = samples.find((sample) => sample.type === type)!;
      for (const { value, answers } of await ask(
        type,
        texts,
        fields.map((field) => `(value).${field}`),
      )) {
        expect(decodeComposite(value)).toStrictEqual(answers);
      }
    }
  });

  it("the elements and the bounds of arrays of every type", async () => {
    let literals = 0;
    for (const sample of samples.filter(hasArrayType)) {
      const delimiter = sample.type === "box" ? ";" : ",";
      const questions = [
        "ARRAY(SELECT array_lower(value, n) FROM generate_series(1, array_ndims(value)) n)::text",
        "(SELECT array_agg(e) FROM unnest(value) e)::text",
      ];
      // These unnest and array_agg open as they do dimensions.
      if (/domain|composite/.test(sample.note ?? "") || /^(int2|oid)vector$/.test(sample.type)) continue;
      const elements = listArrays(sample, sample.texts.slice(0, 3));
      for (const { value, answers } of await ask(
        `${sample.type.replace(/\(.*\)/, "")}[]`,
        elements,
        questions,
      )) {
        if (typeof value !== "string") continue;
        literals++;
        const { lowerBounds, items } = decodeArray(value, delimiter);
        expect(lowerBounds).toStrictEqual(decodeArray(answers[0]!).items.map(Number));
        expect(items.flat(6)).toStrictEqual(decodeArray(answers[1]!, delimiter).items);
      }
    }
    expect(literals).toBeGreaterThan(100);
  });
});
