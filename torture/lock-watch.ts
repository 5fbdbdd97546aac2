import { setTimeout as sleep } from "node:timers/promises";
import postgres, { type Sql } from "postgres";

/** A run waits for 200 ms at most, and holds what it got until it is done; the rest is for a machine with much to do. */
const LONGEST_WAIT_MS = 1_500;
const POLL_MS = 100;

interface Wait {
  waiter: number;
  began: string;
  blocker: number;
  query: string;
}

/** Notices sessions of the owner that wait for one of ours: for long, or in a circle. */
export class LockWatch {
  readonly failures: string[] = [];
  /** How many `migrate` run: they may take their time. */
  migrations = 0;
  readonly #ours = new Set<number>();
  readonly #since = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(
    private readonly url: string,
    private readonly database: string,
  ) {
    this.#ended = this.#watch();
  }

  /** Whether a deadlock that Postgres tells of has a session of ours in it. */
  isOurs(detail: string): boolean {
    return [...detail.matchAll(/[Pp]rocess (\d+)/g)].some(([, pid]) => this.#ours.has(Number(pid)));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    let sql = this.#connect();
    while (!signal.aborted) {
      // The server comes and goes.
      await this.#look(sql).catch(() => {
        void sql.end({ timeout: 0 }).catch(() => {});
        this.#since.clear();
        sql = this.#connect();
      });
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
    await sql.end({ timeout: 1 }).catch(() => {});
  }

  #connect(): Sql {
    return postgres(this.url, {
      max: 1,
      onnotice: () => {},
      connect_timeout: 2,
      fetch_types: false,
      prepare: false,
    });
  }

  async #look(sql: Sql): Promise<void> {
    const ours = await sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE datname = ${this.database} AND application_name = 'datahub-sync'`;
    for (const { pid } of ours) this.#ours.add(pid);
    const waits = await sql<Wait[]>`
      SELECT w.pid AS waiter, w.query_start::text || b.query_start AS began, b.pid AS blocker, left(b.query, 200) AS query
        FROM pg_stat_activity w
       CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking
        JOIN pg_stat_activity b ON b.pid = blocking
       WHERE w.datname = ${this.database} AND w.wait_event_type = 'Lock'
         AND w.application_name <> 'datahub-sync' AND b.application_name = 'datahub-sync'`;
    const now = performance.now();
    const seen = new Set<string>();
    for (const { waiter, began, blocker, query } of waits) {
      const name = `${waiter} ${blocker} ${began}`;
      seen.add(name);
      const since = this.#since.get(name) ?? now;
      this.#since.set(name, since);
      if (this.migrations > 0 || now - since < LONGEST_WAIT_MS) continue;
      this.failures.push(
        `a statement of the owner waited for ${Math.round(now - since)} ms for ours: ${query}`,
      );
    }
    for (const name of this.#since.keys()) if (!seen.has(name)) this.#since.delete(name);
  }
}
