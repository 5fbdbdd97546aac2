import type { Notice, TableReport } from "../model/report.js";
import type { ChangeLog, ChangePage } from "../source/change-log.js";
import type { MirrorSource } from "../model/mirror-source.js";
import type { MirrorSink } from "../sink/mirror-sink.js";
import type { KeyHash, TableReader } from "../source/table-reader.js";
import type { ChangesRead } from "../state/end-run.js";
import type { MirrorWriter } from "./mirror-writer.js";
import type { RowChunk } from "./read-chunks.js";
import type { RunContext } from "./run-context.js";
import type { MirrorEffects } from "./run-effects.js";

/** One table of a run, between its beginning and its end. */
export interface MirrorRun {
  context: RunContext;
  source: MirrorSource;
  /** What is done to it in Postgres. */
  effects: MirrorEffects;
  /** What Convex holds of it. */
  convex: MirrorSink;
  log: ChangeLog;
  reader: TableReader;
  writer: MirrorWriter;
  /** Rows in the mirror by its own count, when the run began. */
  documentsBefore: number;
  /** A comparison has found that count to be wrong; the run ends by counting the ledger itself. */
  miscounted: boolean;
  /** Deletions were found, by this run or an earlier one. Where there are none, nothing asks for them. */
  mayDelete: boolean;
  /** Entries of the change log that were read, and those of a timestamp alone. */
  changes: ChangesRead;
  notices: Notice[];
  /** The first page of a delta, where it was asked for before this mirror's turn. */
  ahead: Promise<FirstPage> | null;
  /** The listings of a comparison from the start, where they were begun before this mirror's turn. */
  listings: Listings | null;
  /** Tells whoever watches how many keys or rows are done. It never goes back. */
  progress: (done: number) => void;
  /** Called once this mirror has nothing more to read, and waits for answers: the next one may begin to read. */
  onAllRead: () => void;
}

/** Pages of (key, hash) of both sides, in the order of the keys' bytes. */
export interface Listings {
  relation: AsyncIterable<KeyHash[]>;
  ledger: AsyncIterable<KeyHash[]>;
}

/** A page of the log, and its rows, of which the first are being read. */
export interface FirstPage {
  page: ChangePage;
  chunks: AsyncIterable<RowChunk>;
}

/** What a table's run came to; the caller adds what only it knows (durations, calls). */
export type MirrorOutcome = Pick<
  TableReport,
  | "mode"
  | "read"
  | "inserted"
  | "updated"
  | "unchanged"
  | "deleted"
  | "rejected"
  | "heldBack"
  | "watermark"
  | "tracking"
  | "waiting"
  | "notices"
>;
