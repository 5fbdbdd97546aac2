import { LIMITS } from "../../convex/datahubSync/protocol.js";
import { BatchSender } from "../sink/batch-sender.js";
import { nothingMetered, type CallMeter } from "../sink/convex-transport.js";
import type { ForeseenDeployment } from "../sink/foreseen-deployment.js";
import { ledgerBytes } from "../sink/io-estimate.js";
import { findPendingDeletions, readPendingDeletions, type DeletionKind } from "../state/pending-deletions.js";
import type { StoredMirror } from "../state/stored-mirror.js";
import { holdsBack } from "../sync/deletion-guard.js";
import type { DeletionOptions } from "../sync/run-effects.js";
import type { MirrorRun } from "../sync/mirror-run.js";
import { RecentKeys } from "../sync/recent-keys.js";

/** What deletions that are made would cost. */
export interface DeletionCosts {
  deleted: number;
  meters: CallMeter[];
}

/**
 * Deletions of one mirror in a dry run. A run writes down what it finds; here each is looked up where it is found, as if it
 * were made at once, in a sender of its kind alone: whether it would be made is known at the end, and no key is kept.
 */
export class ForeseenDeletions {
  readonly #lanes: Record<DeletionKind, Lane>;
  readonly #confirmed = new Map<DeletionKind, string>();
  /** One that two passes find is one. */
  readonly #recent = new RecentKeys();

  constructor(
    private readonly run: MirrorRun,
    private readonly mirror: StoredMirror,
    deployment: ForeseenDeployment,
  ) {
    const lane = () => new Lane(run, deployment);
    this.#lanes = { key: lane(), document: lane(), stranger: lane() };
  }

  /**
   * Those that an earlier run has written down are looked at at the end. A pass that lists everything is confirmed when it
   * is complete, and then only what it has found itself counts: what the interrupted one had written down, and this.
   */
  async record(kind: DeletionKind, keys: readonly string[], foundBy?: string): Promise<void> {
    const listsAll = kind === "document" || foundBy !== undefined;
    const pass = foundBy ?? this.run.context.lease.nonce;
    const known = await this.#find(kind, keys, listsAll ? pass : undefined);
    const strangers = kind === "document" ? await this.#find("stranger", keys) : new Set();
    const found = keys.filter((key) => !known.has(key) && !strangers.has(key));
    await this.#lanes[kind].remove(kind, this.#recent.keepNew(found));
  }

  /** Those of earlier passes are forgotten. */
  confirm(kind: DeletionKind, foundBy: string): void {
    this.#confirmed.set(kind, foundBy);
  }

  /** As `makeDeletions` decides. */
  async make({ documentsBefore, allowed }: DeletionOptions): Promise<{ heldBack: number } & DeletionCosts> {
    for (const kind of ["key", "document", "stranger"] as const) {
      for await (const keys of this.#writtenDown(kind)) {
        const living = kind === "key" ? await this.run.reader.existing(keys) : new Set();
        await this.#lanes[kind].remove(
          kind,
          keys.filter((key) => !living.has(key)),
        );
      }
      await this.#lanes[kind].end();
    }
    const { key, document, stranger } = this.#lanes;
    const { writer } = this.run;
    const shrinksTooMuch = (keys: number) =>
      holdsBack({
        documentsBefore: documentsBefore + document.deleted,
        inserted: writer.counts.inserted - writer.restored,
        deletions: keys + document.deleted,
      });
    // Whether they are held back is decided by those that Convex holds, which are looked up first.
    const lookUps = !allowed && shrinksTooMuch(key.removed) ? [key.lookUps()] : [];
    if (!allowed && shrinksTooMuch(key.deleted)) {
      const heldBack = key.deleted + document.deleted + stranger.deleted;
      return { heldBack, deleted: 0, meters: lookUps };
    }
    const made = allowed ? [document, stranger] : [document];
    const ofKeys = lookUps.length > 0 ? key.costsOfKnown() : key.meter;
    return {
      heldBack: allowed ? 0 : stranger.deleted,
      deleted: made.reduce((sum, lane) => sum + lane.deleted, key.deleted),
      meters: [...lookUps, ofKeys, ...made.map(({ meter }) => meter)],
    };
  }

  async *#writtenDown(kind: DeletionKind): AsyncGenerator<string[]> {
    const { settings, signal } = this.run.context;
    let after: string | null = null;
    for (;;) {
      signal.throwIfAborted();
      const foundBy = this.#confirmed.get(kind);
      const keys = await readPendingDeletions(this.mirror, kind, after, settings.pageHashes, foundBy);
      if (keys.length === 0) return;
      yield keys;
      after = keys.at(-1)!;
    }
  }

  #find(kind: DeletionKind, keys: readonly string[], foundBy?: string): Promise<Set<string>> {
    return findPendingDeletions(this.mirror, kind, keys, foundBy);
  }
}

