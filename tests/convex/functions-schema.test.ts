import { getTableColumns, getTableName, is } from "drizzle-orm";
import { PgTable, type PgColumn } from "drizzle-orm/pg-core";
import type { GenericValidator } from "convex/values";
import { validate } from "convex-helpers/validators";
import { describe, expect, it } from "vitest";
import { datahubSyncTables } from "../../convex/datahubSync/ledger.js";
import { defaultMirrorTables } from "../../convex/defaultMirrorTables.js";
import * as source from "../../drizzle/source.js";

const sourceTables = new Map<string, PgColumn[]>(
  Object.values(source)
    .filter((value) => is(value, PgTable))
    .map((table) => [getTableName(table), Object.values(getTableColumns(table))]),
);
const mirrors = Object.entries(defaultMirrorTables).map(([name, table]) => ({
  name,
  fields: table.validator.fields as Record<string, GenericValidator>,
  indexes: table[" indexes"](),
}));

/** One value of each kind that Convex knows. */
const SAMPLES = {
  string: "x",
  number: 1,
  bigint: 1n,
  boolean: true,
  bytes: new ArrayBuffer(1),
  array: [],
  object: {},
};

/** What the encoder makes of the column, by default (src/encode). */
function expectedKinds(column: PgColumn): string[] {
  const type = column.getSQLType();
  if (/^(uuid|text|varchar|date|timestamp)\b/.test(type)) return ["string"];
  if (type === "integer") return ["number"];
  const precision = /^numeric\((\d+),/.exec(type)?.[1];
  if (precision !== undefined) return [Number(precision) <= 15 ? "number" : "string"];
  if (type === "boolean") return ["boolean"];
  if (type === "jsonb") return Object.keys(SAMPLES);
  throw new Error(`no rule for ${type}`);
}

it("mirrors the seven source tables", () => {
  expect(mirrors.map(({ name }) => name).sort()).toEqual([...sourceTables.keys()].sort());
  expect(mirrors).toHaveLength(7);
});

describe.each(mirrors)("$name", ({ name, fields, indexes }) => {
  const columns = sourceTables.get(name)!;

  it("has a field for every column but the ignored one", () => {
    const names = columns.map((column) => column.name);
    expect(Object.keys(fields).sort()).toEqual(names.filter((column) => column !== "sync_timestamp").sort());
  });

  it("takes of each column what the encoder sends for its type, null, or nothing; and nothing else", () => {
    for (const column of columns) {
      const field = fields[column.name];
      if (field === undefined) continue;
      const taken = Object.entries(SAMPLES).filter(([, sample]) => validate(field, sample));
      expect([column.name, taken.map(([kind]) => kind)]).toEqual([column.name, expectedKinds(column)]);
      expect(validate(field, null)).toBe(true);
      expect(field.isOptional).toBe("optional");
    }
  });

  it("pays for one index: the key that apps look up", () => {
    expect(indexes.map(({ fields }) => fields.length)).toEqual([1]);
    const [field] = indexes[0]!.fields;
    expect(field).toMatch(/_number$|_id$/);
    expect(indexes[0]!.indexDescriptor).toBe(`by_${field}`);
  });
});

it("names the sync's own tables so that an app is unlikely to have them", () => {
  for (const name of Object.keys(datahubSyncTables)) expect(name).toMatch(/^datahubSync[A-Z]/);
});
