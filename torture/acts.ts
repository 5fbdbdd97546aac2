import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../src/local/data/random.js";
import { randomMoment, type Blow, type Chaos, type Strike } from "./chaos.js";
import type { Making } from "./random-values.js";
import type { Command, Ended } from "./command.js";
import { doDeed, FreshRows, type Deed } from "./deeds.js";
import { runOnce, type Stage } from "./stage.js";

export const LEASE_SECONDS = 1;
/** What has not ended by then goes on in fair weather; by the second limit it hangs. */
const STORM_MS = 2_500;
const HANGS_AFTER_MS = 90_000;

const harsh = (leaseSeconds: number) => [
  ...["--lease-seconds", String(leaseSeconds), "--call-timeout-seconds", "1"],
];
const HARSH = harsh(LEASE_SECONDS);

/** Exit codes that a run under fire may end with: done, failed, rows aside, lease held, deletions held back. */
const ALLOWED_EXITS = new Set([0, 1, 3, 4, 5]);

export interface Act {
  args: string[];
  strike: Strike | null;
  /** Whether calls to Convex go wrong. */
  weather: boolean;
  /** How likely a batch is to be late, whatever the weather. */
  batchLateness: number;
  /** Begin another run at once, which the lease must keep out or let in, never both. */
  rival: boolean;
  /** `--allow-deletes` for all tables. */
  allowDeletes: boolean;
  /** Done to the source as the run begins. */
  deed: Deed | null;
  /** Whether each table gets rows, committed asynchronously, just before the run reads it. */
  freshRows: boolean;
}

/** A run that nothing befalls, unless more is said. */
export function sync(
  random: Random,
  {
    mode = [],
    // Short pages make many of them, and cursors to resume from.
    pageRows = random.pick(["2", "7", "500"]),
    weather = false,
    allowDeletes = false,
    leaseSeconds = LEASE_SECONDS,
  }: {
    mode?: string[];
    pageRows?: string;
    weather?: boolean;
    allowDeletes?: boolean;
    leaseSeconds?: number;
  } = {},
): Act {
  const output = random.pick([["--json"], ["--verbose"], ["--json", "--verbose"]]);
  const inFlight = random.pick(["1", "4"]);
  return {
    args: [
      "sync",
      ...mode,
      ...output,
      ...harsh(leaseSeconds),
      "--max-in-flight",
      inFlight,
      "--page-rows",
      pageRows,
    ],
    ...{ strike: null, weather, batchLateness: 0, rival: false, allowDeletes, deed: null, freshRows: false },
  };
}

/**
 * @param compares whether some runs are full ones: they would mend what a delta has missed
 * @param crashes whether Postgres is what breaks
 */
export function randomAct(
  random: Random,
  { compares, crashes }: { compares: boolean; crashes: boolean },
): Act {
  const mode = compares && random.chance(0.4) ? random.pick([["--full"], ["--full", "--deep"]]) : [];
  const blow = random.pick<Blow | null>(
    crashes ? [null, "restart"] : [null, null, "kill", "kill", "stop", "terminate", "restart"],
  );
  return {
    ...sync(random, { mode, weather: true, allowDeletes: random.chance(0.2) }),
    strike: blow === null ? null : { blow, moment: randomMoment(random) },
    rival: random.chance(0.15),
  };
}

export interface Played {
  failures: string[];
  /** What was done, for the line that a seed prints. */
  told: string[];
  restarts: number;
}

/** Plays one act: a run, what befalls it, and whoever comes after. */
export async function playAct(stage: Stage, chaos: Chaos, act: Act, making: Making): Promise<Played> {
  const played: Played = { failures: [], told: [], restarts: 0 };
  if (act.weather) chaos.stormFor(STORM_MS, act);
  const deed = act.deed && (await doDeed(stage, act.deed));
  const fresh = act.freshRows ? new FreshRows(stage, making) : null;
  chaos.onBegin = fresh && (() => fresh.insert());
  const allowed = act.allowDeletes ? ["--allow-deletes", ...stage.tables.map(({ mirror }) => mirror)] : [];
  const run = stage.start([...act.args, ...allowed]);
  const done = deed?.commit(run.ended);
  const rival = act.rival ? stage.start(["sync", "--json", ...HARSH]) : null;
  const strike = act.strike && new Blowing(stage, chaos, run, act.strike, played);
  if (strike?.blow === "stop") await Promise.race([run.ended, strike.struck]);
  if (strike?.blow === "stop" && strike.hit) await outliveStopped(stage, chaos, run, strike.strike, played);
  else await finish(run, played);
  if (rival) await finish(rival, played);
  await done;
  await strike?.end();
  chaos.onBegin = null;
  await fresh?.end();
  // A killed run's lease: who comes next waits, as cron would.
  if (strike?.hit && strike.blow !== "terminate") await sleep(LEASE_SECONDS * 1000 + 50);
  return played;
}

