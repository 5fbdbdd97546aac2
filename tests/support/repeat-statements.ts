import { Database, type Sql } from "../../src/postgres/database.js";

/**
 * Has statements carried out twice while `work` goes on, as where the first answer is lost with its connection and the
 * statement is tried again. May stand around `watchRun`.
 * @param which by what the statement is for, as in "taking the lease"; all of them by default
 * @returns what was repeated, in order
 */
export async function repeatStatements(
  work: () => Promise<unknown>,
  which: (doing: string) => boolean = () => true,
): Promise<string[]> {
  const repeated: string[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` below
  const execute = Database.prototype.execute;
  // No spy: `watchRun` would replace what it does, and call itself.
  Database.prototype.execute = function <T>(this: Database, doing: string, use: (sql: Sql) => Promise<T>) {
    if (!which(doing)) return execute.call(this, doing, use) as Promise<T>;
    repeated.push(doing);
    return execute.call(this, doing, async (sql) => {
      await use(sql);
      return use(sql);
    }) as Promise<T>;
  };
  try {
    await work();
  } finally {
    Database.prototype.execute = execute;
  }
  return repeated;
}
