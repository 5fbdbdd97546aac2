import { tmpdir } from "node:os";
import type { Surroundings } from "../../src/commands/doctor/check-here.js";

/** A machine on which nothing is to be mended. */
export function quietSurroundings(given: Partial<Surroundings> = {}): Surroundings {
  return {
    cwd: "/srv/app",
    nodeVersion: "20.0.0",
    program: ["/usr/bin/node", "/srv/app/dist/src/cli/main.js"],
    envFiles: [],
    configProblem: null,
    warnings: [],
    alerts: null,
    logDir: tmpdir(),
    schedule: {
      files: [],
      crontab: () =>
        Promise.resolve(
          "15 */4 * * * cd /srv/app && npm run sync:convex\n45 1 * * 0 npm run sync:convex:full\n",
        ),
    },
    ...given,
  };
}
