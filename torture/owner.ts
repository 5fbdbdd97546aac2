import { setTimeout as sleep } from "node:timers/promises";
import { makeChange, type ChangeKind } from "./changes.js";
import type { Making } from "./random-values.js";
import { isExpectedFailure, isOurs } from "./writer.js";
import type { Setup } from "./setup.js";

/** How an owner changes tables while everybody writes, and runs run. */
export interface Altering {
  kinds: readonly ChangeKind[];
  /** Between two changes, at most. */
  pauseMs: number;
}

/** Changes tables until it is stopped. Returns how often. */
export async function alterUntilStopped(
  setup: Setup,
  { kinds, pauseMs }: Altering,
  { making, stop, onFailure }: { making: Making; stop: AbortSignal; onFailure: (message: string) => void },
): Promise<number> {
  const { random } = making;
  let made = 0;
  for (; ; made++) {
    await sleep(random.integer(20, pauseMs), undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return made;
    const change = { kind: random.pick(kinds), table: random.integer(0, 5), moment: "before" } as const;
    await makeChange(setup, change, making).catch((error: unknown) => {
      // Writers were in the way all the time, or what a crash left prepared is.
      const { cause, message } = error as Error;
      // What he drops is ours, and a run was making it anew: no statement of his without us.
      if (change.kind === "triggers are switched" && /tuple concurrently (updated|deleted)/.test(message))
        return;
      if (!isExpectedFailure(cause) || isOurs(cause, setup)) onFailure(message);
    });
  }
}
