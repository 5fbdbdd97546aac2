import { SyncError } from "../../model/errors.js";
import type { Check, CheckArea } from "../../model/doctor-report.js";

/** What was found where a check was made. */
export type Finding = Pick<Check, "outcome" | "finding" | "remedy">;

export const good = (finding: string): Finding => ({ outcome: "ok", finding, remedy: null });
export const warning = (finding: string, remedy: string): Finding => ({
  outcome: "warning",
  finding,
  remedy,
});
export const problem = (finding: string, remedy: string): Finding => ({
  outcome: "problem",
  finding,
  remedy,
});
export const leftOut = (finding: string): Finding => ({ outcome: "left-out", finding, remedy: null });

/** An error that says what to do is a finding as it stands. */
export const failure = ({ message, remedy }: SyncError): Finding => problem(message, remedy);

/** The checks so far, in the order in which they are shown. */
export class Checks {
  readonly all: Check[] = [];

  add(area: CheckArea, name: string, finding: Finding): void {
    this.all.push({ area, name, ...finding });
  }

  /**
   * Looks, and notes what was found; an error of ours is a problem that was found, and no reason to look no further.
   * @returns what `look` gave beside its finding; null where it threw
   * @throws what is not a SyncError, and INTERRUPTED
   */
  async look<T>(
    area: CheckArea,
    name: string,
    look: () => Promise<{ finding: Finding; value: T }>,
  ): Promise<T | null> {
    try {
      const { finding, value } = await look();
      this.add(area, name, finding);
      return value;
    } catch (error) {
      if (!(error instanceof SyncError) || error.code === "INTERRUPTED") throw error;
      this.add(area, name, failure(error));
      return null;
    }
  }
}
