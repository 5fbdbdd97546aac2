import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";

const DOCUMENTS = [
  ...["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "bench/RESULTS.md", "local/convex/README.md"],
  ...["docs/configuration.md", "docs/merging.md", "docs/operations.md", "docs/values.md"],
];

const read = (path: string) => readFileSync(join(packageRoot(), path), "utf8");

/** As GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe.each(DOCUMENTS)("%s", (document) => {
  const links = [...read(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, path, anchor]) => ({ path: path!, anchor }),
  );

  test("names files that exist, and headings that they have", () => {
    const broken = links.filter(({ path, anchor }) => {
      const target = path === "" ? document : join(dirname(document), path);
      if (!existsSync(join(packageRoot(), target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("can be read as text: no line of it is longer than 400 characters", () => {
    const long = read(document)
      .split("\n")
      .filter((line) => line.length > 400)
      .map((line) => line.slice(0, 60));
    expect(long).toEqual([]);
  });
});
