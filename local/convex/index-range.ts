import { jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { IndexKey, KeyRange } from "./order.js";
import { BY_CREATION_TIME, BY_ID, type IndexDefinition } from "./schema.js";
import type { Table } from "./table.js";
import { WHOLE_INDEX } from "./order.js";

export type Order = "asc" | "desc";

/** A query as `convex/server` hands it over. */
export interface QueryJson {
  source:
    | { type: "FullTableScan"; tableName: string; order: Order | null }
    | { type: "IndexRange"; indexName: string; range: RangeExpression[]; order: Order | null }
    | { type: "Search"; indexName: string };
  operators: ({ filter: JSONValue } | { limit: number })[];
}

interface RangeExpression {
  type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte";
  fieldPath: string;
  value: JSONValue;
}

/** What to read: a range of an index of a table, in an order. */
export interface Scan {
  tableName: string;
  index: IndexDefinition;
  range: KeyRange;
  order: Order;
}

export function planScan(source: QueryJson["source"], tableNamed: (name: string) => Table | undefined): Scan {
  if (source.type === "Search") {
    throw new Error("The local deployment does not support search indexes");
  }
  const order = source.order ?? "asc";
  if (source.type === "FullTableScan") {
    return { tableName: source.tableName, index: BY_CREATION_TIME, range: WHOLE_INDEX, order };
  }
  const dot = source.indexName.indexOf(".");
  const tableName = source.indexName.slice(0, dot);
  const index = findIndex(tableNamed(tableName), source.indexName.slice(dot + 1));
  if (index === undefined) throw new Error(`Index ${source.indexName} not found.`);
  return { tableName, index, range: toKeyRange(source.indexName, index, source.range), order };
}

function findIndex(table: Table | undefined, name: string): IndexDefinition | undefined {
  if (name === BY_ID.name) return BY_ID;
  if (name === BY_CREATION_TIME.name) return BY_CREATION_TIME;
  return table?.index(name);
}

/** Equalities on the first fields, then at most one lower and one upper bound on the next. */
function toKeyRange(name: string, index: IndexDefinition, expressions: RangeExpression[]): KeyRange {
  const invalid = (why: string) => new Error(`Tried to query index ${name} but the query is invalid: ${why}`);
  const equal: (Value | undefined)[] = [];
  let lower: IndexKey | null = null;
  let upper: IndexKey | null = null;
  for (const { type, fieldPath, value } of expressions) {
    const field = index.fields[equal.length];
    if (fieldPath !== field) {
      throw invalid(`it uses field ${fieldPath} where the index has ${field ?? "no more fields"}`);
    }
    const decoded = toIndexed(value);
    if (type === "Eq") {
      if (lower || upper) throw invalid(`an equality on ${fieldPath} must come before the inequalities`);
      equal.push(decoded);
      continue;
    }
    const values = [...equal, decoded];
    if (type === "Gt" || type === "Gte") {
      if (lower) throw invalid(`${fieldPath} has two lower bounds`);
      lower = { values, edge: type === "Gt" ? 1 : -1 };
    } else {
      if (upper) throw invalid(`${fieldPath} has two upper bounds`);
      upper = { values, edge: type === "Lt" ? -1 : 1 };
    }
  }
  return { lower: lower ?? { values: equal, edge: -1 }, upper: upper ?? { values: equal, edge: 1 } };
}

/** `undefined` stands for a missing field, and is written so in ranges and filters. */
export function toIndexed(json: JSONValue): Value | undefined {
  const missing = typeof json === "object" && json !== null && !Array.isArray(json) && "$undefined" in json;
  return missing ? undefined : jsonToConvex(json);
}
