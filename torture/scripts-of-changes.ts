import type { Random } from "../local/data/random.js";
import { sync, type Act } from "./acts.js";
import { randomChange, type ChangeKind } from "./changes.js";
import { randomBatchMoment, randomCallMoment } from "./chaos.js";
import { randomDeed } from "./deeds.js";
import type { MakeScript } from "./themes.js";

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

const killedAtBatch = (random: Random, calls: number): Act["strike"] => ({
  blow: "kill",
  moment: randomBatchMoment(random, calls),
});

/** Scripts in which the owner changes the tables themselves, or what is mirrored of them. */

/** A comparison that dies, at a listing or at a batch; whoever comes next goes on where it stopped. */
export const comparisons: MakeScript = (random) => {
  const mode = () => random.pick([["--full"], ["--full", "--deep"]]);
  const killed = (): Act => ({
    ...sync(random, { mode: mode(), pageRows: random.pick(["2", "7"]), weather: random.chance(0.2) }),
    strike: random.chance(0.6)
      ? { blow: "kill", moment: randomCallMoment(random, "any", 40) }
      : killedAtBatch(random, 6),
    deed: random.chance(0.3) ? randomDeed(random, random.pick(["purge", "truncate"])) : null,
    allowDeletes: random.chance(0.5),
  });
  const next = (): Act => sync(random, { mode: random.chance(0.3) ? mode() : [] });
  const acts = random.chance(0.5) ? [sync(random), killed(), next()] : [killed(), killed(), next()];
  return { acts, quietFrom: random.integer(1, 3), truncates: random.chance(0.3) };
};

/** Partitions that come and go, before a run and in the middle of one. */
export const partitions: MakeScript = (random) => {
  const changed = () => withChange(random, "a partition comes or goes");
  const acts = [sync(random), changed(), changed(), ...(random.chance(0.5) ? [changed()] : [])];
  if (random.chance(0.3)) acts.at(-1)!.strike = killedAtBatch(random, 4);
  return { acts, quietFrom: random.integer(1, acts.length) };
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
  const changed = (): Act => {
    const act = withChange(random, kind);
    return { ...act, change: act.change && { ...act.change, table: number } };
  };
  const acts = [sync(random), changed(), changed()];
  if (random.chance(0.3)) acts[1]!.strike = killedAtBatch(random, 4);
  return { acts, quietFrom: random.integer(1, 3) };
};

/** A configuration or a label that holds for one run, which dies over it. What it has sent has to go again. */
export const shapes: MakeScript = (random) => {
  const odd: Act = {
    ...sync(random, { pageRows: "2", mode: random.pick([[], [], ["--full"]]) }),
    // Not the first one: something of the odd shape has arrived.
    strike: { blow: "kill", moment: { ...randomBatchMoment(random, 4), call: random.integer(2, 5) } },
  };
  const back = sync(random, { mode: random.pick([[], [], [], ["--full"]]) });
  if (random.chance(0.5)) {
    if (random.chance(0.3)) odd.migrates = "before";
    return { acts: [sync(random), { ...odd, shape: 1 }, back], quietFrom: random.pick([1, 1, 2, 3]) };
  }
  const renamed = () => randomChange(random, "a label is renamed", { during: false });
  // Writers know the label by its first name.
  const acts = [sync(random), { ...odd, change: renamed() }, { ...back, change: renamed() }];
  return { acts, quietFrom: 1 };
};

/** Two deployments of the same tables, which mirror different columns of them; one of them is idle, or lags. */
export const deployments: MakeScript = (random) => {
  const idle = random.chance(0.4);
  const acts: Act[] = [{ ...sync(random), on: "both" }];
  for (let left = random.integer(1, 3); left > 0; left--) {
    const act: Act = { ...sync(random, { weather: random.chance(0.3) }), on: random.pick(["first", "both"]) };
    if (idle) act.on = "first";
    else if (random.chance(0.3)) {
      Object.assign(act, { on: "other", shape: 1, migrates: random.pick(["before", "beside", null]) });
    }
    if (act.on !== "other" && random.chance(0.4)) act.strike = killedAtBatch(random, 4);
    acts.push(act);
  }
  if (idle && random.chance(0.5))
    acts[1]!.change = randomChange(random, "the other is forgotten", { during: false });
  return { acts, quietFrom: random.integer(1, acts.length), truncates: random.chance(0.2) };
};

/** A trigger that sorts last comes and goes: what it makes of rows is what is mirrored. */
export const lastWords: MakeScript = (random) => {
  const given = (): Act => ({ ...sync(random), change: randomChange(random, "the last word is given") });
  const taken = (): Act => ({ ...sync(random), change: randomChange(random, "the last word is taken") });
  const acts = [given(), given(), random.chance(0.5) ? taken() : given()];
  if (random.chance(0.3)) acts[1]!.strike = killedAtBatch(random, 4);
  return { acts, quietFrom: random.integer(2, 3) };
};

/** The owner changes tables all the time, and does little else. */
export const drifts: MakeScript = (random) => {
  const act = (): Act => ({
    ...sync(random, { weather: random.chance(0.2), mode: random.chance(0.1) ? ["--full"] : [] }),
    stranger: random.chance(0.2),
    rival: random.chance(0.1),
    allowDeletes: random.chance(0.5),
    on: random.pick(["first", "both"]),
  });
  const acts = [sync(random), ...Array.from({ length: random.integer(2, 4) }, act)];
  if (random.chance(0.3)) acts[1]!.strike = killedAtBatch(random, 4);
  const altering = { kinds: DRIFTS, pauseMs: random.pick([100, 500, 1500]) };
  return { acts, altering, quietFrom: random.integer(2, acts.length) };
};

/** The same of columns and triggers alone: tables stay, and what is logged of them has to be right. */
export const alterations: MakeScript = (random) => {
  const altering = { kinds: ALTERATIONS, pauseMs: random.pick([100, 500, 1500]) };
  return { ...drifts(random), altering };
};

function withChange(random: Random, kind: ChangeKind): Act {
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
