/**
 * What the design promises, measured: ratios within one run, because absolute numbers are the machine's. RESULTS.md keeps one
 * run: `npm run bench -- --markdown bench/RESULTS.md docs/costs.md` puts another into its places.
 */
import { cpus, totalmem } from "node:os";
import { systemClock } from "../src/model/clock.js";
import { startLocal, type LocalStack } from "../local/start-local.js";
import { measureAgainstPeers, measureNarrow } from "./against-peers.js";
import { Cli } from "./cli.js";
import { count, size } from "./findings.js";
import { describeLookUps } from "./look-up.js";
import { QUICK, readOptions, WHOLE } from "./options.js";
import { measureOurselves } from "./ourselves.js";
import { measureOverNetwork } from "./over-a-network.js";
import { buildPrograms } from "./peers/programs.js";
import { Results } from "./results.js";
import { ROUND_TRIP_MS } from "./round-trips.js";
import { measureRun } from "./runs.js";
import { measureScale } from "./scale.js";

const { quick, scale: scaleAlone, json, markdown } = readOptions(process.argv);
const extent = quick ? QUICK : WHOLE;
const { scale } = extent;
const results = new Results((text) => console.log(text), scaleAlone);
const startedAt = performance.now();

async function withStack<T>(ofScale: number, work: (stack: LocalStack) => Promise<T>): Promise<T> {
  const stack = await startLocal({ scale: ofScale, seed: 1, port: null, clock: systemClock });
  try {
    return await work(stack);
  } finally {
    await stack.stop();
  }
}

const cli = await Cli.create();
try {
  results.describe({
    "measured on": new Date().toISOString().slice(0, 10),
    node: process.version,
    cores: `${cpus().length} (${cpus()[0]?.model ?? "unknown"})`,
    memory: size(totalmem()),
    extent: quick ? "quick" : "whole",
  });
  if (!scaleAlone) await measureOne();
  await withStack(scale / 5, (stack) => measureScale(cli, stack, results));
  if (!scaleAlone) await measurePeers();

  results.describe({ "in all": count((performance.now() - startedAt) / 1000, "s") });
  if (json) await results.writeJson(json);
  for (const file of markdown ?? []) await results.writeMarkdown(file);
} finally {
  await cli.remove();
}

/** One process, from one run to three hundred mirrors. */
async function measureOne(): Promise<void> {
  const small = await withStack(scale / 5, async (stack) => {
    await cli.run(stack.environment, "migrate");
    return measureRun(cli, stack);
  });
  await withStack(scale, (stack) => measureOurselves(cli, stack, { small, extent, results }));
  const network = await withStack(scale, (stack) => measureOverNetwork(cli, stack));
  results.addFindings("network", `Over a network, ${ROUND_TRIP_MS} ms a round trip`, network);
  results.addFindings("look-up", "Local deployment", await describeLookUps());
}

async function measurePeers(): Promise<void> {
  const programs = await buildPrograms();
  await withStack(scale, (stack) => measureAgainstPeers(cli, stack, programs, results));
  await measureNarrow(extent, programs, results);
}