/** As long as any. */
const HASH = "0".repeat(22);

/** Of a request's body, beside the keys. */
const CALL_BYTES = 200;

/** Deletions of one kind, as if they were made. */
class Lane {
  readonly meter: CallMeter;
  readonly #sender: BatchSender;
  readonly #pageHashes: number;
  /** Keys, whether Convex holds them or not. */
  removed = 0;
  #keyBytes = 0;
  #entryBytes = 0;

  constructor({ context, source, writer }: MirrorRun, deployment: ForeseenDeployment) {
    const sink = deployment.createSink({ leavesNoTrace: true });
    this.meter = sink.meter(source.name);
    const { clock, settings, signal, deadlineAt } = context;
    this.#pageHashes = settings.pageHashes;
    this.#sender = new BatchSender({
      sink,
      token: writer.token,
      clock,
      signal,
      deadlineAt,
      pacer: null,
      maxInFlight: settings.maxInFlight,
      onRowRefused: () => Promise.resolve(),
    });
  }

  /** Documents that would go. */
  get deleted(): number {
    return this.#sender.counts.deleted;
  }

  async remove(kind: DeletionKind, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const entry = ledgerBytes(key, HASH);
      this.#keyBytes += Buffer.byteLength(JSON.stringify(key)) + 1;
      this.#entryBytes += entry.document + entry.byKey;
      await (kind === "key" ? this.#sender.remove(key) : this.#sender.removeOrphan(key));
      this.removed += 1;
      if (this.removed % this.#pageHashes === 0) await this.#endPage();
    }
  }

  /** What it costs to look all of these keys up. */
  lookUps(): CallMeter {
    const callsOf = (keys: number) => Math.ceil(keys / LIMITS.lookupKeys);
    const pages = Math.floor(this.removed / this.#pageHashes);
    const calls = pages * callsOf(this.#pageHashes) + callsOf(this.removed % this.#pageHashes);
    const bytesRead = Math.round((this.#entryBytes * this.deleted) / Math.max(1, this.removed));
    return { ...nothingMetered(), calls, bytesSent: this.#keyBytes + calls * CALL_BYTES, bytesRead };
  }

  /** The same without keys that Convex does not hold, once those were looked up and left out. */
  costsOfKnown(): CallMeter {
    const callsOf = (keys: number) => (keys === 0 ? 0 : Math.ceil(keys / this.#sender.batchSize.rows) + 1);
    const pages = Math.floor(this.deleted / this.#pageHashes);
    const calls = pages * callsOf(this.#pageHashes) + callsOf(this.deleted % this.#pageHashes);
    if (calls === 0) return nothingMetered();
    return {
      ...this.meter,
      calls,
      bytesSent: Math.round((this.meter.bytesSent * this.deleted) / this.removed),
    };
  }

  async end(): Promise<void> {
    if (this.removed % this.#pageHashes !== 0) await this.#endPage();
  }

  /** A run makes them page by page, and gives what Convex holds after each a name. */
  async #endPage(): Promise<void> {
    await this.#sender.drain();
    await this.#sender.raiseFence();
  }
}
