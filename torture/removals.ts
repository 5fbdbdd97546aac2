import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Random } from "../local/data/random.js";
import { quoteName } from "../local/oracle/mirrored-table.js";
import type { Setup } from "./setup.js";
import { isExpectedFailure } from "./writer.js";

/** Rows that an owner removes, once, as a step begins. */
export interface Removal {
  kind: "truncate" | "purge";
  /** Of the tables, modulo their number. */
  table: number;
  /** Goes on that long after somebody of the sync waits for its lock. */
  holdMs: number;
}

const POLL_MS = 10;
/** Writers wait for a lock for 2 s. */
const LONGEST_MS = 2_500;

export function randomRemoval(random: Random, kind: Removal["kind"]): Removal {
  return { kind, table: random.integer(0, 5), holdMs: random.integer(0, 60) };
}

/**
 * Does it in a transaction that is still open when this resolves; `commit` ends it when the run waits for its lock, or
 * never does.
 */
export async function beginRemoval(
  { url, tables }: Pick<Setup, "url" | "tables">,
  { kind, table: number, holdMs }: Removal,
): Promise<{ commit: (runEnded: Promise<unknown>) => Promise<void> }> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "removal" } });
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
