/** Prints `N passed, M failed` from vitest's JSON results; fails unless all tests ran and passed. */
import { readFileSync } from "node:fs";

const results = JSON.parse(readFileSync(process.argv[2], "utf8"));
const tests = results.testResults.flatMap((file) => file.assertionResults);
const passed = tests.filter((test) => test.status === "passed").length;
// What did not pass has failed: also a skipped test, and a file that could not be loaded or set up.
const brokenFiles = results.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
);
const failed = tests.length - passed + brokenFiles.length;

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
