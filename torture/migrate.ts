import { lastLines } from "./check-end.js";
import type { Setup } from "./setup.js";

/** A writer's long transaction may hold a table's lock for longer than `migrate` waits, and a table may have a child. */
const MAY_FAIL = /LOCK_TIMEOUT|inherit from/;

/**
 * Runs `migrate` for every deployment, one after the other.
 * @param shape of the other deployment's tables, or of the only one's
 * @param quiet whether nobody writes, so that nothing may fail
 */
export async function migrateAll(setup: Setup, shape = 0, { quiet = false } = {}): Promise<string[]> {
  const failures: string[] = [];
  setup.locks.migrations++;
  for (const [number, target] of setup.targets.entries()) {
    const shapeOfTarget = number === setup.targets.length - 1 ? shape : 0;
    const { exitCode, stdout, stderr } = await target.start(["migrate"], shapeOfTarget).ended;
    const output = `${stdout}\n${stderr}`;
    if (exitCode !== 0 && (quiet || !MAY_FAIL.test(output)))
      failures.push(`migrate ended with exit code ${exitCode}: ${lastLines(output)}`);
    if (/INTERNAL/.test(output)) failures.push(`migrate met something unexpected: ${lastLines(output)}`);
  }
  setup.locks.migrations--;
  return failures;
}
