import { SyncError } from "../errors.js";

export interface RefusalLimits {
  /** Rows refused while not one was accepted. Default 20. */
  maxBeforeFirstAccepted?: number;
  /** Rows refused that are too many if they are also more than `maxShare` of the rows seen. Default 50. */
  maxRefused?: number;
  /** Between 0 and 1. Default 0.1. */
  maxShare?: number;
}

/**
 * Tells a few rows that can't be mirrored from a bug or an outage, which must not set a whole table aside
 * (invariant 7). Counts rows whose fate is known.
 */
export class RefusalGuard {
  #accepted = 0;
  #refused = 0;
  readonly #limits: Required<RefusalLimits>;

  constructor(
    private readonly table: string,
    limits: RefusalLimits = {},
  ) {
    this.#limits = { maxBeforeFirstAccepted: 20, maxRefused: 50, maxShare: 0.1, ...limits };
  }

  accept(rows: number): void {
    this.#accepted += rows;
  }

  /** Counts a refused row. Throws SYSTEMIC_REFUSAL when refusals look like more than bad rows. */
  refuse(reason: { code: string; message: string }): void {
    this.#refused += 1;
    const { maxBeforeFirstAccepted, maxRefused, maxShare } = this.#limits;
    const nothingPasses = this.#accepted === 0 && this.#refused >= maxBeforeFirstAccepted;
    const seen = this.#accepted + this.#refused;
    const tooMany = this.#refused > maxRefused && this.#refused > maxShare * seen;
    if (!nothingPasses && !tooMany) return;
    throw new SyncError({
      code: "SYSTEMIC_REFUSAL",
      message: `${this.#refused} of ${seen} rows of ${this.table} were refused, the last one with ${reason.code}: ${reason.message}`,
      remedy:
        "This looks like a fault that concerns the whole table, so the run stopped and the watermark stays. " +
        "Check that the deployed schema fits the table and see the deployment's logs; then run again.",
      table: this.table,
    });
  }
}
