import type { TableReport } from "../model/report.js";
import { lookAtLog } from "../source/look-at-log.js";
import { parseSnapshot, type Snapshot } from "../model/snapshot.js";
import { beginRuns } from "./begin-runs.js";
import { beginEarly, dropBegun } from "./begin-early.js";
import { concernsOneMirror } from "./ends-run.js";
import { endRuns } from "./end-runs.js";
import { makeFit } from "./make-fit.js";
import { asSyncError, MirrorTask } from "./mirror-task.js";
import { planAdoption, planRun } from "./plan-run.js";
import type { RunOptions } from "./run-options.js";
import type { RunContext } from "./run-context.js";
import { notRun } from "./summarise-run.js";
import type { MirrorSurvey } from "./survey.js";
import { doWork } from "./sync-mirror.js";

export type TablesOptions = Pick<
  RunOptions,
  "mode" | "allowDeletes" | "removeStrangers" | "takeOver" | "adopt"
>;

/**
 * The longest that a mirror whose rows are all acknowledged waits for others before both sides are told: telling costs
 * the same for one as for all.
 */
const END_AFTER_MS = 10_000;

/**
 * The mirrors of a run: what they have in common is asked and told for all of them at once, their rows are moved one
 * mirror after the other. One that fails leaves the others alone, unless what failed is not its own.
 * @param onPlanned told of each mirror once it is known what is done with it
 */
export async function syncTables(
  context: RunContext,
  options: TablesOptions,
  surveys: readonly MirrorSurvey[],
  onPlanned: (task: MirrorTask) => void = () => {},
): Promise<TableReport[]> {
  const tasks = new Tasks(surveys.map((survey) => new MirrorTask(survey, context, options.mode)));
  await tasks.eachOf(tasks.living, (task) => makeFit(context, task, options));
  const unregistered = tasks.living.filter(
    ({ fit, survey }) => (fit!.record ?? survey.memory.record)?.trackedId !== fit!.source.sight.trackedId,
  );
  await tasks.allOf(unregistered, () =>
    context.effects.registerMirrors(
      unregistered.map(({ name, fit }) => ({ name, trackedId: fit!.source.sight.trackedId })),
    ),
  );
  for (let left = tasks.living; left.length > 0; left = tasks.living)
    await runGroup(context, options, tasks, left, onPlanned);
  return tasks.all.map(({ report, name }) => report ?? notRun(name, options.mode));
}

/** Rows of first loads that begin with one snapshot: some seconds' work. */
const ROWS_LOADED_TOGETHER = 10_000;

/**
 * A snapshot, and the runs that begin with it: all of these mirrors, but first loads, which take long: whatever comes
 * after one is to begin with a snapshot of then.
 */
async function runGroup(
  context: RunContext,
  options: TablesOptions,
  tasks: Tasks,
  candidates: readonly MirrorTask[],
  onPlanned: (task: MirrorTask) => void,
): Promise<void> {
  await tasks.allOf(candidates, () => plan(context, options, candidates));
  const planned = candidates.filter(({ isOver }) => !isOver);
  const loads = planned.filter((task) => task.planned!.plan.work.kind === "load");
  const others = planned.filter((task) => !loads.includes(task));
  const group = others.length > 0 ? others : loadedTogether(loads, context.settings.parallel);
  group.forEach(onPlanned);
  const idle = group.filter((task) => task.planned!.isIdle);
  const busy = inOrder(group.filter((task) => !idle.includes(task)));
  await tasks.allOf(busy, () => beginRuns(context, busy, options));

  const ends = new Ends(context, tasks, idle);
  const waiting = [...busy];
  const workOn = async (task: MirrorTask): Promise<void> => {
    if (task.run !== null)
      task.run.onAllRead = () => {
        if (waiting[0] !== undefined) beginEarly(waiting[0]);
      };
    await ends.before(task);
    await tasks.eachOf([task], () => task.timed(() => doWork(context, task, options)));
    if (!task.isOver) ends.add(task);
  };
  const workOnNext = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined && !tasks.hasEnded; task = waiting.shift())
      await workOn(task);
  };
  await Promise.all(Array.from({ length: context.settings.parallel }, workOnNext));
  await ends.tellAll();
  for (const { run } of busy) if (run !== null) await dropBegun(run);
}

