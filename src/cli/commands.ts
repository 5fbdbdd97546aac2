import type { Clock } from "../clock.js";
import type { SourceConfig, SyncConfig } from "../config/types.js";
import type { ErrorCode, ExitCode } from "../errors.js";
import type { Notice, ProgressListener, RunReport, StatusReport } from "../report.js";

/** Where a command writes what its user may want to know later. Fields never hold a row value or a secret. */
export interface Log {
  error(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
}

/** What every command gets. */
export interface CommandContext {
  clock: Clock;
  log: Log;
  /** Aborted, with a SyncError as the reason, when the command should end: SIGINT, SIGTERM, a lost driver. */
  signal: AbortSignal;
}

export interface MigrateOptions extends CommandContext {
  config: SourceConfig;
}

/** What became of one table's tracking. */
export interface TrackingChange {
  table: string;
  relation: string;
  base: string;
  outcome: "tracked" | "already-tracked" | "tracked-again" | "untracked" | "not-tracked" | "failed";
  error?: { code: ErrorCode; message: string; remedy: string };
}

export interface MigrateReport {
  ok: boolean;
  exitCode: ExitCode;
  /** Names of the migrations applied by this run, in order. */
  applied: string[];
  tables: TrackingChange[];
  notices: Notice[];
}

export interface UntrackOptions extends CommandContext {
  config: SourceConfig;
}

export interface UntrackReport {
  ok: boolean;
  exitCode: ExitCode;
  tables: TrackingChange[];
  notices: Notice[];
}

export interface SyncOptions extends CommandContext {
  config: SyncConfig;
  mode: "delta" | "full" | "deep";
  /** Mirrors that may lose more documents than the guard allows. */
  allowDeletes: string[];
  /** Go on although the source is another one than the mirror was made from. */
  takeOver: boolean;
  progress: ProgressListener;
}

export interface StatusOptions extends CommandContext {
  config: SyncConfig;
}

export interface LocalOptions extends CommandContext {
  /** 1 is 60,000 rows. */
  scale: number;
  seed: number;
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
  untrack(options: UntrackOptions): Promise<UntrackReport>;
  sync(options: SyncOptions): Promise<RunReport>;
  status(options: StatusOptions): Promise<StatusReport>;
  local(options: LocalOptions): Promise<LocalDeployment>;
}
