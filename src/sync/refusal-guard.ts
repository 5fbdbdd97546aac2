import { SyncError } from "../model/errors.js";

export interface RefusalLimits {
  /** Rows refused while not one was accepted. Default 20. */
  maxBeforeFirstAccepted?: number;
  /** Rows refused that are too many if they are also more than `maxShare` of the rows seen. Default 50. */
  maxRefused?: number;
  /** Between 0 and 1. Default 0.1. */
  maxShare?: number;
}

/** Who refused a row: the encoder before it was sent, or Convex. */
export type Refuser = "encoder" | "convex";

/**
 * Tells a few rows that can't be mirrored from a bug or an outage, which must not set a whole table aside
 * (invariant 7). Refusals of the encoder are held against the rows that it encoded, for it is ahead of Convex;
 * refusals of Convex against those that Convex accepted.
 */
export class RefusalGuard {
  readonly #refused: Record<Refuser, number> = { encoder: 0, convex: 0 };
  readonly #limits: Required<RefusalLimits>;

  constructor(
    private readonly table: string,
    limits: RefusalLimits = {},
  ) {
    this.#limits = { maxBeforeFirstAccepted: 20, maxRefused: 50, maxShare: 0.1, ...limits };
  }

  /**
   * Counts a refused row. Throws SYSTEMIC_REFUSAL when so many refusals look like a fault of the whole table.
   * @param passed rows that this one has let pass so far
   */
  refuse(by: Refuser, passed: number, reason: { code: string; message: string }): void {
    this.#refused[by] += 1;
    const refused = this.#refused[by];
    const { maxBeforeFirstAccepted, maxRefused, maxShare } = this.#limits;
    const nothingPasses = passed === 0 && refused >= maxBeforeFirstAccepted;
    const seen = passed + refused;
    const tooMany = refused > maxRefused && refused > maxShare * seen;
    if (!nothingPasses && !tooMany) return;
    throw new SyncError({
      code: "SYSTEMIC_REFUSAL",
      message: `${refused} of ${seen} rows of ${this.table} were refused, the last one with ${reason.code}: ${reason.message}`,
      remedy:
        "This looks like a fault that concerns the whole table, so the run stopped and the watermark stays. " +
        "Check that the deployed schema fits the table and see the deployment's logs; then run again.",
      table: this.table,
    });
  }
}
