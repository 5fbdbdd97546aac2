import type { ForeseenDeployment } from "../sink/foreseen-deployment.js";
import { readMirrorRecord, type MirrorRecord } from "../state/mirror-record.js";
import { countSetAside, findSetAside, setAsideKeys } from "../state/set-aside-rows.js";
import type { StoredMirror } from "../state/stored-mirror.js";
import type { MirrorRun } from "../sync/mirror-run.js";
import type { MirrorEffects } from "../sync/run-effects.js";
import { ForeseenDeletions, type DeletionCosts } from "./foreseen-deletions.js";

/** Rows that a run would set aside, of one reason. */
export interface SetAsideRows {
  code: string;
  column: string | null;
  rows: number;
}

/** What a run would do to one mirror in Postgres. */
export class ForeseenMirrorEffects implements MirrorEffects {
  readonly #mirror: StoredMirror;
  readonly #deployment: ForeseenDeployment;
  #deletions: ForeseenDeletions | null = null;
  #costs: DeletionCosts = { deleted: 0, meters: [] };
  readonly #setAside = new Map<string, { code: string; column: string | null }>();
  readonly #mended = new Set<string>();
  /** Its last run had ended, and Postgres had yet to hear of it. */
  #hasEnded = false;

  constructor(mirror: StoredMirror, deployment: ForeseenDeployment) {
    this.#mirror = mirror;
    this.#deployment = deployment;
  }

  /** Rows that this run would set aside, by reason. */
  get setAside(): SetAsideRows[] {
    const sums = new Map<string, SetAsideRows>();
    for (const { code, column } of this.#setAside.values()) {
      const reason = `${code} ${column ?? ""}`;
      const sum = sums.get(reason) ?? { code, column, rows: 0 };
      sums.set(reason, { ...sum, rows: sum.rows + 1 });
    }
    return [...sums.values()];
  }

  /** Deletions that would be made; what they cost is in no other count. */
  get deletionCosts(): DeletionCosts {
    return this.#costs;
  }

  /** Its watermark would have been moved. */
  end(): void {
    this.#hasEnded = true;
  }

  readonly saveCursor: MirrorEffects["saveCursor"] = () => Promise.resolve();
  readonly markUnsteady: MirrorEffects["markUnsteady"] = () => Promise.resolve();
  readonly advanceRun: MirrorEffects["advanceRun"] = () => Promise.resolve();
  readonly recordFailure: MirrorEffects["recordFailure"] = () => Promise.resolve();

  readonly readRecord: MirrorEffects["readRecord"] = async () => {
    const record = await readMirrorRecord(this.#mirror);
    return record !== null && this.#hasEnded ? afterItsEnd(record) : record;
  };

  readonly recordDeletions: MirrorEffects["recordDeletions"] = async (run, kind, keys, foundBy) => {
    await this.#deletionsOf(run).record(kind, keys, foundBy);
    // What is gone cannot be set aside any more.
    if (kind === "key") await this.forgetSetAside(keys);
  };

  readonly confirmDeletions: MirrorEffects["confirmDeletions"] = (run, kind, foundBy) => {
    this.#deletionsOf(run).confirm(kind, foundBy ?? run.context.lease.nonce);
    return Promise.resolve();
  };

  readonly makeDeletions: MirrorEffects["makeDeletions"] = async (run, options) => {
    const { heldBack, ...costs } = await this.#deletionsOf(run).make(options);
    this.#costs = costs;
    return heldBack;
  };

  readonly setRowAside: MirrorEffects["setRowAside"] = ({ key, code, column }) => {
    this.#setAside.set(key, { code, column });
    return Promise.resolve();
  };

  readonly forgetSetAside: MirrorEffects["forgetSetAside"] = async (keys) => {
    for (const key of await this.findSetAside(keys)) this.#mended.add(key);
  };

  readonly findSetAside: MirrorEffects["findSetAside"] = (keys) =>
    keys.length === 0 ? Promise.resolve([]) : findSetAside(this.#mirror, keys);

  readonly countSetAside: MirrorEffects["countSetAside"] = async () => {
    const before = await countSetAside(this.#mirror);
    const now = [...this.#setAside.keys()];
    const known = new Set(await this.findSetAside(now));
    const mended = [...this.#mended].filter((key) => !known.has(key));
    return before - mended.length + now.filter((key) => !known.has(key)).length;
  };

  /** Those that are set aside already, and then those that this run would set aside. */
  async *setAsideKeys(limit: number): AsyncGenerator<string[]> {
    const now = [...this.#setAside.keys()];
    let last: string[] = [];
    for await (const page of setAsideKeys(this.#mirror, limit)) {
      if (last.length > 0) yield last;
      last = page.filter((key) => !this.#mended.has(key));
    }
    const known = new Set(await this.findSetAside(now));
    const left = [...last, ...now.filter((key) => !known.has(key))];
    for (let from = 0; from < left.length; from += limit) yield left.slice(from, from + limit);
  }

  #deletionsOf(run: MirrorRun): ForeseenDeletions {
    return (this.#deletions ??= new ForeseenDeletions(run, this.#mirror, this.#deployment));
  }
}

/** As `commitWatermarks` leaves it. */
function afterItsEnd(record: MirrorRecord): MirrorRecord {
  const { openRun } = record;
  if (openRun?.finalNonce == null) return record;
  const { snapshot, snapshotAt: at, seen, finalNonce: nonce } = openRun;
  return { ...record, watermark: { snapshot, at, seen, nonce }, openRun: null };
}
