import type { SyncError } from "../model/errors.js";
import type { ForeseenDeployment } from "../sink/foreseen-deployment.js";
import { readMirrorRecord, type MirrorRecord } from "../state/mirror-record.js";
import { countRejectedRows, findRejectedRows, rejectedKeys } from "../state/rejected-rows.js";
import { foreseeHealing } from "./foresee-healing.js";
import { ForeseenDeletions, type DeletionCosts } from "./foreseen-deletions.js";
import type { MirrorRun } from "../sync/mirror-run.js";
import type { RunContext } from "../sync/run-context.js";
import type { RunEffects } from "../sync/run-effects.js";

/** Rows that a run would set aside, of one reason. */
export interface SetAside {
  code: string;
  column: string | null;
  rows: number;
}

/** What a run would do to Postgres: nothing is done, and what depends on it is answered as if it had been. */
export class ForeseenEffects implements RunEffects {
  readonly #getContext: () => RunContext;
  readonly #deployment: ForeseenDeployment;
  readonly #deletions = new Map<string, ForeseenDeletions>();
  readonly #costs = new Map<string, DeletionCosts>();
  readonly #setAside = new Map<string, Map<string, { code: string; column: string | null }>>();
  readonly #mended = new Map<string, Set<string>>();
  /** Mirrors whose last run had ended, and Postgres had yet to hear of it. */
  readonly #ended = new Set<string>();

  constructor(getContext: () => RunContext, deployment: ForeseenDeployment) {
    this.#getContext = getContext;
    this.#deployment = deployment;
  }

  /** Of this run, by reason. */
  setAside(name: string): SetAside[] {
    const sums = new Map<string, SetAside>();
    for (const { code, column } of this.#setAside.get(name)?.values() ?? []) {
      const reason = `${code} ${column ?? ""}`;
      const sum = sums.get(reason) ?? { code, column, rows: 0 };
      sums.set(reason, { ...sum, rows: sum.rows + 1 });
    }
    return [...sums.values()];
  }

  /** Deletions that would be made; what they cost is in no other count. */
  deletionCosts(name: string): DeletionCosts {
    return this.#costs.get(name) ?? { deleted: 0, meters: [] };
  }

  readonly registerMirrors: RunEffects["registerMirrors"] = () => Promise.resolve();
  readonly saveCursor: RunEffects["saveCursor"] = () => Promise.resolve();
  readonly markUnsteady: RunEffects["markUnsteady"] = () => Promise.resolve();
  readonly advanceRun: RunEffects["advanceRun"] = () => Promise.resolve();
  readonly recordFailure: RunEffects["recordFailure"] = () => Promise.resolve();

  readonly heal: RunEffects["heal"] = (config, source) => foreseeHealing(this.#getContext(), config, source);

  readonly openRuns: RunEffects["openRuns"] = (runs) =>
    Promise.resolve(new Set(runs.map(({ name }) => name)));

  readonly recordDeletions: RunEffects["recordDeletions"] = async (run, kind, keys, foundBy) => {
    await this.#deletionsOf(run).record(kind, keys, foundBy);
    // What is gone cannot be set aside any more.
    if (kind === "key") await this.forgetRejectedRows(run.source.name, keys);
  };

  readonly confirmDeletions: RunEffects["confirmDeletions"] = (run, kind, foundBy) => {
    this.#deletionsOf(run).confirm(kind, foundBy ?? run.context.lease.nonce);
    return Promise.resolve();
  };

  readonly makeDeletions: RunEffects["makeDeletions"] = async (run, options) => {
    const { heldBack, ...costs } = await this.#deletionsOf(run).make(options);
    this.#costs.set(run.source.name, costs);
    return heldBack;
  };

  readonly recordRejectedRow: RunEffects["recordRejectedRow"] = (name, { key, code, column }) => {
    rowsOf(this.#setAside, name, () => new Map()).set(key, { code, column });
    return Promise.resolve();
  };

  readonly forgetRejectedRows: RunEffects["forgetRejectedRows"] = async (name, keys) => {
    const mended = rowsOf(this.#mended, name, () => new Set());
    for (const key of await this.#findRejected(name, keys)) mended.add(key);
  };

  readonly countRejectedRows: RunEffects["countRejectedRows"] = async (name) => {
    const { database, lease } = this.#getContext();
    const before = await countRejectedRows(database, lease.targetId, name);
    const now = [...(this.#setAside.get(name)?.keys() ?? [])];
    const known = new Set(await this.#findRejected(name, now));
    const mended = [...(this.#mended.get(name) ?? [])].filter((key) => !known.has(key));
    return before - mended.length + now.filter((key) => !known.has(key)).length;
  };

  readonly rejectedKeys: RunEffects["rejectedKeys"] = (name, limit) => this.#rejectedKeys(name, limit);

  /** The witness is that of the run's beginning: nothing was acted upon that might be gone by now. */
  readonly announceEnds: RunEffects["announceEnds"] = () =>
    Promise.resolve({ witness: this.#getContext().timeline, refused: new Map<string, SyncError>() });

  readonly commitWatermarks: RunEffects["commitWatermarks"] = (ends) => {
    for (const { name } of ends) this.#ended.add(name);
    return Promise.resolve(new Map<string, SyncError>());
  };

  readonly readRecord: RunEffects["readRecord"] = async (name) => {
    const { database, lease } = this.#getContext();
    const record = await readMirrorRecord(database, lease.targetId, name);
    return record !== null && this.#ended.has(name) ? afterItsEnd(record) : record;
  };

  #deletionsOf(run: MirrorRun): ForeseenDeletions {
    return rowsOf(this.#deletions, run.source.name, () => new ForeseenDeletions(run, this.#deployment));
  }

  /** Those that are set aside already, and then those that this run would set aside. */
  async *#rejectedKeys(name: string, limit: number): AsyncGenerator<string[]> {
    const { database, lease } = this.#getContext();
    const now = [...(this.#setAside.get(name)?.keys() ?? [])];
    const mended = this.#mended.get(name);
    let last: string[] = [];
    for await (const page of rejectedKeys(database, lease.targetId, name, limit)) {
      if (last.length > 0) yield last;
      last = page.filter((key) => !mended?.has(key));
    }
    const known = new Set(await this.#findRejected(name, now));
    const left = [...last, ...now.filter((key) => !known.has(key))];
    for (let from = 0; from < left.length; from += limit) yield left.slice(from, from + limit);
  }

  async #findRejected(name: string, keys: readonly string[]): Promise<string[]> {
    const { database, lease } = this.#getContext();
    return keys.length === 0 ? [] : findRejectedRows(database, lease.targetId, name, keys);
  }
}

function rowsOf<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = create()));
  return value;
}

/** As `commitWatermarks` leaves it. */
function afterItsEnd(record: MirrorRecord): MirrorRecord {
  const { openRun } = record;
  if (openRun?.finalNonce == null) return record;
  const { snapshot, snapshotAt: at, seen, finalNonce: nonce } = openRun;
  return { ...record, watermark: { snapshot, at, seen, nonce }, openRun: null };
}
