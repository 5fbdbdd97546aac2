import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Random } from "../local/data/random.js";
import type { Making } from "./random-values.js";
import { insertRows } from "./operations.js";
import { quoteName } from "../local/oracle/mirrored-table.js";
import type { Stage } from "./stage.js";
import { isExpectedFailure } from "./writer.js";

/** What an owner does to a table, once, at an act's beginning. */
export interface Deed {
  kind: "truncate" | "purge";
  /** Of the tables, modulo their number. */
  table: number;
  /** Goes on that long after somebody of the sync waits for its lock. */
  holdMs: number;
}

const POLL_MS = 10;
const FRESH_ROWS = 3;
/** Writers wait for a lock for 2 s. */
const LONGEST_MS = 2_500;

export function randomDeed(random: Random, kind: Deed["kind"]): Deed {
  return { kind, table: random.integer(0, 5), holdMs: random.integer(0, 60) };
}

/**
 * Does it in a transaction that is still open when this resolves; `commit` ends it when the run waits for its lock, or
 * never does.
 */
export async function doDeed(
  { url, tables }: Pick<Stage, "url" | "tables">,
  { kind, table: number, holdMs }: Deed,
): Promise<{ commit: (runEnded: Promise<unknown>) => Promise<void> }> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "deed" } });
  const table = quoteName(tables[number % tables.length]!.base);
  const statement =
    kind === "truncate"
      ? `TRUNCATE ${table}`
      : `DELETE FROM ${table} WHERE ('x' || left(md5(ctid::text), 1))::bit(4)::int < 8`;
  while (!(await begin(sql, statement)));
  if (kind === "purge") await sql.unsafe("COMMIT");
  return {
    async commit(runEnded) {
      if (kind === "truncate") {
        await runWaits(sql, runEnded);
        await sleep(holdMs);
        await sql.unsafe("COMMIT");
      }
      await sql.end({ timeout: 1 });
    },
  };
}

/** False if a writer was in the way: a deadlock. */
async function begin(sql: postgres.Sql, statement: string): Promise<boolean> {
  try {
    await sql.unsafe(`BEGIN; ${statement}`);
    return true;
  } catch (error) {
    if (!isExpectedFailure(error)) throw error;
    await sql.unsafe("ROLLBACK");
    return false;
  }
}

/** Rows committed without waiting for the disk, to every table: for a run that is about to read, and a crash after. */
export class FreshRows {
  readonly #sql: postgres.Sql;
  #working: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly stage: Pick<Stage, "url" | "tables">,
    private readonly making: Making,
  ) {
    const connection = { synchronous_commit: "off" };
    this.#sql = postgres(stage.url, { max: 1, onnotice: () => {}, prepare: false, connection });
    // A connection takes longer than the rows, and there is no time then.
    this.#insert("SELECT");
  }

  insert(): void {
    const operations = this.stage.tables.flatMap((table) => insertRows(table, this.making, FRESH_ROWS));
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

async function runWaits(sql: postgres.Sql, runEnded: Promise<unknown>): Promise<void> {
  let ended = false;
  void runEnded.then(() => (ended = true));
  for (const endAt = performance.now() + LONGEST_MS; performance.now() < endAt && !ended;) {
    // Within a transaction, what is going on is looked at once.
    await sql`SELECT pg_stat_clear_snapshot()`;
    const waiting = await sql`
      SELECT FROM pg_stat_activity WHERE application_name = 'datahub-sync' AND datname = current_database()
         AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`;
    if (waiting.length > 0) return;
    await sleep(POLL_MS);
  }
}
