import type { ErrorCode, ExitCode, SyncError } from "./errors.js";
import type { NoticeCode } from "./notice-codes.js";

/** How a table was run. A delta that had to become full is reported as full, with a notice that says why. */
export type RunMode = "delta" | "full" | "deep";

/** The watermark that a table's last finished run began with. */
export interface WatermarkView {
  /** The snapshot, as Postgres prints a `pg_snapshot` ("xmin:xmax:xip,…"). Null before the first finished run. */
  position: string | null;
  /** The time of that snapshot, ISO 8601 in UTC. */
  at: string | null;
}

export interface TableCounts {
  /** Rows whose content was read from Postgres. */
  read: number;
  inserted: number;
  updated: number;
  /** Rows sent whose content Convex already held. */
  unchanged: number;
  deleted: number;
  /** Rows that are set aside, because they cannot be mirrored losslessly. */
  rejected: number;
  /** Deletions held back by the guard (invariant 8). */
  heldBack: number;
  /** Calls made to Convex for this table alone, retries included; totals have those for all tables at once as well. */
  calls: number;
  retries: number;
  /** Bytes of request bodies sent to Convex, in these calls. */
  bytesSent: number;
  /** Database I/O that Convex bills for these calls, as its functions tell it; calls without an answer are not in it. */
  bytesRead: number;
  bytesWritten: number;
}

/** Something a person should know about a table's run, though it did not fail. */
export interface Notice {
  code: NoticeCode;
  message: string;
}

export interface TableReport extends TableCounts {
  /** The mirror's name: the Convex table. */
  table: string;
  mode: RunMode;
  /** Everything went into an empty mirror: what no later run costs again. */
  firstLoad: boolean;
  /** `busy`: another run works on it. `not-run`: the run ended before. */
  outcome: "done" | "failed" | "busy" | "not-run";
  durationMs: number;
  watermark: WatermarkView;
  /**
   * `mended`: the source had drifted away from its tracking, and this run tracked it anew. `unmended`: it could not, and
   * compared everything. `none`: there is no table to track. Null where the run did not get so far.
   */
  tracking: "intact" | "mended" | "unmended" | "none" | null;
  /** Columns that are not mirrored until the deployment has fields for them. */
  waiting: string[];
  notices: Notice[];
  error?: { code: ErrorCode; message: string; remedy: string };
}

export interface RunReport {
  ok: boolean;
  mode: RunMode;
  runId: string;
  startedAt: string;
  finishedAt: string;
  durationMs: number;
  exitCode: ExitCode;
  tables: TableReport[];
  totals: TableCounts;
  notices: Notice[];
}

/** What `sync` tells its caller while it runs. Every method may be called often and must be cheap. */
export interface ProgressListener {
  /** Whether somebody watches: only then is it worth asking how many rows there may be. */
  readonly showsProgress: boolean;
  tableStarted(table: string, work: RunMode | "first load", expectedRows: number | null): void;
  /** `done` counts rows finished so far in this table. */
  tableProgress(table: string, done: number): void;
  /** Before `tableFinished`, when a table failed: the error with its causes, which a report leaves out. */
  tableFailed?(table: string, error: SyncError): void;
  tableFinished(report: TableReport): void;
  notice(table: string | null, notice: Notice): void;
}

export interface TableStatus {
  table: string;
  relation: string;
  base: string;
  watermark: WatermarkView;
  /** Seconds since the watermark's time, by the database's clock. */
  ageSeconds: number | null;
  rowsInPostgres: number | null;
  rowsInMirror: number | null;
  /** Keys in the change log that wait for a run. */
  changesWaiting: number | null;
  /** Entries of the change log that runs have read so far, and how many of them were of `updated_at` alone. */
  changesRead: { total: number; timestampsAlone: number };
  /** What `updated_at` of the table means; `none`: it is not mirrored. */
  updatedAt: "content" | "as-written" | "none" | null;
  deletionsHeldBack: number;
  /** Columns that are not mirrored until the deployment has fields for them. */
  waiting: string[];
  /** Rows that are set aside. */
  rejectedRows: number;
  /** The first of them, since when (ISO 8601, UTC) and why; never a value. */
  rejected: { key: string; code: string; column: string | null; reason: string; since: string }[];
  lastDelta: { at: string; outcome: string } | null;
  lastFull: { at: string; outcome: string } | null;
  /** `none`: there is no table to track, and each run compares. */
  tracking: "intact" | "missing" | "broken" | "none";
  /** Why tracking is not intact, and what to do; or what makes the table unreadable. */
  problem: string | null;
}

export type PlanName = "free" | "starter" | "professional";

/** What the deployment may cost. Null: not limited. */
export interface Budget {
  /** The plan of Convex whose amounts these are, or were before the configuration changed some of them. */
  plan: PlanName | null;
  /** Database I/O in a calendar month (UTC), read and written together. */
  ioBytes: number | null;
  /** Documents and indexes. */
  storageBytes: number | null;
  /** Function calls in a calendar month (UTC). */
  calls: number | null;
}

/** What the mirrors cost in Convex, by what runs were told: those that crashed, and other functions, are not in it. */
export interface CostStatus {
  /** A calendar month in UTC, `2026-11`; the amounts are since it began. */
  month: string;
  calls: number;
  bytesRead: number;
  bytesWritten: number;
  /** By the month's end, at the pace of the last four weeks without first loads; null where there is nothing to go by. */
  projected: { calls: number; bytes: number } | null;
  /** Bytes that are stored, about: from the rows and their mean sizes. */
  storage: { documents: number; ledger: number; indexes: number };
  /** Mirrors whose sizes are not known yet, and which are not in `storage`: nothing was sent since sizes are kept. */
  unsized: string[];
  /** As configured. */
  budget: Budget | null;
}

/** A run that is going on. */
export interface RunningRun {
  /** Host and process. */
  holder: string;
  epoch: string;
  /** ISO 8601, UTC, by the database's clock; \`expiresAt\` too. */
  acquiredAt: string;
  expiresAt: string;
  mirrors: string[];
}

export interface StatusReport {
  ok: boolean;
  deployment: string;
  exitCode: ExitCode;
  tables: TableStatus[];
  /** The runs that are going on, the oldest first. */
  running: RunningRun[];
  /** The oldest open transaction: what it changes is read when it has ended. Null when there is none. */
  horizon: { xidsBehind: string; oldest: string | null } | null;
  /** The change log of all tracked tables: its entries, and what its files take. */
  changeLog: { entries: number; bytes: number };
  costs: CostStatus;
  /** The latest, newest first; at most 40. */
  recentRuns: RunSummary[];
  notices: Notice[];
}

/** What a run came to, without its tables' reports. */
export interface RunSummary {
  id: string;
  mode: RunMode;
  /** ISO 8601, UTC. */
  startedAt: string;
  durationMs: number;
  exitCode: number;
  /** It loaded a table for the first time. */
  loaded: boolean;
  totals: TableCounts;
  /** The time of the oldest watermark that the run left; null where a table has none. */
  watermarkAt: string | null;
  /** How many documents it added to each table, or took away. */
  grown: Record<string, number>;
  /** Tables that failed, or were not run. */
  failed: string[];
}
