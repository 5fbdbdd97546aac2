import { defineConfig } from "vitest/config";

/** Where continuous integration wants the results as JSON (.ci/run). */
const resultsFile = process.env["TEST_RESULTS_FILE"];

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: "tests/support/global-setup.ts",
    pool: "forks",
    maxWorkers: 2, // each file may drive a Postgres and a CLI beside itself
    testTimeout: 60_000,
    hookTimeout: 120_000,
    retry: 0, // a test that passes at the second try has failed
    reporters: resultsFile ? ["default", ["json", { outputFile: resultsFile }]] : ["default"],
  },
});
