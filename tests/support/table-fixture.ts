import type { Sql } from "postgres";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { PostgresVersion } from "../../local/postgres/start-postgres.js";
import type { Database } from "../../src/postgres/database.js";
import { createMigratedDatabase, type MigratedDatabase } from "./migrated-database.js";
import { logEntries, track, type LogEntry, type Statements, type TrackOptions } from "./tracked-table.js";

/** The table of the test that runs, in a database that all tests of a `describe` share. */
export interface TableFixture {
  readonly sql: Sql;
  /** The way to the database that the program takes. */
  readonly database: Database;
  /** What `$t` stands for: a name of this test alone. There is nothing of that name until the test makes it. */
  name: string;
  /** A text with the name in the place of `$t`. */
  named: (text: string) => string;
  /** Runs SQL in which `$t` stands for the table, where asked for on one connection or in one transaction. */
  run: (statement: string, on?: Statements) => Promise<Record<string, unknown>[]>;
  /** Makes the table with these columns, and tracks it; the id of its tracking. */
  make: (columns: string, options?: TrackOptions) => Promise<number>;
  track: (options?: TrackOptions) => Promise<number>;
  /** What the triggers logged for it, in order. */
  log: () => Promise<LogEntry[]>;
  /** What a statement has them log: each entry as its kind and its key, as in `u a1`. */
  newEntries: (statement: string, on?: Statements) => Promise<string[]>;
}

/** A database for the tests of the surrounding `describe`, and a table's name for each of them. */
export function useTable(options: { version?: PostgresVersion } = {}): TableFixture {
  let db: MigratedDatabase;
  let tables = 0;
  beforeAll(async () => {
    db = await createMigratedDatabase(options);
  });
  afterAll(() => db.drop());
  beforeEach(() => {
    table.name = `t${++tables}`;
  });

  const table: TableFixture = {
    get sql() {
      return db.sql;
    },
    get database() {
      return db.database;
    },
    name: "",
    named: (text) => text.replaceAll("$t", table.name),
    async run(statement, on = db.sql) {
      const rows = await on.unsafe<Record<string, unknown>[]>(table.named(statement));
      return rows.map((row) => ({ ...row }));
    },
    async make(columns, trackOptions) {
      await table.run(`CREATE TABLE $t (${columns})`);
      return table.track(trackOptions);
    },
    track: (trackOptions) => track(db.sql, table.name, trackOptions),
    log: () => logEntries(db.sql, table.name),
    async newEntries(statement, on = db.sql) {
      const before = await logEntries(on, table.name);
      await table.run(statement, on);
      const entries = await logEntries(on, table.name);
      return entries.slice(before.length).map(({ kind, key }) => `${kind} ${key}`);
    },
  };
  return table;
}
