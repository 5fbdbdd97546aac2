import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";
import { makeTemporaryFolder } from "../support/temporary-folder.js";

/** Runs vitest itself on test files of the given texts, and the script on the results. */
function countTestsOf(files: Record<string, string>): { output: string; status: number | null } {
  const folder = makeTemporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const results = join(folder, "results.json");
  const vitest = join(packageRoot(), "node_modules", "vitest", "vitest.mjs");
  const options = ["--globals", "--reporter=json", `--outputFile=${results}`];
  spawnSync(process.execPath, [vitest, "run", "--root", folder, ...options]);
  const script = join(packageRoot(), ".ci", "count-tests.js");
  const { stdout, status } = spawnSync(process.execPath, [script, results], { encoding: "utf8" });
  return { output: stdout, status };
}

test("tests that all pass are counted, and nothing else is printed", () => {
  const files = {
    "a.test.js": `test("1", () => {}); test("2", () => {});`,
    "b.test.js": `test("3", () => {});`,
  };
  expect(countTestsOf(files)).toEqual({ output: "3 passed, 0 failed\n", status: 0 });
});

test("what failed, was skipped, or could not even be loaded has failed", () => {
  const files = {
    "a.test.js": `test("1", () => {}); test("2", () => expect(1).toBe(2)); test.skip("3", () => {});`,
    "b.test.js": `import "./missing.js";`,
    "c.test.js": `beforeAll(() => { throw new Error("no database"); }); test("4", () => {});`,
  };
  const { output, status } = countTestsOf(files);
  expect(output).toBe("1 passed, 5 failed\n");
  expect(status).toBe(1);
});

test("no tests at all are not a success", () => {
  expect(countTestsOf({ "a.test.js": "" }).status).toBe(1);
});
