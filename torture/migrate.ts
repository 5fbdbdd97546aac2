import { lastLines } from "./check-end.js";
import type { Stage } from "./stage.js";

/** A writer's long transaction may hold a table's lock for longer than `migrate` waits, and a table may have a child. */
const MAY_FAIL = /LOCK_TIMEOUT|inherit from/;

/**
 * Runs `migrate` for every deployment, one after the other.
 * @param shape of the other deployment's tables, or of the only one's
 * @param quiet whether nobody writes, so that nothing may fail
 */
export async function migrateAll(stage: Stage, shape = 0, { quiet = false } = {}): Promise<string[]> {
  const failures: string[] = [];
  stage.locks.patient++;
  for (const [number, target] of stage.targets.entries()) {
    const shapeOfTarget = number === stage.targets.length - 1 ? shape : 0;
    const { exitCode, stdout, stderr } = await target.start(["migrate"], shapeOfTarget).ended;
    const output = `${stdout}\n${stderr}`;
    if (exitCode !== 0 && (quiet || !MAY_FAIL.test(output)))
      failures.push(`migrate ended with exit code ${exitCode}: ${lastLines(output)}`);
    if (/INTERNAL/.test(output)) failures.push(`migrate met something unexpected: ${lastLines(output)}`);
  }
  stage.locks.patient--;
  return failures;
}
