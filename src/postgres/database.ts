import postgres from "postgres";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type { Clock } from "../clock.js";
import { isRetryable, toSyncError } from "./database-error.js";

export interface DatabaseOptions {
  /** A connection string for postgres.js. */
  url: string;
  /** Over the URL's own, which the driver misreads: it takes IPv6 hosts apart, and does not decode a database's name. */
  host?: string;
  port?: number;
  database?: string;
  ssl: false | "prefer" | "require" | "verify-full";
  clock: Clock;
  /** One statement, connecting included, takes at most this long. */
  statementTimeoutMs: number;
  /** Tries of a statement whose connection failed, the first included. */
  maxAttempts?: number;
  /** Aborts waits and keeps new statements from starting. */
  signal?: AbortSignal | undefined;
}

export type Sql = postgres.Sql;
export type Drizzle = PostgresJsDatabase;

/** Types whose values postgres.js would parse with a loss: microseconds, big numbers, infinity, BC. */
const LOSSY_OIDS = [16, 17, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802];

/** Connections: one for reading, one for state, one for the lease's heartbeat beside them. */
const MAX_CONNECTIONS = 3;

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;

/**
 * The source database. Statements are single and autocommitted: the driver can end the process when a backend dies
 * inside `begin`, and a pooler in transaction mode keeps nothing between statements. After any connection error the
 * whole client is replaced, because the driver may hand the old error to the next statement.
 */
export class Database {
  readonly #options: DatabaseOptions;
  #client: Sql | null = null;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /**
   * Runs statements that may run twice, and tries again when the connection failed.
   * @param doing for messages, as in "reading the catalog"
   * @throws SyncError
   */
  async run<T>(doing: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    const { clock, signal, maxAttempts = 5 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return await this.#once(work);
      } catch (error) {
        if (!isRetryable(error) || attempt >= maxAttempts) throw toSyncError(error, doing);
        const ceilingMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
        await clock.sleep(FIRST_RETRY_MS + clock.random() * (ceilingMs - FIRST_RETRY_MS), signal);
      }
    }
  }

  /** As `run`, through Drizzle: for our own state. */
  async runDrizzle<T>(doing: string, work: (db: Drizzle) => Promise<T>): Promise<T> {
    return this.run(doing, (sql) => work(drizzle(sql)));
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end({ timeout: 2 });
  }

  async #once<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = (this.#client ??= this.#connect());
    const deadline = new AbortController();
    try {
      return await Promise.race([work(client), this.#deadline(deadline.signal)]);
    } catch (error) {
      if (isRetryable(error) && this.#client === client) {
        this.#client = null;
        void client.end({ timeout: 0 }).catch(() => {});
      }
      throw error;
    } finally {
      deadline.abort();
    }
  }

  /** Rejects when the time is up; without it, a peer that closes before authenticating leaves a query pending. */
  async #deadline(stop: AbortSignal): Promise<never> {
    await this.#options.clock
      .sleep(this.#options.statementTimeoutMs, stop)
      .catch(() => new Promise(() => {}));
    throw Object.assign(new Error("The statement took too long."), { code: "STATEMENT_DEADLINE" });
  }

  #connect(): Sql {
    const { url, host, port, database, ssl } = this.#options;
    return postgres(url, {
      ...(host !== undefined && { host: host.replace(/^\[|\]$/g, "") }),
      ...(port !== undefined && { port }),
      ...(database !== undefined && { database }),
      ssl,
      max: MAX_CONNECTIONS,
      // A pooler in transaction mode may give the next statement to another backend.
      prepare: false,
      fetch_types: false,
      connect_timeout: Math.ceil(this.#options.statementTimeoutMs / 1000),
      idle_timeout: 60,
      onnotice: () => {},
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
  }
}
