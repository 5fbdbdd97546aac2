import { vi } from "vitest";
import { Database, type Sql } from "../../src/postgres/database.js";

export interface SentStatement {
  statement: string;
  parameters: string[];
}

/** The statements that `sql.unsafe` is given while `work` goes on. */
export async function spyOnStatements(work: () => Promise<unknown>): Promise<SentStatement[]> {
  const sent: SentStatement[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` below
  const execute = Database.prototype.execute;
  const spy = vi.spyOn(Database.prototype, "execute").mockImplementation(function (
    this: Database,
    doing: string,
    use: (sql: Sql) => Promise<unknown>,
  ) {
    return execute.call(this, doing, (sql) => {
      const watched = new Proxy(sql, {
        get(target, name) {
          if (name !== "unsafe") return Reflect.get(target, name) as unknown;
          return (statement: string, parameters: string[] = []) => {
            sent.push({ statement, parameters });
            return target.unsafe(statement, parameters);
          };
        },
      });
      return use(watched);
    });
  } as never);
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return sent;
}
