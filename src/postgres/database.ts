import postgres from "postgres";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type { Clock } from "../model/clock.js";
import { inOneTrip } from "./one-trip.js";
import { readingOnly } from "./read-only.js";
import {
  isConnectionAtFault,
  isContention,
  isServerError,
  isRestart,
  isRetryable,
  isSilence,
} from "./database-error.js";
import { toSyncError } from "./to-sync-error.js";

export interface DatabaseOptions {
  /** A connection string for postgres.js. */
  url: string;
  /** Over the URL's own, which the driver misreads: it takes IPv6 hosts apart, and does not decode a database's name. */
  host?: string;
  port?: number;
  database?: string;
  ssl: false | "prefer" | "require" | "verify-full";
  clock: Clock;
  /** Longest time until a server has answered at all. A suspended Neon compute takes a few seconds. */
  connectTimeoutMs: number;
  /** Longest time of one statement, connecting included. */
  statementTimeoutMs: number;
  /** Tries of a statement whose connection failed, the first included; by default as the constants below say. */
  maxAttempts?: number;
  /**
   * Aborted when the program should end: from then on nobody is waited for who does not answer. Statements that need
   * no wait still go through, so that a run can put down what it holds.
   */
  signal?: AbortSignal | undefined;
  /** Every statement runs in a transaction that cannot write. */
  readOnly?: boolean;
  /** By default one for reading, one for state, one for the lease's heartbeat beside them. */
  maxConnections?: number;
}

export type Sql = postgres.Sql;
export type Drizzle = PostgresJsDatabase;

/** Types whose values postgres.js would parse with a loss: microseconds, big numbers, infinity, BC. */
const LOSSY_OIDS = [16, 17, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802];

const MAX_CONNECTIONS = 3;

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;

/** About 4 s of waiting, 8 s at most: nobody should wait long to hear of a wrong port. */
const ATTEMPTS = 5;

/** Each of these has taken the longest time there is already. */
const ATTEMPTS_IN_SILENCE = 3;

/** Longest time until a server has answered, once the program should end. Whoever runs it waits at the terminal. */
const CONNECT_AT_END_MS = 2_000;

/** About 25 s of waiting, 45 s at most: a run that has come far outlasts a restart of a server that did answer it. */
const ATTEMPTS_DURING_RESTART = 10;

/**
 * The source database. Statements are single and autocommitted: the driver can end the process when a backend dies
 * inside `begin`, and a pooler in transaction mode keeps nothing between statements. Once one of its connections has
 * closed, a client gets no further statement: the driver may hand the old error to the next one, or connect again and
 * again without an end.
 */
export class Database {
  readonly #options: DatabaseOptions;
  #client: Client | null = null;
  /** A server has answered, and has not been waited for in vain since. */
  #worthWaiting = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Nothing can be written, and nothing that is read is acted upon. */
  get isReadOnly(): boolean {
    return this.#options.readOnly === true;
  }

