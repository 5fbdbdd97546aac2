import { lastLines } from "./check-end.js";
import type { Stage } from "./stage.js";

/** A writer's long transaction may hold a table's lock for longer than `migrate` waits. */
const MAY_FAIL = /LOCK_TIMEOUT/;

/**
 * Runs `migrate` for every deployment, one after the other. What was changed before it began is tracked then.
 * @param shape of the other deployment's tables, or of the only one's
 * @param quiet whether nobody writes, so that nothing may fail
 */
export async function migrateAll(stage: Stage, shape = 0, { quiet = false } = {}): Promise<string[]> {
  const failures: string[] = [];
  const { drifts } = stage;
  let failed = false;
  for (const [number, target] of stage.targets.entries()) {
    const shapeOfTarget = number === stage.targets.length - 1 ? shape : 0;
    const { exitCode, stdout, stderr } = await target.start(["migrate"], shapeOfTarget).ended;
    const output = `${stdout}\n${stderr}`;
    if (exitCode === 0) target.migrated.shape = shapeOfTarget;
    else failed = true;
    if (exitCode !== 0 && (quiet || !MAY_FAIL.test(output)))
      failures.push(`migrate ended with exit code ${exitCode}: ${lastLines(output)}`);
    if (/INTERNAL/.test(output)) failures.push(`migrate met something unexpected: ${lastLines(output)}`);
  }
  if (!failed && stage.drifts === drifts) stage.drifted = false;
  return failures;
}
