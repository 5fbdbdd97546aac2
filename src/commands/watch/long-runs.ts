import type { Clock } from "../../model/clock.js";
import { SyncError } from "../../model/errors.js";
import type { RunMode } from "../../model/report.js";
import type { Look } from "./look.js";
import { LONGEST_TABLE_RETRY_MS, longestRetryMs, Retries } from "./retries.js";

export interface LongRunsOptions {
  clock: Clock;
  /** Between two comparisons of a mirror. */
  fullEveryMs: number;
  run: (mode: RunMode, names: readonly string[]) => Promise<void>;
  failed: (error: SyncError, againInMs: number) => void;
  /** Whether waiting does not help. */
  isFinal: (error: SyncError) => boolean;
}

/** First loads of mirrors that were added, and comparisons, one mirror after the other: one such run at a time. */
export class LongRuns {
  /** Of the run that is under way. */
  names: readonly string[] = [];
  #under: Promise<void> = Promise.resolve();
  readonly #retries: Retries;
  #notBeforeMs = -Infinity;
  #over: Error | null = null;
  /** Whose comparisons have failed, and until when they are left alone: others are not to wait for them. */
  readonly #failing = new Map<string, number>();

  constructor(private readonly options: LongRunsOptions) {
    this.#retries = new Retries(options.clock);
  }

  /** Mirrors whose comparisons are left alone for now. */
  get failing(): string[] {
    const now = this.options.clock.now();
    return [...this.#failing].flatMap(([name, until]) => (now < until ? [name] : []));
  }

  /** Begins what is due, unless one is under way, or has just failed. */
  begin({ unloaded, oldest }: Pick<Look, "unloaded" | "oldest">): void {
    const { clock, fullEveryMs } = this.options;
    const now = clock.now();
    if (this.names.length > 0 || now < this.#notBeforeMs) return;
    if (unloaded.length > 0) this.#start("delta", unloaded);
    else if (oldest !== null && now - oldest.fullAt >= fullEveryMs) this.#start("full", [oldest.name]);
  }

  /** @throws what ended the last one for good */
  throwIfOver(): void {
    if (this.#over !== null) throw this.#over;
  }

  /** Resolves when none is under way. */
  ended(): Promise<void> {
    return this.#under;
  }

  #start(mode: RunMode, names: readonly string[]): void {
    this.names = names;
    this.#under = this.options
      .run(mode, names)
      .then(
        () => this.#retries.reset(),
        (error: unknown) => this.#note(error, mode),
      )
      .finally(() => (this.names = []));
  }

  #note(error: unknown, mode: RunMode): void {
    const { clock, failed, isFinal } = this.options;
    if (error instanceof SyncError && error.code === "INTERRUPTED") return;
    if (!(error instanceof SyncError) || isFinal(error)) {
      this.#over = error instanceof Error ? error : new Error("A run failed.", { cause: error });
      return;
    }
    if (mode === "full" && error.table !== undefined) {
      this.#failing.set(error.table, clock.now() + LONGEST_TABLE_RETRY_MS);
      failed(error, LONGEST_TABLE_RETRY_MS);
      return;
    }
    const againInMs = this.#retries.next(longestRetryMs(error));
    this.#notBeforeMs = clock.now() + againInMs;
    failed(error, againInMs);
  }
}
