import postgres from "postgres";
import { insertRows } from "./operations.js";
import type { Making } from "./random-values.js";
import type { Setup } from "./setup.js";

/** Of each table. */
const FRESH_ROWS = 3;

/** Rows committed without waiting for the disk, to every table: for a run that is about to read, and a crash after. */
export class FreshRows {
  readonly #sql: postgres.Sql;
  #working: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly setup: Pick<Setup, "url" | "tables">,
    private readonly making: Making,
  ) {
    const connection = { synchronous_commit: "off" };
    this.#sql = postgres(setup.url, { max: 1, onnotice: () => {}, prepare: false, connection });
    // A connection takes longer than the rows, and there is no time then.
    this.#insert("SELECT");
  }

  insert(): void {
    const operations = this.setup.tables.flatMap((table) => insertRows(table, this.making, FRESH_ROWS));
    this.#insert(operations.map((operation) => ("sql" in operation ? operation.sql : "")).join("; "));
  }

  async end(): Promise<void> {
    await this.#working;
    await this.#sql.end({ timeout: 1 });
  }

  #insert(statements: string): void {
    // A writer in the way, or the crash itself.
    this.#working = this.#sql.unsafe(`SET lock_timeout = '1s'; ${statements}`).then(
      () => {},
      () => {},
    );
  }
}