/** Mirrors whose rows are all acknowledged, until both sides are told. */
class Ends {
  #done: MirrorTask[];
  #sinceMs: number;
  /** Told one after the other. */
  #telling: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: RunContext,
    private readonly tasks: Tasks,
    done: readonly MirrorTask[],
  ) {
    this.#done = [...done];
    this.#sinceMs = context.clock.now();
  }

  add(task: MirrorTask): void {
    if (this.#done.length === 0) this.#sinceMs = this.context.clock.now();
    this.#done.push(task);
  }

  /** Those that would wait for long while this one is worked on are told first. */
  async before({ planned }: MirrorTask): Promise<void> {
    const isLong =
      planned!.plan.work.kind !== "delta" &&
      this.#done.some(({ planned: of }) => of!.plan.work.kind === "delta");
    if (isLong || this.context.clock.now() - this.#sinceMs >= END_AFTER_MS) await this.tellAll();
  }

  tellAll(): Promise<void> {
    const done = this.#done;
    this.#done = [];
    this.#telling = this.#telling.then(() => this.tasks.allOf(done, () => endRuns(this.context, done)));
    return this.#telling;
  }
}

/**
 * The first of these loads, as many as are worked on at the same time, and as many after it as are small together; one whose
 * size is not known counts as large.
 */
function loadedTogether(loads: readonly MirrorTask[], parallel: number): readonly MirrorTask[] {
  let rows = 0;
  const end = loads.findIndex(({ fit }) => {
    rows += fit!.source.estimatedRows ?? Infinity;
    return rows > ROWS_LOADED_TOGETHER;
  });
  return end < 0 ? loads : loads.slice(0, Math.max(parallel, end));
}

/** Deltas first, which are short; each kind in the order of the configuration. */
function inOrder(tasks: readonly MirrorTask[]): MirrorTask[] {
  const isDelta = (task: MirrorTask) => task.planned!.plan.work.kind === "delta";
  return [...tasks.filter(isDelta), ...tasks.filter((task) => !isDelta(task))];
}

/** What each of them does, by one look at the log and one snapshot. */
async function plan(
  context: RunContext,
  { mode: requested, adopt = [] }: TablesOptions,
  tasks: readonly MirrorTask[],
): Promise<void> {
  const snapshotOf = (from: { snapshot: string } | null | undefined): Snapshot | null =>
    from ? parseSnapshot(from.snapshot) : null;
  const { taken, answers } = await lookAtLog(
    context.database,
    tasks.map(({ fit }) => ({
      trackedId: fit!.source.sight.trackedId,
      watermark: snapshotOf(fit!.record?.watermark),
      openSnapshot: snapshotOf(fit!.record?.openRun),
    })),
  );
  tasks.forEach((task, place) => {
    const { source, record, agreement, notices } = task.fit!;
    const { handshake, memory } = task.survey;
    const { unknown, isAhead, hasChanges } = answers[place]!;
    const plan = adopt.includes(task.name) ? planAdoption : planRun;
    const run = plan({ requested, source, record, handshake, agreement, unknown, isAhead });
    const isDelta = run.work.kind === "delta" && run.resumed === null && record?.openRun === null;
    const waits = memory.pending.key + memory.pending.document + memory.pending.stranger > 0;
    task.planned = {
      plan: { ...run, notices: [...notices, ...run.notices] },
      snapshot: run.resumed?.snapshot ?? taken.snapshot,
      at: run.resumed?.snapshotAt ?? taken.at,
      isIdle: isDelta && !hasChanges && !waits,
    };
  });
}

/** The mirrors of a run. Once one has failed of what concerns all, nothing more is tried. */
class Tasks {
  constructor(readonly all: readonly MirrorTask[]) {}

  get hasEnded(): boolean {
    return this.all.some(({ endedRun }) => endedRun);
  }

  get living(): MirrorTask[] {
    return this.hasEnded ? [] : this.all.filter(({ isOver }) => !isOver);
  }

  /** One after the other; each may fail by itself. */
  async eachOf(tasks: readonly MirrorTask[], work: (task: MirrorTask) => Promise<void>): Promise<void> {
    for (const task of tasks) {
      if (task.isOver || this.hasEnded) continue;
      await work(task).catch((error: unknown) => task.fail(asSyncError(error, task.name)));
    }
  }

  /** For all at once: where that fails, it fails for each; where it concerns the whole run, the first one names it. */
  async allOf(tasks: readonly MirrorTask[], work: () => Promise<void>): Promise<void> {
    const living = tasks.filter(({ isOver }) => !isOver);
    if (living.length === 0 || this.hasEnded) return;
    try {
      await work();
    } catch (error) {
      for (const task of living) {
        if (task.isOver) continue;
        await task.fail(asSyncError(error, task.name));
        if (!concernsOneMirror(error)) break;
      }
    }
  }
}
