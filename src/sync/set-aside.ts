import type { RowRefusal } from "../sink/batch-sender.js";
import { RefusalGuard, type Refuser } from "./refusal-guard.js";
import type { MirrorEffects } from "./run-effects.js";

/** The rows of one mirror that are set aside, since neither their documents nor older ones may be shown (invariant 7). */
export class SetAside {
  readonly #effects: MirrorEffects;
  readonly #guard: RefusalGuard;
  #any: boolean;
  /** Since the last checkpoint: rows that were refused, */
  readonly #refused = new Set<string>();
  /** rows that earlier runs had set aside, */
  readonly #setAsideBefore = new Set<string>();
  /** and rows that were acknowledged or refused. */
  #settled: string[] = [];

  /** @param hadAny rows were set aside when the run began */
  constructor(table: string, effects: MirrorEffects, hadAny: boolean) {
    this.#effects = effects;
    this.#guard = new RefusalGuard(table);
    this.#any = hadAny;
  }

  /**
   * Whether rows are set aside: only then is it worth forgetting those that are mirrored now. By an earlier run, or by
   * this one, since a row that changes again is read again.
   */
  get hasAny(): boolean {
    return this.#any;
  }

  /** Before rows are sent: one that was set aside before and still cannot be mirrored is no sign of a new fault. */
  async recall(keys: readonly string[]): Promise<void> {
    if (!this.#any) return;
    for (const key of await this.#effects.findSetAside(keys)) this.#setAsideBefore.add(key);
  }

  /**
   * @param passed rows that this one has let pass so far
   * @throws SyncError SYSTEMIC_REFUSAL
   */
  async add(
    key: string,
    {
      by,
      passed,
      reason,
      column,
    }: { by: Refuser; passed: number; reason: RowRefusal; column: string | null },
  ): Promise<void> {
    if (!this.#setAsideBefore.has(key)) this.#guard.refuse(by, passed, reason);
    this.#refused.add(key);
    this.#any = true;
    const { code, message } = reason;
    await this.#effects.setRowAside({ key, code, column, reason: message });
  }

  settled(keys: readonly string[]): void {
    if (this.#any) this.#settled.push(...keys);
  }

  /**
   * When everything is acknowledged. The older version of a row that was set aside is removed: a mirror may lack a row
   * that it names, but it must not show an old one as if it were current.
   * @param remove resolves when the removals are acknowledged
   */
  async checkpoint(remove: (keys: readonly string[]) => Promise<void>): Promise<void> {
    if (this.#refused.size > 0) await remove([...this.#refused]);
    if (this.#any) await this.#effects.forgetSetAside(this.#settled.filter((key) => !this.#refused.has(key)));
    this.#refused.clear();
    this.#setAsideBefore.clear();
    this.#settled = [];
  }
}
