import type { Clock } from "../model/clock.js";
import type { SourceConfig } from "../model/config.js";
import { SyncError } from "../model/errors.js";
import { openDatabase } from "../sync/open-database.js";

export interface WaitOptions {
  config: SourceConfig;
  /** A SELECT of one value. */
  sql: string;
  maxMs: number;
  clock: Clock;
  signal: AbortSignal;
}

export interface Waited {
  /** False: the time was over. */
  isReady: boolean;
  waitedMs: number;
}

const PAUSE_MS = 30_000;

/**
 * Asks the source until it gives true or a number above 0, in READ ONLY transactions, and with no connection open in between.
 * @throws SyncError CONFIG_INVALID where it is no SELECT of one such value
 */
export async function waitFor({ config, sql, maxMs, clock, signal }: WaitOptions): Promise<Waited> {
  let waitedMs = 0;
  for (;;) {
    if (await ask({ config, sql, clock, signal })) return { isReady: true, waitedMs };
    const pauseMs = Math.min(PAUSE_MS, maxMs - waitedMs);
    if (pauseMs <= 0) return { isReady: false, waitedMs };
    await clock.sleep(pauseMs, signal);
    waitedMs += pauseMs;
  }
}

async function ask({ config, sql, clock, signal }: Omit<WaitOptions, "maxMs">): Promise<boolean> {
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  try {
    const rows = await database.execute("asking whether the run may begin", (db) =>
      db.unsafe<Record<string, unknown>[]>(sql),
    );
    // Columns of the same name would be one in a row.
    if (rows.length > 1 || rows.columns.length !== 1) throw invalid("it gives more than one value");
    return rows.length > 0 && isTrue(Object.values(rows[0]!)[0]);
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== "DATABASE_FAILED") throw error;
    throw invalid("Postgres refuses it", error);
  } finally {
    await database.close();
  }
}

function isTrue(value: unknown): boolean {
  if (value === null) return false;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (/^(true|false|t|f)$/.test(text)) return text.startsWith("t");
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text) > 0;
  throw invalid("it gives neither true nor false, nor a number");
}

function invalid(why: string, cause?: unknown): SyncError {
  return new SyncError({
    code: "CONFIG_INVALID",
    message: `What --wait-for asks cannot be used: ${why}.`,
    remedy:
      "It must be one SELECT that gives true once a run may begin: SELECT NOT EXISTS (SELECT FROM jobs WHERE state = 'running').",
    cause,
  });
}
