import type { Clock } from "../model/clock.js";
import type { SyncConfig } from "../model/config.js";
import type { ProgressListener, RunMode, RunReport } from "../model/report.js";

/** What a run is asked for. */
export interface RunOptions {
  config: SyncConfig;
  mode: RunMode;
  /** Mirrors that may lose more documents than the guard allows. */
  allowDeletes: string[];
  /** Mirrors that may lose documents that no run has written and that belong to no row; those of `allowDeletes` may, too. */
  removeStrangers?: readonly string[];
  /** Go on although the source is another one than the mirror was made from. */
  takeOver: boolean;
  /** Mirrors that take documents of before over, where a row has their key. */
  adopt?: readonly string[];
  /** What the history keeps in the place of the report: that of an earlier run with this one in it, under its name. */
  toHistory?: (report: RunReport) => RunReport;
  progress: ProgressListener;
  clock: Clock;
  /** Aborts with a SyncError as its reason. */
  signal: AbortSignal;
}