/** Strikes a run once, at the strike's moment. */
class Blowing {
  hit = false;
  readonly struck: Promise<void>;
  #working: Promise<void> = Promise.resolve();
  readonly #timer = new AbortController();

  constructor(
    private readonly stage: Stage,
    private readonly chaos: Chaos,
    private readonly run: Command,
    readonly strike: Strike,
    private readonly played: Played,
  ) {
    this.struck = new Promise((resolve) => {
      const hit = () => {
        if (!run.running) return;
        this.hit = true;
        this.#working = this.#deal();
        resolve();
      };
      if ("afterMs" in strike.moment) {
        void sleep(strike.moment.afterMs, undefined, { signal: this.#timer.signal }).then(hit, () => {});
      } else chaos.arm(strike, hit);
    });
  }

  get blow(): Blow {
    return this.strike.blow;
  }

  async end(): Promise<void> {
    this.#timer.abort();
    this.chaos.disarm();
    await this.#working;
  }

  async #deal(): Promise<void> {
    const { blow, moment } = this.strike;
    const when =
      "call" in moment
        ? `${moment.of === "any" ? "call" : moment.of} ${moment.call} ${moment.point}`
        : `${moment.afterMs} ms`;
    this.played.told.push(`${blow} run ${this.run.number} at ${when}`);
    switch (blow) {
      case "kill":
        return this.run.signal("SIGKILL");
      case "stop":
        return this.run.signal("SIGSTOP");
      case "terminate":
        return runOnce(
          this.stage.url,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'datahub-sync' AND datname = current_database()`,
        ).catch(() => {});
      case "restart":
        this.played.restarts++;
        return this.stage.server.restart("immediate");
    }
  }
}

/** The stopped run's lease expires, another run takes over, and then the stopped one wakes up: a zombie. */
async function outliveStopped(
  stage: Stage,
  chaos: Chaos,
  stopped: Command,
  strike: Strike,
  played: Played,
): Promise<void> {
  await sleep(LEASE_SECONDS * 1000 + 100);
  chaos.stormFor(STORM_MS);
  const successor = stage.start(["sync", "--json", ...HARSH]);
  // Woken while the successor is at work, at some call of its.
  await Promise.race([successor.ended, sleep(300 + (stage.deployment.version % 7) * 150)]);
  stopped.signal("SIGCONT");
  const [zombie, next] = await Promise.all([finish(stopped, played), finish(successor, played)]);
  const tookOver = next.stdout.includes("LEASE_TAKEN_OVER");
  // At a call to Convex its work was not done, so it cannot have ended well.
  if (tookOver && "call" in strike.moment && zombie.exitCode !== 1) {
    played.failures.push(
      `run ${stopped.number} had lost its lease to run ${successor.number} and ended with exit code ${zombie.exitCode}`,
    );
  }
}

async function finish(run: Command, played: Played): Promise<Ended> {
  let ended = await run.endedWithin(HANGS_AFTER_MS);
  if (ended === null) {
    played.failures.push(`run ${run.number} (${run.args.join(" ")}) hangs`);
    run.signal("SIGKILL");
    ended = await run.ended;
  }
  checkEnd(ended, played);
  return ended;
}

export function checkEnd({ args, exitCode, stdout, stderr }: Ended, played: Pick<Played, "failures">): void {
  const output = `${stdout}\n${stderr}`;
  const told = `${args.slice(0, 3).join(" ")} (exit code ${exitCode})`;
  if (exitCode !== null && !ALLOWED_EXITS.has(exitCode))
    played.failures.push(`${told} is not an end for a run`);
  if (/"INTERNAL"|\(INTERNAL,|This is a bug/.test(output)) {
    played.failures.push(`${told} met something unexpected: ${lastLines(output)}`);
  }
  if (/SYSTEMIC_REFUSAL|TRACKING_BROKEN|LINEAGE_MISMATCH|SCHEMA_LAGS|WRONG_SYNC_KEY/.test(output)) {
    played.failures.push(`${told} was refused without reason: ${lastLines(output)}`);
  }
}

export function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join("\n").slice(-1500);
}
