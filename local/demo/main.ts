import { Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../src/model/clock.js";
import { EXIT } from "../../src/model/errors.js";
import { processEnvironment, wantsColour } from "../../src/config/environment.js";
import { createPaint } from "../../src/cli/render/paint.js";
import { renderFailure, toFailure } from "../../src/cli/render/failure.js";
import { Cleanup } from "./cleanup.js";
import { Narrator } from "./narrator.js";
import { runDemo } from "./run-demo.js";

const flags = new Command("demo")
  .description(
    "One day of a mirror, on this machine alone: sync, change, sync again, compare value by value.",
  )
  .option("--scale <number>", "how many rows: 1 is 60,000", readScale, 1)
  .option("--seed <number>", "what the generated data depends on", readSeed, 1)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage))
  .parse()
  .opts<{ scale: number; seed: number }>();

const environment = processEnvironment();
const paint = createPaint(wantsColour(process.stdout, environment));
const narrator = new Narrator((text) => process.stdout.write(text), paint, systemClock);
const cleanup = new Cleanup();

function stop(exitCode: number): void {
  void cleanup.undoAll().finally(() => process.exit(exitCode));
}

/** The first signal ends the demo in order. A second one ends it at once: the servers' watchdog tidies up then. */
function stopOn(signal: NodeJS.Signals, exitCode: number): void {
  process.on(signal, () => {
    if (cleanup.started) process.exit(exitCode);
    process.stderr.write(`\n${signal}: stopping; nothing is left behind.\n`);
    stop(exitCode);
  });
}
stopOn("SIGINT", 130);
stopOn("SIGTERM", 143);
stopOn("SIGHUP", 129);
// Nobody reads on (`| head`).
process.stdout.on("error", () => stop(EXIT.failed));

try {
  const equal = await runDemo({ ...flags, environment, narrator, cleanup, clock: systemClock });
  process.exitCode = equal ? EXIT.done : EXIT.failed;
} catch (error) {
  if (!cleanup.started) {
    process.stderr.write(`${renderFailure(toFailure(error), true, paint)}\n`);
    process.exitCode = EXIT.failed;
  }
} finally {
  await cleanup.undoAll();
}

function readScale(text: string): number {
  const scale = Number(text);
  if (text.trim() !== "" && scale > 0 && scale <= 100) return scale;
  throw new InvalidArgumentError("It must be a number above 0 and at most 100.");
}

function readSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== "" && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31) return seed;
  throw new InvalidArgumentError("It must be a whole number from 0 to 2,147,483,647.");
}
