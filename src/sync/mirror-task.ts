import { SyncError } from "../model/errors.js";
import type { DocumentPlan } from "../encode/plan-document.js";
import type { Notice, RunMode, TableReport } from "../model/report.js";
import type { MirrorRecord } from "../state/mirror-record.js";
import type { Agreement } from "./agreement.js";
import { endsRun } from "./ends-run.js";
import type { MirrorOutcome, MirrorRun } from "./mirror-run.js";
import type { RunPlan } from "./plan-run.js";
import type { ReadyMirror } from "./ready-mirror.js";
import type { RunContext } from "./run-context.js";
import { notRun } from "./summarise-run.js";
import type { MirrorSurvey } from "./survey.js";

/** A mirror that can be run: its tracking is as recorded or was mended, both sides agree or it is known how not. */
export interface FitMirror extends ReadyMirror {
  document: DocumentPlan;
  agreement: Agreement;
  /** What is remembered by now: an end that only Convex had heard of is. */
  record: MirrorRecord | null;
}

/** What a mirror's run is about to do, and the snapshot that it ends with. */
export interface PlannedRun {
  plan: RunPlan;
  snapshot: string;
  at: string;
  /** Nothing was logged, nothing waits: it is neither begun nor read. */
  isIdle: boolean;
}

/** One mirror's way through a run, step by step. */
export class MirrorTask {
  fit: FitMirror | null = null;
  planned: PlannedRun | null = null;
  /** From the moment that both sides know of its beginning. */
  run: MirrorRun | null = null;
  /** What it came to, once its rows are acknowledged. */
  outcome: MirrorOutcome | null = null;
  report: TableReport | null = null;
  #startedAtMs: number | null = null;
  #workedMs = 0;

  constructor(
    readonly survey: MirrorSurvey,
    private readonly context: RunContext,
    private readonly requested: RunMode,
  ) {}

  get name(): string {
    return this.survey.config.name;
  }

  /** It failed, or has ended. */
  get isOver(): boolean {
    return this.report !== null;
  }

  /** Time counts for this mirror while its own work goes on, and not while others' does. */
  async timed<T>(work: () => Promise<T>): Promise<T> {
    const { clock } = this.context;
    this.#startedAtMs = clock.now();
    try {
      return await work();
    } finally {
      this.#workedMs += clock.now() - this.#startedAtMs;
    }
  }

  finish(outcome: MirrorOutcome): void {
    const blank = notRun(this.name, this.requested);
    this.report = { ...blank, ...outcome, ...this.#cost(), outcome: "done" };
    this.context.listener.tableFinished(this.report);
  }

  /** The run of this mirror is over; the others go on, unless what failed is not its own. */
  async fail(error: SyncError): Promise<void> {
    const { listener, lease } = this.context;
    listener.tableFailed?.(this.name, error);
    await this.run?.writer.stop(error);
    const effects = this.context.effects.of(this.name);
    const record = await effects.readRecord().catch(() => null);
    const begun = record?.openRun?.nonce === lease.nonce ? record.openRun : null;
    const mode = begun?.mode ?? this.requested;
    // A run that lost its lease changes nothing any more; one whose database is gone cannot.
    await effects.recordFailure(mode, error.code).catch(() => undefined);
    this.report = {
      ...notRun(this.name, this.requested),
      ...this.#countSoFar(),
      ...this.#cost(),
      mode,
      outcome: "failed",
      watermark: { position: record?.watermark?.snapshot ?? null, at: record?.watermark?.at ?? null },
      error: { code: error.code, message: error.message, remedy: error.remedy },
    };
    listener.tableFinished(this.report);
  }

  /** Whether what it failed of concerns all. */
  get endedRun(): boolean {
    return this.report?.error !== undefined && endsRun(this.report.error);
  }

  tell(notice: Notice): void {
    this.context.listener.notice(this.name, notice);
  }

  #countSoFar(): Partial<TableReport> {
    if (this.run === null) return {};
    const { writer } = this.run;
    const { inserted, updated, unchanged, deleted } = writer.counts;
    return { read: writer.read, inserted, updated, unchanged, deleted };
  }

  #cost() {
    const firstLoad = this.planned?.plan.work.kind === "load";
    return { ...this.context.sink.meter(this.name), durationMs: this.#workedMs, firstLoad };
  }
}

/** Anything that is not a SyncError is a bug, and is named as one. */
export function asSyncError(error: unknown, table: string): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError({
    code: "INTERNAL",
    message: `Something unexpected happened (${error instanceof Error ? error.name : typeof error}).`,
    remedy: "This is a bug: please report it with the output of --verbose. The watermark has not moved.",
    table,
    cause: error,
  });
}
