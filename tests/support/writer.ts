import postgres from "postgres";

/** A table that a writer writes to. The names of columns are the ones that no change of the table takes away. */
export interface WrittenTable {
  name: string;
  /** The column of the key. Whole numbers as text, so that it may have any type that reads those. */
  key: string;
  /** A column that its writer gives whole numbers. */
  value: string;
}

/** A statement that failed, and whether our tracking had a part in it. */
export interface FailedWrite {
  table: string;
  statement: string;
  code: string;
  ofTracking: boolean;
}

/** Of n, so that each round is another: every kind of write, no-ops and changed keys among them. */
const WRITES: ((table: WrittenTable, n: number) => string)[] = [
  ({ name, key, value }, n) => `INSERT INTO ${name} (${key}, ${value}) VALUES ('${1000 + n}', '${n}')`,
  ({ name, key, value }, n) => `UPDATE ${name} SET ${value} = '${n}' WHERE ${key} = '${(n % 10) + 1}'`,
  ({ name, key, value }) => `UPDATE ${name} SET ${value} = ${value}, ${key} = ${key}`,
  ({ name, key }, n) => `UPDATE ${name} SET ${key} = '${2000 + n}' WHERE ${key} = '${1000 + n}'`,
  ({ name, key, value }, n) =>
    `INSERT INTO ${name} (${key}, ${value}) VALUES ('${(n % 10) + 1}', '${n}')
     ON CONFLICT (${key}) DO UPDATE SET ${value} = excluded.${value}`,
  ({ name, key }, n) => `DELETE FROM ${name} WHERE ${key} = '${1990 + n}'`,
];

/**
 * Writes to tables in a session of its own, one statement after the other, until it is stopped. A statement that fails
 * is noted and no end: that a table is gone for a moment is its owner's doing, that tracking raised an error is ours.
 */
export class Writer {
  readonly failures: FailedWrite[] = [];
  readonly #sql: postgres.Sql;
  readonly #tables: readonly WrittenTable[];
  #stopping = false;
  #rounds = 0;
  #waiting: { until: number; resolve: () => void }[] = [];
  readonly #done: Promise<void>;

  constructor(url: string, tables: readonly WrittenTable[]) {
    this.#sql = postgres(url, { max: 1, onnotice: () => {} });
    this.#tables = tables;
    this.#done = this.#write();
  }

  /** Resolves when every table has had all kinds of writes at least once more, from beginning to end. */
  async round(): Promise<void> {
    const until = this.#rounds + 1; // the round that goes on may have passed a table
    await new Promise<void>((resolve) => this.#waiting.push({ until, resolve }));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
    await this.#sql.end();
  }

  async #write(): Promise<void> {
    while (!this.#stopping) {
      this.#rounds += 1;
      for (const table of this.#tables) {
        for (const write of WRITES) await this.#run(table, write(table, this.#rounds));
      }
      this.#waiting.filter(({ until }) => until <= this.#rounds).forEach(({ resolve }) => resolve());
      this.#waiting = this.#waiting.filter(({ until }) => until > this.#rounds);
    }
    this.#waiting.forEach(({ resolve }) => resolve());
  }

  async #run(table: WrittenTable, statement: string): Promise<void> {
    try {
      await this.#sql.unsafe(statement);
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      const { code, message, where = "", schema_name: schema = "" } = error;
      const ofTracking = /datahub_sync/.test([message, where, schema].join("\n"));
      this.failures.push({ table: table.name, statement, code, ofTracking });
    }
  }
}
