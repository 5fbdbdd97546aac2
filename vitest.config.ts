import { configDefaults, defineConfig } from "vitest/config";
import { findConvexDevProblem } from "./tests/support/convex-backend.js";
import { findContainerProblem } from "./tests/support/container-engine.js";
import { findPgBouncer } from "./tests/support/pgbouncer.js";

/** Where continuous integration wants the results as JSON (.ci/run). */
const resultsFile = process.env["TEST_RESULTS_FILE"];

/** The end-to-end suites once more, on a Postgres container and the real Convex backend. */
const CONTAINER_TESTS = "tests/e2e/containers.test.ts";
const containerProblem = await findContainerProblem();
if (containerProblem !== null) {
  console.log(`${CONTAINER_TESTS} is left out: no container engine answers (${containerProblem}).`);
}

/** And on the backend of `npx convex dev`, which needs neither containers nor an account. */
const CONVEX_DEV_TESTS = "tests/e2e/convex-dev.test.ts";
const convexDevProblem = await findConvexDevProblem();
if (convexDevProblem !== null) console.log(`${CONVEX_DEV_TESTS} is left out: ${convexDevProblem}.`);

/** On a PgBouncer of this machine, in front of the same Postgres as all tests. */
const POOLER_TESTS = "tests/postgres/pgbouncer*.test.ts";
const poolerProblem = (await findPgBouncer()) === null ? "no pgbouncer on PATH or in /usr/sbin" : null;
if (poolerProblem !== null) console.log(`${POOLER_TESTS} is left out: ${poolerProblem}.`);

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: [
      ...configDefaults.exclude,
      ...(containerProblem === null ? [] : [CONTAINER_TESTS]),
      ...(convexDevProblem === null ? [] : [CONVEX_DEV_TESTS]),
      ...(poolerProblem === null ? [] : [POOLER_TESTS]),
    ],
    globalSetup: "tests/support/global-setup.ts",
    pool: "forks",
    // One more than CI has cores: files wait for disks and sockets a good part of their time.
    maxWorkers: 3,
    testTimeout: 240_000, // hangs, not speed: a busy machine is no failure
    hookTimeout: 120_000,
    retry: 0, // a test that passes at the second try has failed
    reporters: resultsFile ? ["default", ["json", { outputFile: resultsFile }]] : ["default"],
  },
});
