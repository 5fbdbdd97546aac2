import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";

const read = (path: string) => readFileSync(join(packageRoot(), path), "utf8");

/** By number, the tests that ARCHITECTURE.md says hold it; that they exist is held with all links of all documents. */
const invariants = new Map(
  read("ARCHITECTURE.md")
    .split(/^(?=##)/m)
    .flatMap((section) => {
      const number = /^### Invariant (\d+): /.exec(section)?.[1];
      const tests = [...section.matchAll(/\]\((tests\/[^)]+)\)/g)].map(([, path]) => path!);
      return number === undefined ? [] : [[Number(number), tests] as const];
    }),
);

const sources = (folder: string) =>
  readdirSync(join(packageRoot(), folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);

/** The numbers that a file says it is about: "invariant 4", "invariants 3 and 6". */
function namedIn(path: string): number[] {
  const groups = [...read(path).matchAll(/invariants? (\d+(?:(?:, | and )\d+)*)/gi)];
  return groups.flatMap(([, numbers]) => numbers!.match(/\d+/g)!.map(Number));
}

describe("the invariants of ARCHITECTURE.md", () => {
  it("are numbered without a gap", () => {
    expect(invariants.size).toBeGreaterThan(0);
    expect([...invariants.keys()]).toEqual(Array.from(invariants, (_, index) => index + 1));
  });

  test.each([...invariants])("invariant %i names tests, each once", (_, tests) => {
    expect(tests.length).toBeGreaterThan(0);
    expect(new Set(tests).size).toBe(tests.length);
  });

  it("list each test that says which of them it holds", () => {
    const unlisted = sources("tests")
      .filter((path) => path !== "tests/unit/architecture.test.ts")
      .flatMap((path) => namedIn(path).map((number) => ({ path, number })))
      .filter(({ path, number }) => invariants.get(number)?.includes(path) !== true);
    expect(unlisted).toEqual([]);
  });

  test.each(["src", "convex", "local", "torture"])("%s names none that there is not", (folder) => {
    const unknown = sources(folder).filter((path) => namedIn(path).some((number) => !invariants.has(number)));
    expect(unknown).toEqual([]);
  });
});
