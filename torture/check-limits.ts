import type { LocalDeployment } from "../local/convex/deployment.js";

/** What one transaction of Convex may use (docs.convex.dev/production/state/limits), written down once more. */
const MEBIBYTE = 2 ** 20;
const LIMITS = {
  documentsRead: 32_000,
  bytesRead: 16 * MEBIBYTE,
  documentsWritten: 16_000,
  bytesWritten: 16 * MEBIBYTE,
  databaseQueries: 4_096,
};

/** Names the limits that a call has broken. */
export function checkLimits(deployment: LocalDeployment): string[] {
  const { largest } = deployment.usage();
  return (Object.keys(LIMITS) as (keyof typeof LIMITS)[])
    .filter((name) => largest[name] > LIMITS[name])
    .map((name) => `one call used ${largest[name]} ${name}, of ${LIMITS[name]}`);
}
