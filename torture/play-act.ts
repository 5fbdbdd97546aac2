import { setTimeout as sleep } from "node:timers/promises";
import { HARSH, LEASE_SECONDS, type Act } from "./acts.js";
import { Blowing } from "./blowing.js";
import { makeChange, momentOf, noteShapes } from "./changes.js";
import type { Chaos, Strike } from "./chaos.js";
import { checkEnd, momentsMet } from "./check-end.js";
import type { Command, Ended } from "./command.js";
import { doDeed, FreshRows } from "./deeds.js";
import { migrateAll } from "./migrate.js";
import type { Making } from "./random-values.js";
import type { Stage } from "./stage.js";

/** What has not ended by then goes on in fair weather. What makes no call for so long hangs, and what takes longest. */
const STORM_MS = 2_500;
const HANGS_AFTER_MS = 90_000;
const LONGEST_MS = 600_000;

export interface Played {
  failures: string[];
  /** What was done, for the line that a seed prints. */
  told: string[];
  restarts: number;
}

/** Plays one act: what the owner does, a run, what befalls it, and whoever comes after. */
export async function playAct(stage: Stage, chaos: Chaos, act: Act, making: Making): Promise<Played> {
  const played: Played = { failures: [], told: [], restarts: 0 };
  const [first, other] = stage.targets;
  const target = act.on === "other" && other ? other : first;
  if (act.weather) chaos.stormFor(STORM_MS, act);

  const changes: Promise<void>[] = [];
  const change = async () => {
    played.told.push(act.change!.kind);
    await makeChange(stage, act.change!, making);
  };
  if (act.change?.moment === "before") await change();
  if (act.migrates === "before") played.failures.push(...(await migrateAll(stage, act.shape)));
  if (act.shape !== 0) await noteShapes(stage, target);
  const moment = act.change && momentOf(act.change);
  if (moment) chaos.arm(moment, () => changes.push(change()));

  const deed = act.deed && (await doDeed(stage, act.deed));
  const fresh = act.freshRows ? new FreshRows(stage, making) : null;
  chaos.onBegin = fresh && (() => fresh.insert());
  const allowed = act.allowDeletes ? ["--allow-deletes", ...target.tables.map(({ mirror }) => mirror)] : [];
  const finish = watchRun(stage, played, act);
  const run = target.start([...act.args, ...allowed], act.shape, act);
  const migrating = act.migrates === "beside" ? migrateAll(stage, act.shape) : null;
  const done = deed?.commit(run.ended);
  const rival = act.rival ? target.start(["sync", "--json", ...HARSH], act.shape, act) : null;
  const beside = act.on === "both" && other ? other.start(["sync", "--json", ...HARSH]) : null;
  const strike = act.strike && new Blowing(stage, chaos, run, act.strike, played);
  if (strike?.blow === "stop") await Promise.race([run.ended, strike.struck]);
  if (strike?.blow === "stop" && strike.hit)
    await outliveStopped(stage, chaos, run, strike.strike, { played, finish });
  else await finish(run);
  if (rival) await finish(rival);
  if (beside) await finish(beside);
  await done;
  await strike?.end();
  chaos.disarm();
  chaos.onBegin = null;
  await fresh?.end();
  await Promise.all(changes);
  if (migrating) played.failures.push(...(await migrating));
  if (act.shape !== 0) await noteShapes(stage, target);
  // A killed run's lease: who comes next waits, as cron would.
  if (strike?.hit && strike.blow !== "terminate") await sleep(LEASE_SECONDS * 1000 + 50);
  return played;
}

type Finish = (run: Command) => Promise<Ended>;

/** Waits for a run's end and judges it. */
function watchRun(stage: Stage, played: Played, { stranger }: Act): Finish {
  return async (run) => {
    const ended = (await endOf(run, stage)) ?? (await kill(run, played));
    const met = momentsMet(ended);
    if (met !== "") played.told.push(`run ${run.number} ${met}`);
    played.failures.push(...checkEnd(ended, { stranger }));
    return ended;
  };
}

/** Null: it hangs. A machine that has much to do lets a run take its time. */
async function endOf(run: Command, { targets }: Stage): Promise<Ended | null> {
  const giveUpAt = performance.now() + LONGEST_MS;
  const countCalls = () => targets.reduce((sum, { deployment }) => sum + deployment.usage().calls, 0);
  for (let calls = -1; calls !== countCalls() && performance.now() < giveUpAt;) {
    calls = countCalls();
    const ended = await run.endedWithin(HANGS_AFTER_MS);
    if (ended !== null) return ended;
  }
  return null;
}

function kill(run: Command, played: Played): Promise<Ended> {
  played.failures.push(`run ${run.number} (${run.args.join(" ")}) hangs`);
  run.signal("SIGKILL");
  return run.ended;
}

/** The stopped run's lease expires, another run takes over, and then the stopped one wakes up: a zombie. */
async function outliveStopped(
  stage: Stage,
  chaos: Chaos,
  stopped: Command,
  strike: Strike,
  { played, finish }: { played: Played; finish: Finish },
): Promise<void> {
  const [target] = stage.targets;
  await sleep(LEASE_SECONDS * 1000 + 100);
  chaos.stormFor(STORM_MS);
  const successor = target.start(["sync", "--json", ...HARSH]);
  // Woken while the successor is at work, at some call of its.
  await Promise.race([successor.ended, sleep(300 + (target.deployment.version % 7) * 150)]);
  stopped.signal("SIGCONT");
  const [zombie, next] = await Promise.all([finish(stopped), finish(successor)]);
  const tookOver = next.stdout.includes("LEASE_TAKEN_OVER");
  // At a call to Convex its work was not done, so it cannot have ended well.
  if (tookOver && "call" in strike.moment && zombie.exitCode !== 1) {
    played.failures.push(
      `run ${stopped.number} had lost its lease to run ${successor.number} and ended with exit code ${zombie.exitCode}`,
    );
  }
}
