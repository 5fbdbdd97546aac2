import type { Random } from "../local/data/random.js";
import { sync, type Step } from "./steps.js";
import { randomChange, type ChangeKind } from "./changes.js";
import { randomBatchMoment, randomCallMoment } from "./call-faults.js";
import { randomRemoval } from "./removals.js";
import type { MakeScript } from "./scenarios.js";

/** What an owner may do to a table at any time. */
export const ALTERATIONS: readonly ChangeKind[] = [
  "an extra column comes or goes",
  "an extra column comes or goes",
  "a column is made anew",
  "triggers are switched",
  "triggers are switched",
  "data is restored",
];
export const DRIFTS: readonly ChangeKind[] = [
  ...ALTERATIONS,
  "a child inherits",
  "a loaded table takes its place",
  "a partition comes or goes",
  "tables are swapped",
  "a table is created again",
];

const killedAtBatch = (random: Random, calls: number): Step["interruption"] => ({
  kind: "kill",
  moment: randomBatchMoment(random, calls),
});

/** Scripts in which the owner changes the tables themselves, or what is mirrored of them. */

/** A comparison that is killed, at a listing or at a batch; the next one goes on where it stopped. */
export const comparisons: MakeScript = (random) => {
  const mode = () => random.pick([["--full"], ["--full", "--deep"]]);
  const killed = (): Step => ({
    ...sync(random, { mode: mode(), pageRows: random.pick(["2", "7"]), callFaults: random.chance(0.2) }),
    interruption: random.chance(0.6)
      ? { kind: "kill", moment: randomCallMoment(random, "any", 40) }
      : killedAtBatch(random, 6),
    removal: random.chance(0.3) ? randomRemoval(random, random.pick(["purge", "truncate"])) : null,
    allowDeletes: random.chance(0.5),
  });
  const next = (): Step => sync(random, { mode: random.chance(0.3) ? mode() : [] });
  const steps = random.chance(0.5) ? [sync(random), killed(), next()] : [killed(), killed(), next()];
  return { steps, quietFrom: random.integer(1, 3), truncates: random.chance(0.3) };
};

/** Partitions that come and go, before a run and in the middle of one. */
export const partitions: MakeScript = (random) => {
  const changed = () => withChange(random, "a partition comes or goes");
  const steps = [sync(random), changed(), changed(), ...(random.chance(0.5) ? [changed()] : [])];
  if (random.chance(0.3)) steps.at(-1)!.interruption = killedAtBatch(random, 4);
  return { steps, quietFrom: random.integer(1, steps.length) };
};

/** Tables that take each other's names, or are made anew under the old one. */
export const swaps: MakeScript = (random) => {
  const kind = random.pick<ChangeKind>([
    "tables are swapped",
    "tables are swapped",
    "a table is created again",
  ]);
  // There and back again: of one table.
  const number = random.integer(0, 5);
  const changed = (): Step => {
    const step = withChange(random, kind);
    return { ...step, change: step.change && { ...step.change, table: number } };
  };
  const steps = [sync(random), changed(), changed()];
  if (random.chance(0.3)) steps[1]!.interruption = killedAtBatch(random, 4);
  return { steps, quietFrom: random.integer(1, 3) };
};

/** A configuration or a label that holds for one run, which is killed. What it has sent has to be sent again. */
export const shapes: MakeScript = (random) => {
  const odd: Step = {
    ...sync(random, { pageRows: "2", mode: random.pick([[], [], ["--full"]]) }),
    // Not the first one: something of the odd shape has arrived.
    interruption: { kind: "kill", moment: { ...randomBatchMoment(random, 4), call: random.integer(2, 5) } },
  };
  const back = sync(random, { mode: random.pick([[], [], [], ["--full"]]) });
  if (random.chance(0.5)) {
    if (random.chance(0.3)) odd.migrates = "before";
    return { steps: [sync(random), { ...odd, shape: 1 }, back], quietFrom: random.pick([1, 1, 2, 3]) };
  }
  const renamed = () => randomChange(random, "a label is renamed", { during: false });
  // Writers know the label by its first name.
  const steps = [sync(random), { ...odd, change: renamed() }, { ...back, change: renamed() }];
  return { steps, quietFrom: 1 };
};

/** Two deployments of the same tables, which mirror different columns of them; one of them is idle, or lags. */
export const deployments: MakeScript = (random) => {
  const idle = random.chance(0.4);
  const steps: Step[] = [{ ...sync(random), on: "both" }];
  for (let left = random.integer(1, 3); left > 0; left--) {
    const step: Step = {
      ...sync(random, { callFaults: random.chance(0.3) }),
      on: random.pick(["first", "both"]),
    };
    if (idle) step.on = "first";
    else if (random.chance(0.3)) {
      Object.assign(step, { on: "other", shape: 1, migrates: random.pick(["before", "beside", null]) });
    }
    if (step.on !== "other" && random.chance(0.4)) step.interruption = killedAtBatch(random, 4);
    steps.push(step);
  }
  if (idle && random.chance(0.5))
    steps[1]!.change = randomChange(random, "the other is forgotten", { during: false });
  return { steps, quietFrom: random.integer(1, steps.length), truncates: random.chance(0.2) };
};

/** A trigger that sorts last comes and goes: what it makes of rows is what is mirrored. */
export const lastTriggers: MakeScript = (random) => {
  const given = (): Step => ({ ...sync(random), change: randomChange(random, "a last trigger is added") });
  const taken = (): Step => ({ ...sync(random), change: randomChange(random, "a last trigger is dropped") });
  const steps = [given(), given(), random.chance(0.5) ? taken() : given()];
  if (random.chance(0.3)) steps[1]!.interruption = killedAtBatch(random, 4);
  return { steps, quietFrom: random.integer(2, 3) };
};

/** The owner changes tables all the time, and does little else. */
export const drifts: MakeScript = (random) => {
  const step = (): Step => ({
    ...sync(random, { callFaults: random.chance(0.2), mode: random.chance(0.1) ? ["--full"] : [] }),
    asRunner: random.chance(0.2),
    secondRun: random.chance(0.1),
    allowDeletes: random.chance(0.5),
    on: random.pick(["first", "both"]),
  });
  const steps = [sync(random), ...Array.from({ length: random.integer(2, 4) }, step)];
  if (random.chance(0.3)) steps[1]!.interruption = killedAtBatch(random, 4);
  const altering = { kinds: DRIFTS, pauseMs: random.pick([100, 500, 1500]) };
  return { steps, altering, quietFrom: random.integer(2, steps.length) };
};

/** The same of columns and triggers alone: tables stay, and what is logged of them has to be right. */
export const alterations: MakeScript = (random) => {
  const altering = { kinds: ALTERATIONS, pauseMs: random.pick([100, 500, 1500]) };
  return { ...drifts(random), altering };
};

function withChange(random: Random, kind: ChangeKind): Step {
  return {
    ...sync(random, {
      pageRows: random.pick(["2", "7"]),
      mode: random.chance(0.2) ? ["--full"] : [],
      allowDeletes: random.chance(0.3),
    }),
    // Or nothing: what one run has left, the next one mends.
    change: random.chance(0.8) ? randomChange(random, kind) : null,
  };
}
