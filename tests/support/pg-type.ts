import type { PgType } from "../../src/model/encoding.js";

/** A built-in type as the catalog describes it, for tests that need no database. */
export function pgType(name: string, overrides: Partial<PgType> = {}): PgType {
  return {
    oid: 0,
    schema: "pg_catalog",
    name,
    display: name,
    kind: "base",
    numeric: null,
    element: null,
    delimiter: ",",
    base: null,
    subtype: null,
    attributes: null,
    labels: null,
    ...overrides,
  };
}

export function numericType(precision: number, scale: number): PgType {
  return pgType("numeric", { display: `numeric(${precision},${scale})`, numeric: { precision, scale } });
}

export function arrayOf(element: PgType): PgType {
  return pgType(`_${element.name}`, {
    schema: element.schema,
    display: `${element.display}[]`,
    element,
    delimiter: element.delimiter,
  });
}

export function domainOver(base: PgType): PgType {
  return pgType("a_domain", { schema: "public", kind: "domain", base });
}
