import { setTimeout as sleep } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import type { Making } from "./random-values.js";
import { randomOperation, type Operation } from "./operations.js";
import type { Setup } from "./setup.js";

/**
 * What may end a writer's transaction through no fault of the sync: a key that is there, a deadlock with another
 * writer, a partition that has gone, a lock not granted in time, a server that went away (and the driver's new connection in its place). Anything else has been caused by the tracking.
 */
const EXPECTED_FAILURES =
  /^(23505|23514|40P01|40001|55P03|25P0[12]|42704|57P0[123]|53300|08...|CONNECTION_\w+|CONNECT_TIMEOUT|ECONN\w+|EPIPE)$/;

export function isExpectedFailure(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // The temporary table of a transaction that the driver goes on with on a new connection, outside of any.
  const lostTable = code === "42P01" && String(message).includes("pg_temp.kept");
  return lostTable || EXPECTED_FAILURES.test(String(code));
}

interface Failure {
  code?: unknown;
  message?: unknown;
  detail?: unknown;
  where?: unknown;
}

/** Of a table that was changed between the making of a statement and its turn: its name, its columns, its partitions. */
function isOvertaken(error: unknown): boolean {
  return /^(42703|42P01|42P10|42804|42809|0A000)$/.test(String((error as Failure).code));
}

/** Whether it failed within what we added to the table, or in a circle with a session of ours. */
export function isOurs(error: unknown, { locks }: Pick<Setup, "locks">): boolean {
  const { code, message, detail, where } = error as Failure;
  // A session that is ended is ended anywhere.
  if (/^57P0[123]$/.test(String(code))) return false;
  if (code === "40P01" && locks.isOurs(String(detail))) return true;
  return `${String(message)} ${String(where)}`.includes("datahub_sync");
}

export interface WriterOptions {
  name: string;
  url: string;
  setup: Pick<Setup, "tables" | "locks" | "alterations">;
  /** Whether it truncates tables. */
  truncates: boolean;
  /** Never waits for the disk: a crash takes its latest commits back. */
  asynchronous: boolean;
  making: Making;
  stop: AbortSignal;
  /** A statement that failed as none may. */
  onFailure: (message: string) => void;
}

export interface Written {
  transactions: number;
  lostToFailures: number;
}

/** Runs random transactions, one after the other, until it is stopped. Connects again when the server went away. */
export async function writeUntilStopped(options: WriterOptions): Promise<Written> {
  const { url, stop, making, onFailure, setup } = options;
  const written: Written = { transactions: 0, lostToFailures: 0 };
  let sql = connect(url);
  for (let number = 0; !stop.aborted; number++) {
    const { alterations } = setup;
    try {
      await runTransaction(sql, options, number);
      written.transactions++;
    } catch (error) {
      written.lostToFailures++;
      const { code, message } = error as { code?: string; message: string };
      const altered = alterations % 2 === 1 || setup.alterations !== alterations;
      const expected = isExpectedFailure(error) || (altered && isOvertaken(error));
      if (!expected || isOurs(error, setup)) onFailure(`${options.name}: ${String(code)} ${message}`);
      // The driver may hand an old error to the next statement.
      void sql.end({ timeout: 0 }).catch(() => {});
      sql = connect(url);
      await resolveOwn(sql, options.name).catch(() => {});
    }
    await sleep(making.random.integer(1, 40), undefined, { signal: stop }).catch(() => {});
  }
  await sql.end({ timeout: 1 }).catch(() => {});
  return written;
}

function connect(url: string): Sql {
  return postgres(url, {
    max: 1,
    onnotice: () => {},
    connect_timeout: 5,
    fetch_types: false,
    prepare: false,
  });
}

async function runTransaction(sql: Sql, options: WriterOptions, number: number): Promise<void> {
  const { setup, making, stop } = options;
  const { random } = making;
  const settings = [
    "lock_timeout = '2s'",
    `TimeZone = '${random.pick(["UTC", "America/New_York", "Asia/Kolkata"])}'`,
    `DateStyle = '${random.pick(["ISO, MDY", "German", "SQL, DMY"])}'`,
    `bytea_output = '${random.pick(["hex", "escape"])}'`,
    `extra_float_digits = ${random.pick([1, 0, -3])}`,
    `synchronous_commit = ${options.asynchronous ? "off" : "on"}`,
    `session_replication_role = ${random.chance(0.1) ? "replica" : "origin"}`,
  ];
  await execute(sql, `BEGIN; ${settings.map((setting) => `SET LOCAL ${setting}`).join("; ")}`);

  // A temporary table cannot be part of a prepared transaction, and preparing one waits for the disk.
  let usesTemporary = false;
  for (let left = random.integer(1, 4); left > 0; left--) {
    const operations = randomOperation(random.pick(setup.tables), making, options);
    usesTemporary ||= operations.some((operation) => "sql" in operation && operation.sql.includes("pg_temp"));
    const savepoint = random.chance(0.3);
    if (savepoint) await execute(sql, "SAVEPOINT s");
    for (const operation of operations) await perform(sql, operation);
    if (savepoint) await execute(sql, random.chance(0.5) ? "ROLLBACK TO SAVEPOINT s" : "RELEASE SAVEPOINT s");
    // Some are long: they hold the snapshot's horizon while runs begin and end.
    const pauseMs = random.chance(0.05) ? random.integer(100, 800) : random.integer(0, 5);
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => {});
  }
  const end = random.integer(1, 20);
  if (end <= 2) await execute(sql, "ROLLBACK");
  else if (end > 3 || usesTemporary || options.asynchronous) await execute(sql, "COMMIT");
  else await prepare(sql, `${options.name} ${number}`, random.integer(0, 300), random.chance(0.7), stop);
}

/** What was prepared when the connection was lost holds its locks until somebody decides. */
async function resolveOwn(sql: Sql, name: string): Promise<void> {
  const prepared = await beforeDeadline(
    5_000,
    sql<{ gid: string }[]>`SELECT gid FROM pg_prepared_xacts
                            WHERE database = current_database() AND starts_with(gid, ${name})`,
  );
  for (const { gid } of prepared) await execute(sql, `COMMIT PREPARED '${gid}'`);
}

async function prepare(sql: Sql, name: string, waitMs: number, commits: boolean, stop: AbortSignal) {
  await execute(sql, `PREPARE TRANSACTION '${name}'`);
  await sleep(waitMs, undefined, { signal: stop }).catch(() => {});
  await execute(sql, `${commits ? "COMMIT" : "ROLLBACK"} PREPARED '${name}'`);
}

function execute(sql: Sql, statement: string): Promise<unknown> {
  return beforeDeadline(10_000, sql.unsafe(statement));
}

async function perform(sql: Sql, operation: Operation): Promise<void> {
  if ("sql" in operation) await execute(sql, operation.sql);
  else await beforeDeadline(2_000, copyIn(sql, operation));
}

async function copyIn(sql: Sql, { copyInto, lines }: { copyInto: string; lines: string }): Promise<void> {
  const stream = await sql.unsafe(`COPY ${copyInto} FROM STDIN`).writable();
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("finish", resolve);
    stream.end(lines);
  });
}

/** A query of this driver never settles when the server goes away, or a COPY fails, at the wrong moment. */
async function beforeDeadline<T>(ms: number, work: PromiseLike<T>): Promise<T> {
  const settled = new AbortController();
  const late = sleep(ms, undefined, { signal: settled.signal }).then(
    () => Promise.reject(Object.assign(new Error("no answer"), { code: "CONNECTION_LATE" })),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    settled.abort();
  }
}
