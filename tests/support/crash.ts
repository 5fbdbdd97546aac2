import { vi } from "vitest";
import { Database } from "../../src/postgres/database.js";
import type { RunMode, RunReport } from "../../src/model/report.js";
import type { MirrorFixture, SyncOptions } from "./mirror-fixture.js";

/** A statement or a call that a run makes: "Postgres: taking the snapshot", "Convex: beginRuns". */
export type Step = string;

export interface WatchedRun {
  steps: Step[];
  crashed: boolean;
  /** Null when the run threw, as a crashed one may. */
  report: RunReport | null;
}

export interface CrashOptions extends SyncOptions {
  mode?: RunMode;
  /** The process ends before this step is begun: what the run had under way may still be carried out. */
  crashBefore?: (step: Step, index: number) => boolean;
  /** Called before each step. */
  onStep?: (step: Step, index: number) => void | Promise<void>;
}

/**
 * Runs the program in this process and ends it, as `kill -9` would, at a chosen step: from there on nothing of it
 * reaches Postgres or Convex, releasing the lease included.
 */
export async function watchRun(mirror: MirrorFixture, options: CrashOptions = {}): Promise<WatchedRun> {
  const { mode = "delta", crashBefore = () => false, onStep, ...syncOptions } = options;
  const watched: WatchedRun = { steps: [], crashed: false, report: null };
  const death = new AbortController();
  const signal = syncOptions.signal ? AbortSignal.any([syncOptions.signal, death.signal]) : death.signal;

  const pass = async <T>(step: Step, perform: () => Promise<T>): Promise<T> => {
    const index = watched.steps.push(step) - 1;
    await onStep?.(step, index);
    if (!watched.crashed && crashBefore(step, index)) {
      watched.crashed = true;
      death.abort(new Error("killed"));
    }
    if (watched.crashed) throw new Error("killed");
    const result = await perform();
    if (watched.crashed) throw new Error("killed");
    return result;
  };

  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` below
  const execute = Database.prototype.execute;
  const statements = vi
    .spyOn(Database.prototype, "execute")
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the method is generic
    .mockImplementation(function (this: Database, doing: string, work: any) {
      return pass(`Postgres: ${doing}`, () => execute.call(this, doing, work as never));
    });
  const realFetch = globalThis.fetch;
  const calls = vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => {
    const { path } = JSON.parse(init!.body as string) as { path: string };
    return pass(`Convex: ${path.split(":")[1]}`, () => realFetch(input, init));
  });
  try {
    watched.report = await mirror.runSync(mode, { ...syncOptions, signal });
  } catch (error) {
    if (!watched.crashed) throw error;
  } finally {
    statements.mockRestore();
    calls.mockRestore();
  }
  return watched;
}

/** The run writes down how far it has come. */
export const isProgress = (step: Step): boolean => step.includes("writing the progress");

/** True for the n-th step that matches, and for no other. */
export function nth(n: number, matches: (step: Step) => boolean): (step: Step) => boolean {
  let times = 0;
  return (step) => matches(step) && ++times === n;
}
