import type postgres from "postgres";

type Sql = postgres.Sql;
type Query = postgres.PendingQuery<postgres.Row[]> & { parameters?: (string | null)[] };

/**
 * The driver's client, with one round trip a statement. Without named prepared statements, which a pooler in
 * transaction mode cannot keep, postgres.js asks the server to describe each statement that has parameters and waits
 * for the answer before it binds them: two trips. The description would tell the parameters' types, which our statements
 * say themselves. So the parameters are put into a query that seems to have none, as texts.
 *
 * It rests on how postgres.js 3 builds a query (`q.parameters = q.parameters || parameters` in connection.js); the
 * lockfile pins the version, and a test counts the trips.
 */
export function inOneTrip(client: Sql): Sql {
  const unsafe = (text: string, parameters: readonly unknown[] = []) => {
    // The driver's own option, which its types lack. A statement of the simple protocol takes no parameters.
    const options: postgres.UnsafeQueryOptions & { simple: boolean } = { simple: parameters.length === 0 };
    const query: Query = client.unsafe(text, [], options);
    // An array that is there already is taken, and nothing is described.
    if (parameters.length > 0) query.parameters = parameters.map(toText);
    return query;
  };
  return new Proxy(client, {
    get: (target, name) => (name === "unsafe" ? unsafe : (Reflect.get(target, name) as unknown)),
  });
}

/** As Postgres reads it. Lists and objects have no text of their own here: who passes them, prints them. */
function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  throw new TypeError(`A parameter of a statement is a ${typeof value}: pass it as a text.`);
}
