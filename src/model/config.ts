import type { AlertConfig } from "./alert-config.js";
import type { EncodingName } from "./encoding.js";
import type { PageSizes } from "./page-sizes.js";
import type { Budget } from "./report.js";
import type { Secret } from "./secret.js";

/** A relation's name as the catalog stores it: no quotes, no case folding. */
export interface RelationName {
  schema: string;
  name: string;
}

/** What the configuration says about one column; what it leaves out is the default. */
export interface ColumnConfig {
  /** The field's name in Convex. */
  field?: string;
  encoding?: EncodingName;
}

/** One Convex table and the relation that it mirrors. */
export interface MirrorConfig {
  /** The relation that rows are read from: a table, a partitioned table, or a view over one base table. */
  relation: RelationName;
  /** The table that carries the tracking. Null: find it (the relation itself, or the one table under the view). */
  base: RelationName | null;
  /** Of the mirror, which is its Convex table's: unique among the mirrors. Reports and calls to Convex say `table`. */
  name: string;
  /** The columns that identify a row, in order. Null: the primary key. */
  key: string[] | null;
  /**
   * Columns that neither count as a change nor are mirrored. A name that the relation lacks is no error:
   * the default, `sync_timestamp`, is meant for every table, whether it has such a column or not.
   */
  ignore: string[];
  /**
   * What `updated_at` of the tracked table means, where it has one. `content`: it moves when the content changes, and an
   * UPDATE that sets what is there keeps it. `as-written`: an ordinary column, the owner's. Not mirrored: name it in
   * `ignore` or `exclude`.
   */
  updatedAt: UpdatedAt;
  /** Columns that are not mirrored. A name that the relation lacks is an error: a typo would publish the column. */
  exclude: string[];
  /** By the column's name in the relation. A name that the relation lacks is an error. */
  columns: Record<string, ColumnConfig>;
}

export type UpdatedAt = "content" | "as-written";

/** How the connection to Postgres is protected; the names and meanings are those of `sslmode`. */
export type SslMode = "disable" | "prefer" | "require" | "verify-full";

/** The source database. Everything but `url` may be shown. */
export interface DatabaseConfig {
  /**
   * For postgres.js as it is: parameters that Postgres would refuse are gone, and `sslmode` says what is wanted.
   */
  url: Secret;
  host: string;
  port: number;
  database: string;
  sslMode: SslMode;
}

/** The Convex deployment. Everything but `syncKey` may be shown. */
export interface ConvexConfig {
  /** Origin and path, without a trailing slash. */
  url: string;
  /** The value of CONVEX_SYNC_AUTH_KEY. */
  syncKey: Secret;
  /** CONVEX_DEPLOYMENT, or the first label of the host: for display only. */
  deployment: string;
}

export type LogLevel = "error" | "warn" | "info" | "debug";

/** Options with their defaults filled in. */
export interface Settings extends PageSizes {
  /** How long a crashed run keeps its lease. */
  leaseSeconds: number;
  /** Calls to Convex in flight at once, at most. */
  maxInFlight: number;
  /** Tables that a run works on at the same time. */
  parallel: number;
  /** Bytes of documents written to Convex in a second; Infinity when nothing limits it. */
  writeBytesPerSecond: number;
  /** One call to Convex takes at most this long. */
  callTimeoutMs: number;
  /** A run that takes longer stops between batches and resumes next time. */
  runDeadlineMs: number;
  /** Absolute. */
  logDir: string;
  logLevel: LogLevel;
  /** A SELECT that says when a run may begin; null: at once. */
  waitFor: { sql: string; maxMs: number } | null;
  /** Absolute; null: none. */
  metricsFile: string | null;
  alerts: AlertConfig;
}

/** What a command that works on Postgres alone gets. */
export interface SourceConfig {
  /** All that are configured, where a command works on some of them: those of one table are tracked together. */
  allMirrors: MirrorConfig[];
  /** Whose mirrors these are: the deployment's URL, as runs know it; empty where none is configured. */
  target: string;
  mirrors: MirrorConfig[];
  database: DatabaseConfig;
  settings: Settings;
}

/** What a command that works on both sides gets. */
export interface SyncConfig extends SourceConfig {
  convex: ConvexConfig;
  /** Null: the configuration names none, and nothing is compared with one. */
  budget: Budget | null;
}
