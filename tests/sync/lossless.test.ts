import { defineTable } from "convex/server";
import { v, type Validator } from "convex/values";
import fc from "fast-check";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mirrored } from "../../src/package/convex.js";
import { decodeDocument } from "../../src/encode/encode-row.js";
import { planDocument, validatorSource } from "../../src/encode/plan-document.js";
import type { ColumnShape, EncodedDocument } from "../../src/model/encoding.js";
import { arrayLiteral } from "../../src/postgres/array-literal.js";
import { showKey } from "../../src/source/key-text.js";
import { arbitraryArray, arbitraryValue, unmirrorableJson } from "../support/arbitrary-values.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture } from "../support/mirror-fixture.js";
import { inspect, mirrorConfig } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { connectForReading } from "../support/read-texts.js";
import { createSampleTypes, hasArrayType, listArrays } from "../support/sample-types.js";
import { SAMPLES_BY_KIND } from "../support/sample-values.js";
import type { Samples } from "../support/samples.js";

/** What is inserted: the texts of all columns but the key, and the code with which the row has to be set aside. */
interface Row {
  texts: (string | null)[];
  refusal: string | null;
}

/** Where the source and this process may be. Each has clock changes at other times, or none. */
const ZONES = ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"];

/** Both sides of Berlin's and of New York's, as they have to be in Convex. */
const AROUND_A_CLOCK_CHANGE = [
  "2024-03-31T00:59:59.999999Z",
  "2024-03-31T01:00:00.000000Z",
  "2024-10-27T00:30:00.000000Z",
  "2024-10-27T01:30:00.000000Z",
  "2024-03-10T06:59:59.999999Z",
  "2024-03-10T07:00:00.000000Z",
  "2024-11-03T05:30:00.000000Z",
  "2024-11-03T06:30:00.000000Z",
];

/** Equal without printing the same: the order of keys and the zeros at a number's end are not part of a jsonb. */
const JSONB = /^(public\.)?(jsonb|documents?)(\[\])?$/;

