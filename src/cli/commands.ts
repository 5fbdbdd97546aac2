import type { Clock } from "../model/clock.js";
import type { DatabaseConfig, SourceConfig, SyncConfig } from "../model/config.js";
import type { SyncError } from "../model/errors.js";
import type {
  Notice,
  ProgressListener,
  RunMode,
  RunReport,
  RunSummary,
  StatusReport,
} from "../model/report.js";
import type { DoctorOptions } from "../commands/doctor/examine.js";
import type { DoctorReport } from "../model/doctor-report.js";
import type { Candidate, FindCandidatesOptions } from "../commands/init/find-candidates.js";
import type { PlanFilesOptions, PlannedFile } from "../commands/init/plan-files.js";
import type { FindStrangersOptions } from "../commands/adopt/find-strangers.js";
import type { AdoptionTable } from "../model/adoption-report.js";
import type { SchemaOptions } from "../commands/schema/schema.js";
import type { SchemaReport } from "../model/schema-report.js";
import type { VerifyOptions } from "../commands/verify/verify.js";
import type { VerifyReport } from "../model/verify-report.js";
import type { HealthOptions } from "../commands/check-health.js";
import type { HealthReport } from "../model/health-report.js";
import type { ScheduleOptions, ScheduleReport } from "../commands/schedule/schedule.js";
import type { RunsOptions } from "../commands/read-runs.js";
import type { CollectOptions } from "../commands/html-report/collect.js";
import type { Show } from "../commands/html-report/page.js";
import type { EnqueueOptions, EnqueueReport } from "../commands/queue/enqueue.js";
import type { WorkOptions } from "../commands/queue/work.js";
import type { WatchOptions } from "../commands/watch/watch.js";
import type { WaitOptions, Waited } from "../commands/wait-for.js";
import type { DryRunReport } from "../commands/dry-run-report.js";
import type { MigrateReport, TrackingReport } from "../commands/migrate.js";
import type { MigrationPlan } from "../commands/migration-plan.js";

/** What every command gets. */
export interface CommandContext {
  clock: Clock;
  /** Aborted, with a SyncError as the reason, when the command should end: SIGINT, SIGTERM, a lost driver. */
  signal: AbortSignal;
}

export interface SourceOptions extends CommandContext {
  config: SourceConfig;
  /** Told of each table that fails, with the causes, which a report leaves out. */
  tableFailed: (table: string, error: SyncError) => void;
}

export interface MigrateOptions extends SourceOptions {
  /** Told what is about to happen, before anything does. */
  announce: (notice: Notice) => void;
}

export interface SyncOptions extends CommandContext {
  config: SyncConfig;
  mode: RunMode;
  /** Mirrors that may lose more documents than the guard allows. */
  allowDeletes: string[];
  /** Mirrors that may lose documents that no run has written and that belong to no row. */
  removeStrangers?: readonly string[];
  /** Go on although the source is another one than the mirror was made from. */
  takeOver: boolean;
  /** Mirrors that take documents of before over. */
  adopt?: readonly string[];
  progress: ProgressListener;
}

export interface StatusOptions extends CommandContext {
  config: SyncConfig;
}

export interface LocalOptions extends CommandContext {
  /** 1 is 60,000 rows. */
  scale: number;
  seed: number;
  /** Neither tables nor functions. */
  empty: boolean;
  /** The Postgres to use; null: one of its own. */
  database: DatabaseConfig | null;
  /** The port of the local Convex deployment; null: a free one. */
  port: number | null;
}

/** A running Postgres and Convex deployment, both local and thrown away at the end. */
export interface LocalDeployment {
  /** What the ready line says beside `ready: true`. JSON, without secrets. */
  description: Record<string, unknown>;
  /** DATABASE_URL, CONVEX_URL, … for `--write-env`. */
  environment: Record<string, string>;
  /** Rejects if one of the two ends by itself. */
  failed: Promise<never>;
  stop(): Promise<void>;
}

/** What the command line can start. Injected, so that its tests need neither Postgres nor Convex. */
export interface Commands {
  migrate(options: MigrateOptions): Promise<MigrateReport>;
  /** What `migrate` would do. */
  planMigration(options: SourceOptions): Promise<MigrationPlan>;
  untrack(options: SourceOptions): Promise<TrackingReport>;
  /** Waits until the source says that a run may begin. */
  waitFor(options: WaitOptions): Promise<Waited>;
  sync(options: SyncOptions): Promise<RunReport>;
  /** Runs whenever something commits, until the signal. */
  watch(options: WatchOptions): Promise<void>;
  /** Takes jobs from the queue and does them, until the signal. */
  work(options: WorkOptions): Promise<void>;
  enqueue(options: EnqueueOptions): Promise<EnqueueReport>;
  /** What `sync` would do. */
  dryRun(options: SyncOptions): Promise<DryRunReport>;
  status(options: StatusOptions): Promise<StatusReport>;
  /** The latest runs, newest first. */
  listRuns(options: RunsOptions & { limit: number }): Promise<RunSummary[]>;
  /** The report of one. */
  showRun(options: RunsOptions & { id: string }): Promise<RunReport>;
  /** A page of HTML, and how many runs it shows. */
  page(options: CollectOptions, show: Show): Promise<{ page: string; runs: number }>;
  findCandidates(options: FindCandidatesOptions): Promise<Candidate[]>;
  /** What `init` would write. */
  planFiles(options: PlanFilesOptions): Promise<PlannedFile[]>;
  writeFiles(cwd: string, files: readonly PlannedFile[]): Promise<void>;
  findStrangers(options: FindStrangersOptions): Promise<AdoptionTable[]>;
  schema(options: SchemaOptions): Promise<SchemaReport>;
  verify(options: VerifyOptions): Promise<VerifyReport>;
  health(options: HealthOptions): Promise<HealthReport>;
  /** Prints, installs or removes what starts runs. */
  schedule(options: ScheduleOptions): Promise<ScheduleReport>;
  doctor(options: DoctorOptions): Promise<DoctorReport>;
  local(options: LocalOptions): Promise<LocalDeployment>;
}
