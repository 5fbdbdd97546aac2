import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";

const markdownIn = (folder: string, recursive: boolean) =>
  readdirSync(join(packageRoot(), folder), { recursive, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));

const DOCUMENTS = [
  ...markdownIn(".", false),
  ...["docs", "bench", "local", "torture", "tests"].flatMap((folder) => markdownIn(folder, true)),
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

  test("has no cell of a table that is longer than 200 characters", () => {
    const cells = read(document)
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .flatMap((line) => line.split(/(?<!\\)\|/))
      .map((cell) => cell.trim());
    expect(cells.filter((cell) => cell.length > 200).map((cell) => cell.slice(0, 60))).toEqual([]);
  });
});
