import type { DocumentPlan } from "../../encode/plan-document.js";
import type { MirrorSource } from "../../model/mirror-source.js";
import type { MirrorSink } from "../../sink/mirror-sink.js";
import type { ChangeLog } from "../../source/change-log.js";
import type { TableReader } from "../../source/table-reader.js";
import type { StoredMirror } from "../../state/stored-mirror.js";

/** One mirror, for whoever holds its two sides against each other and changes neither. */
export interface VerifiedMirror {
  source: MirrorSource;
  plan: DocumentPlan;
  reader: TableReader;
  log: ChangeLog;
  convex: MirrorSink;
  stored: StoredMirror;
  /** Rows read from Postgres at once. */
  pageRows: number;
  /** Keys listed from Postgres at once. */
  pageKeys: number;
  signal: AbortSignal;
  /** Told how many rows were looked at. */
  progress: (done: number) => void;
}
