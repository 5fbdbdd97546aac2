import postgres from "postgres";

/**
 * The driver's own types, and `numeric` as a number. As most scripts do it: a timestamp becomes a Date, which keeps
 * milliseconds of the source's microseconds.
 */
export function connect(url: string): postgres.Sql<{ numeric: number }> {
  return postgres(url, {
    max: 1,
    types: { numeric: { to: 1700, from: [1700], serialize: String, parse: Number } },
  });
}

/** A row of the driver as a document of Convex. */
export function toDocument(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]),
  );
}