describe.each(ALL_POSTGRES_VERSIONS)("invariant 7: rows of all types on PostgreSQL %i", (version) => {
  const zoneOfTests = process.env["TZ"];
  let db: MigratedDatabase;
  let reader: Sql;
  let mirror: MirrorFixture;
  let columns: ColumnShape[];
  let extremes: Row[];
  let arbitraryRow: fc.Arbitrary<Row>;

  beforeAll(async () => {
    db = await createMigratedDatabase({ version });
    reader = connectForReading(db);
    const { samples } = await createSampleTypes(db.sql, version);
    const typed = samples.flatMap(listColumns);
    // The last column holds, in one row of five, what no document of Convex can hold.
    const names = typed.map(({ type }, n) => `c${n} ${type}`);
    const ddl = `CREATE TABLE $t (id serial PRIMARY KEY, ${names.join(", ")}, odd json)`;
    const configured = { columns: { odd: { encoding: "json" as const } } };
    await db.sql.unsafe(ddl.replace("$t", "prototype"));
    columns = (await inspect(db.database, mirrorConfig("prototype", configured))).columns;
    const fields = columns.map((column) => [column.field, mirrored(evaluateValidator(column))] as const);
    mirror = await MirrorFixture.create(db, "all_types", {
      ddl,
      mirrors: [{ relation: "$t", ...configured }],
      schema: (table) => ({ [table]: defineTable(Object.fromEntries(fields)) }),
    });
    await mirror.migrate();

    const most = Math.max(...typed.map(({ texts }) => texts.length));
    extremes = Array.from({ length: most }, (_, n) => ({
      texts: [...typed.map(({ texts }) => texts[n % texts.length]!), null],
      refusal: null,
    }));
    arbitraryRow = fc
      .tuple(
        fc.option(unmirrorableJson, { freq: 4 }).map((odd) => odd && { odd }),
        fc.tuple(...typed.map(({ values }) => values)),
      )
      .map(([drawn, texts]) => ({
        texts: [...texts, drawn?.odd[0] ?? null],
        refusal: drawn?.odd[1] ?? null,
      }));
  });
  afterAll(async () => {
    await mirror.close();
    await reader.end();
    await db.drop();
  });

  /** Inserts rows, mirrors them, and expects each to come back from its document, or to be set aside as foretold. */
  async function expectMirrored(rows: readonly Row[]): Promise<void> {
    const inserted = await db.sql
      .unsafe<{ id: number }[]>(
        `SET standard_conforming_strings = on;
       INSERT INTO all_types VALUES ${rows.map(({ texts }) => `(DEFAULT, ${texts.map(quoteText).join(", ")})`).join(", ")}
       RETURNING id`,
      )
      .then((results) => (results as unknown as { id: number }[][])[1]!);
    const ids = inserted.map(({ id }) => id);
    const report = await mirror.runSync();
    expect(report.tables[0]!.error).toBeUndefined();

    const refused = new Map(
      (await setAside()).map(({ key, code }) => [Number(showKey(key, ["integer"])), code]),
    );
    expect(ids.map((id) => refused.get(id) ?? null)).toStrictEqual(rows.map(({ refusal }) => refusal));
    await expectEqual(ids.filter((id) => !refused.has(id)));
  }

  async function setAside(): Promise<{ key: string; code: string }[]> {
    return mirror.sql<{ key: string; code: string }[]>`
      SELECT key, code FROM datahub_sync.rejected_rows WHERE mirror = 'all_types'`;
  }

  /** The documents of these rows give back what Postgres prints of them; of others there is none. */
  async function expectEqual(ids: readonly number[]): Promise<void> {
    const names = columns.map(({ name }) => `"${name}"`).join(", ");
    const rows = await reader
      .unsafe(`SELECT ${names} FROM all_types WHERE id = ANY ('{${ids.join()}}') ORDER BY id`)
      .values();
    const documents = new Map(mirror.documents().map((document) => [document["id"], document]));
    const plan = planDocument(columns);
    const unlike: [column: ColumnShape, printed: string, decoded: string][] = [];
    for (const [index, id] of [...ids].sort((a, b) => a - b).entries()) {
      const decoded = decodeDocument(plan, documents.get(id) as unknown as EncodedDocument);
      for (const [at, printed] of (rows[index] as (string | null)[]).entries()) {
        if (decoded[at] === printed) continue;
        unlike.push([columns[at]!, String(printed), String(decoded[at])]);
      }
    }
    const notJsonb = unlike.filter(([column]) => !JSONB.test(column.type.display));
    expect(notJsonb.map(([column, ...texts]) => [column.type.display, ...texts])).toStrictEqual([]);
    for (const type of new Set(unlike.map(([column]) => column.type.display))) {
      const pairs = unlike.filter(([column]) => column.type.display === type);
      const different = await reader.unsafe(
        `SELECT printed, decoded FROM unnest($1::text::text[], $2::text::text[]) AS both_texts (printed, decoded)
          WHERE printed::${type} IS DISTINCT FROM decoded::${type}`,
        [
          arrayLiteral(pairs.map(([, printed]) => printed)),
          arrayLiteral(pairs.map(([, , decoded]) => decoded)),
        ],
      );
      expect([...different]).toStrictEqual([]);
    }
  }

  test("every extreme comes back from its document", async () => {
    await expectMirrored(extremes);
  });

  test("any row comes back from its document, or is set aside with the reason", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryRow, { minLength: 6, maxLength: 9 }), expectMirrored),
      { numRuns: 4, endOnFailure: true },
    );
  });

  test("wherever the source and the process are, no clock change moves a microsecond", async () => {
    const types = SAMPLES_BY_KIND["times"]!.filter(({ since = 0 }) => version >= since);
    const times = await MirrorFixture.create(db, "times", {
      ddl: `CREATE TABLE $t (id serial PRIMARY KEY, ${types.map(({ type }, n) => `c${n} ${type}[]`).join(", ")})`,
    });
    const name = new URL(db.url).pathname.slice(1);
    const offsets = new Set<number>();
    try {
      await times.migrate();
      const lists = types.map(({ texts }) => quoteText(arrayLiteral(texts)));
      await times.run(`INSERT INTO $t VALUES (DEFAULT, ${lists.join(", ")})`);
      await times.sync();
      const [before] = times.documents();
      expect(before).toMatchObject({ c3: expect.arrayContaining(AROUND_A_CLOCK_CHANGE) as string[] });
      for (const [n, zone] of ZONES.entries()) {
        setZone(zone);
        offsets.add(new Date(2024, 0, 1).getTimezoneOffset());
        await db.sql.unsafe(`ALTER DATABASE ${name} SET TimeZone = '${ZONES.at(n - 2)!}'`);
        const nothing = { inserted: 0, updated: 0, deleted: 0, rejected: 0 };
        expect(await times.sync("deep")).toMatchObject(nothing);
      }
    } finally {
      setZone(zoneOfTests);
      await times.close();
    }
    expect(offsets.size).toBe(ZONES.length); // the process was really there
  });
});

/** A type's column, and that of its arrays. */
function listColumns(
  sample: Samples,
): { type: string; texts: readonly string[]; values: fc.Arbitrary<string | null> }[] {
  const own = { type: sample.type, texts: sample.texts, values: arbitraryValue(sample) };
  if (!hasArrayType(sample)) return [own];
  const type = `${sample.type}[]`;
  return [own, { type, texts: listArrays(sample, sample.texts), values: arbitraryArray(sample) }];
}

/** The validator that the documentation and SCHEMA_LAGS tell people to paste. */
function evaluateValidator(column: ColumnShape): Validator<unknown, "required", string> {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- our own source text
  return new Function("v", `return ${validatorSource(column)}`)(v) as Validator<unknown, "required", string>;
}

function quoteText(text: string | null): string {
  return text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;
}

/** Node reads the variable anew whenever it is set. */
function setZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
}