  /**
   * Runs statements that may run twice, and tries again when the connection failed.
   * @param doing for messages, as in "reading the catalog"
   * @param once what other sessions stand in the way of is given up at once
   * @throws SyncError; the signal's reason when it was aborted during a wait, or nobody answers once it is
   */
  async execute<T>(doing: string, work: (sql: Sql) => Promise<T>, { once = false } = {}): Promise<T> {
    const { clock, signal } = this.#options;
    const ending = signal?.aborted === true;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work);
      } catch (error) {
        // Whoever asked for the end hears that it came, and not that the short wait was too short: also where it was asked
        // for while this try was under way.
        if (signal?.aborted === true && isSilence(error)) throw signal.reason;
        const given = once && isContention(error);
        if (ending || given || !isRetryable(error) || attempt >= this.#maxAttempts(error)) {
          if (isRestart(error)) this.#worthWaiting = false;
          throw toSyncError(error, doing);
        }
        const ceilingMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
        await clock.sleep(FIRST_RETRY_MS + clock.random() * (ceilingMs - FIRST_RETRY_MS), signal);
      }
    }
  }

  /** As `execute`, through Drizzle: for our own state. */
  async executeDrizzle<T>(doing: string, work: (db: Drizzle) => Promise<T>): Promise<T> {
    return this.execute(doing, (sql) => work(drizzle(sql)));
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.sql.end({ timeout: 2 });
  }

  #maxAttempts(error: unknown): number {
    const { maxAttempts } = this.#options;
    if (maxAttempts !== undefined) return maxAttempts;
    if (isSilence(error)) return ATTEMPTS_IN_SILENCE;
    return this.#worthWaiting && isRestart(error) ? ATTEMPTS_DURING_RESTART : ATTEMPTS;
  }

  async #once<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = (this.#client ??= this.#connect());
    const deadline = new AbortController();
    client.statements++;
    try {
      return await Promise.race([
        work(client.sql),
        this.#deadline(client, deadline.signal),
        this.#shorterDeadline(client, deadline.signal),
      ]);
    } catch (error) {
      // The driver counts rows until a statement is complete. One that fails after its first rows never is, and those of the
      // next one on its connection would stand behind as many holes.
      if (isConnectionAtFault(error) || isServerError(error)) this.#drop(client);
      throw error;
    } finally {
      deadline.abort();
      client.statements--;
      if (this.#client !== client) endIfIdle(client);
    }
  }

  /** Its other statements may still end well. */
  #drop(client: Client): void {
    if (this.#client === client) this.#client = null;
    endIfIdle(client);
  }

  /**
   * Rejects when the time is up. The driver has no end of its own where a peer closes each connection before it has
   * authenticated, as the port of a container does whose server is down: it connects again, for ever and at once.
   */
  async #deadline(client: Client, stop: AbortSignal): Promise<never> {
    const { connectTimeoutMs, statementTimeoutMs } = this.#options;
    await this.#sleep(connectTimeoutMs, stop);
    if (!client.answered) throw coded("CONNECT_TIMEOUT", "No server answered.");
    await this.#sleep(statementTimeoutMs - connectTimeoutMs, stop);
    throw coded("STATEMENT_DEADLINE", "The statement took too long.");
  }

  /** Rejects when the program should end and no server has answered yet. */
  async #shorterDeadline(client: Client, stop: AbortSignal): Promise<never> {
    await this.#aborted(stop);
    await this.#sleep(Math.min(CONNECT_AT_END_MS, this.#options.connectTimeoutMs), stop);
    if (!client.answered) throw coded("CONNECT_TIMEOUT", "No server answered.");
    return new Promise(() => {});
  }

  /** Resolves when the program should end; never, once it is stopped. */
  #aborted(stop: AbortSignal): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      if (signal?.aborted) resolve();
      else signal?.addEventListener("abort", () => resolve(), { once: true, signal: stop });
    });
  }

  /** Never resolves once it is stopped. */
  #sleep(ms: number, stop: AbortSignal): Promise<void> {
    return this.#options.clock.sleep(ms, stop).catch(() => new Promise(() => {}));
  }

  #connect(): Client {
    const { url, host, port, database, ssl } = this.#options;
    const sql = postgres(url, {
      ...(host !== undefined && { host: host.replace(/^\[|\]$/g, "") }),
      ...(port !== undefined && { port }),
      ...(database !== undefined && { database }),
      ssl,
      max: this.#options.maxConnections ?? MAX_CONNECTIONS,
      // A pooler in transaction mode may give the next statement to another backend.
      prepare: false,
      fetch_types: false,
      connect_timeout: Math.ceil(this.#options.connectTimeoutMs / 1000),
      idle_timeout: 60,
      onnotice: () => {},
      onclose: () => this.#drop(client),
      // The first thing that a server says once it has let somebody in.
      onparameter: () => {
        client.answered = true;
        this.#worthWaiting = true;
      },
      connection: { application_name: "datahub-sync" },
      types: {
        text: {
          to: 25,
          from: LOSSY_OIDS,
          serialize: String,
          parse: (text: string) => text,
        },
      },
    });
    const client: Client = {
      sql: this.isReadOnly ? readingOnly(sql) : inOneTrip(sql),
      answered: false,
      statements: 0,
    };
    return client;
  }
}

interface Client {
  sql: Sql;
  /** A server has let one of its connections in. */
  answered: boolean;
  /** Statements under way. */
  statements: number;
}

function endIfIdle({ sql, statements }: Client): void {
  if (statements === 0) void sql.end({ timeout: 0 }).catch(() => {});
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
