import type postgres from "postgres";
import { inOneTrip } from "./one-trip.js";

type Sql = postgres.Sql;
type Rows = postgres.Row[] & Iterable<postgres.Row>;

/** A query that has not been sent yet, as far as ours are used. */
interface Pending extends PromiseLike<Rows> {
  values(): Promise<unknown[][]>;
  catch<T>(onRejected: (error: unknown) => T | PromiseLike<T>): Promise<Rows | T>;
}

/**
 * The driver's client, with each statement in a READ ONLY transaction of its own: that nothing is written is held by
 * Postgres. Not by a setting of the session, which a pooler would hand on to somebody else, nor by a startup parameter,
 * which a pooler refuses. It costs two round trips more a statement. The driver can end the process when a backend dies
 * inside `begin`; whoever only reads loses nothing by that.
 */
export function readingOnly(client: Sql): Sql {
  const unsafe = (text: string, parameters: readonly unknown[] = []): Pending => {
    const send = <T>(use: (query: postgres.PendingQuery<postgres.Row[]>) => Promise<T>): Promise<T> =>
      client.begin("READ ONLY", (transaction) =>
        use(inOneTrip(transaction as unknown as Sql).unsafe(text, parameters as never[])),
      ) as Promise<T>;
    const rows = () => send<Rows>((query) => query);
    return {
      then: (onFulfilled, onRejected) => rows().then(onFulfilled, onRejected),
      catch: (onRejected) => rows().catch(onRejected),
      values: () => send<unknown[][]>((query) => query.values()),
    };
  };
  return new Proxy(client, {
    get: (target, name) => (name === "unsafe" ? unsafe : (Reflect.get(target, name) as unknown)),
  });
}
