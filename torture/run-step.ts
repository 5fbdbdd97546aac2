import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_SECONDS, SHORT_TIMEOUTS, type Step } from "./steps.js";
import { Interrupter } from "./interrupter.js";
import { makeChange, momentOf, noteShapes } from "./changes.js";
import type { CallFaults, Interruption } from "./call-faults.js";
import { checkEnd, momentsMet } from "./check-end.js";
import type { Command, Ended } from "./command.js";
import { FreshRows } from "./fresh-rows.js";
import { beginRemoval } from "./removals.js";
import { migrateAll } from "./migrate.js";
import type { Making } from "./random-values.js";
import type { Setup } from "./setup.js";

/** A run that has not ended by then goes on without faults. One that makes no call for so long hangs; the last is the longest a run may take. */
const FAULTS_MS = 2_500;
const HANGS_AFTER_MS = 90_000;
const LONGEST_MS = 600_000;

export interface StepReport {
  failures: string[];
  /** What was done, for the line that a seed prints. */
  events: string[];
  restarts: number;
}

/** One step: what the owner does, a run, its faults, and the run that comes after. */
export async function runStep(
  setup: Setup,
  callFaults: CallFaults,
  step: Step,
  making: Making,
): Promise<StepReport> {
  const report: StepReport = { failures: [], events: [], restarts: 0 };
  const [first, other] = setup.targets;
  const target = step.on === "other" && other ? other : first;
  if (step.callFaults) callFaults.startFor(FAULTS_MS, step);

  const changes: Promise<void>[] = [];
  const change = async () => {
    report.events.push(step.change!.kind);
    await makeChange(setup, step.change!, making);
  };
  if (step.change?.moment === "before") await change();
  if (step.migrates === "before") report.failures.push(...(await migrateAll(setup, step.shape)));
  if (step.shape !== 0) await noteShapes(setup, target);
  const moment = step.change && momentOf(step.change);
  if (moment) callFaults.callAt(moment, () => changes.push(change()));

  const removal = step.removal && (await beginRemoval(setup, step.removal));
  const fresh = step.freshRows ? new FreshRows(setup, making) : null;
  callFaults.onBegin = fresh && (() => fresh.insert());
  const allowed = step.allowDeletes ? ["--allow-deletes", ...target.tables.map(({ mirror }) => mirror)] : [];
  const finish = watchRun(setup, report, step);
  const run = target.start([...step.args, ...allowed], step.shape, step);
  const migrating = step.migrates === "beside" ? migrateAll(setup, step.shape) : null;
  const done = removal?.commit(run.ended);
  const secondRun = step.secondRun
    ? target.start(["sync", "--json", ...SHORT_TIMEOUTS], step.shape, step)
    : null;
  const beside = step.on === "both" && other ? other.start(["sync", "--json", ...SHORT_TIMEOUTS]) : null;
  const interrupter = step.interruption && new Interrupter(setup, callFaults, run, step.interruption, report);
  if (interrupter?.kind === "stop") await Promise.race([run.ended, interrupter.reached]);
  if (interrupter?.kind === "stop" && interrupter.done)
    await takeOverStopped(setup, callFaults, run, interrupter.interruption, { report, finish });
  else await finish(run);
  if (secondRun) await finish(secondRun);
  if (beside) await finish(beside);
  await done;
  await interrupter?.end();
  callFaults.forgetMoments();
  callFaults.onBegin = null;
  await fresh?.end();
  await Promise.all(changes);
  if (migrating) report.failures.push(...(await migrating));
  if (step.shape !== 0) await noteShapes(setup, target);
  // A killed run still has its lease: the next one waits, as cron would.
  if (interrupter?.done && interrupter.kind !== "terminate") await sleep(LEASE_SECONDS * 1000 + 50);
  return report;
}

type Finish = (run: Command) => Promise<Ended>;

/** Waits for a run's end and checks it. */
function watchRun(setup: Setup, report: StepReport, { asRunner }: Step): Finish {
  return async (run) => {
    const ended = (await endOf(run, setup)) ?? (await kill(run, report));
    const met = momentsMet(ended);
    if (met !== "") report.events.push(`run ${run.number} ${met}`);
    report.failures.push(...checkEnd(ended, { asRunner }));
    return ended;
  };
}

/** Null: it hangs. A machine that has much to do lets a run take its time. */
async function endOf(run: Command, { targets }: Setup): Promise<Ended | null> {
  const giveUpAt = performance.now() + LONGEST_MS;
  const countCalls = () => targets.reduce((sum, { deployment }) => sum + deployment.usage().calls, 0);
  for (let calls = -1; calls !== countCalls() && performance.now() < giveUpAt;) {
    calls = countCalls();
    const ended = await run.endedWithin(HANGS_AFTER_MS);
    if (ended !== null) return ended;
  }
  return null;
}

function kill(run: Command, report: StepReport): Promise<Ended> {
  report.failures.push(`run ${run.number} (${run.args.join(" ")}) hangs`);
  run.signal("SIGKILL");
  return run.ended;
}

/** The stopped run's lease expires, another run takes over, and then the stopped one goes on. */
async function takeOverStopped(
  setup: Setup,
  callFaults: CallFaults,
  stopped: Command,
  interruption: Interruption,
  { report, finish }: { report: StepReport; finish: Finish },
): Promise<void> {
  const [target] = setup.targets;
  await sleep(LEASE_SECONDS * 1000 + 100);
  callFaults.startFor(FAULTS_MS);
  const successor = target.start(["sync", "--json", ...SHORT_TIMEOUTS]);
  // It goes on while its successor is at work, at some call of its.
  await Promise.race([successor.ended, sleep(300 + (target.deployment.version % 7) * 150)]);
  stopped.signal("SIGCONT");
  const [old, next] = await Promise.all([finish(stopped), finish(successor)]);
  const tookOver = next.stdout.includes("LEASE_TAKEN_OVER");
  // At a call to Convex its work was not done, so it cannot have ended well.
  if (tookOver && "call" in interruption.moment && old.exitCode !== 1) {
    report.failures.push(
      `run ${stopped.number} had lost its lease to run ${successor.number} and ended with exit code ${old.exitCode}`,
    );
  }
}
