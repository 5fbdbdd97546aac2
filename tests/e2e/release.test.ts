import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.js";

const run = promisify(execFile);

/** A repository of one package, whose checks leave a trace, and fail if told to. */
const FILES = {
  "package.json": JSON.stringify({ name: "some-package", version: "1.2.0", files: ["kept.txt"] }),
  "CHANGELOG.md": "# Changelog\n\n## 1.2.0\n\nSomething.\n",
  ".gitignore": "*.tgz\nchecked\ndist\n",
  ".ci/run": "touch checked; [ ! -e .git/fail ]\n",
  "kept.txt": "kept",
};

let folder: string;
const path = (name: string) => join(folder, name);
const git = async (...args: string[]) => (await run("git", args, { cwd: folder })).stdout.trim();
const commitAll = async () => {
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "-");
};

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function release(...args: string[]): Promise<Ended> {
  const command = [join(packageRoot(), "node_modules/.bin/tsx"), join(packageRoot(), "scripts/release.ts")];
  // A registry that nobody answers at: nothing of a test is ever published.
  const env = { ...process.env, npm_config_registry: "http://127.0.0.1:9", npm_config_fetch_retries: "0" };
  return run(process.execPath, [...command, ...args], { cwd: folder, env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as Ended,
  );
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "datahub-sync-test-"));
  await mkdir(path(".ci"));
  for (const [name, text] of Object.entries(FILES)) await writeFile(path(name), text);
  await git("init", "--quiet", "--initial-branch", "main");
  await git("config", "user.name", "Test");
  await git("config", "user.email", "test@localhost");
  await commitAll();
});
afterEach(() => rm(folder, { recursive: true }));

describe("npm run release", () => {
  it("runs the checks, packs, tags, and publishes nothing", async () => {
    await mkdir(path("dist"));
    await writeFile(path("dist/stale.js"), "");
    const { code, stdout } = await release();
    expect({ code, checked: existsSync(path("checked")) }).toEqual({ code: 0, checked: true });
    expect(await git("tag", "--list")).toBe("v1.2.0");
    expect(await git("rev-parse", "v1.2.0^{commit}")).toBe(await git("rev-parse", "HEAD"));
    expect(existsSync(path("some-package-1.2.0.tgz"))).toBe(true);
    expect(existsSync(path("dist/stale.js"))).toBe(false);
    expect(stdout).toContain("Nothing was published: npm publish ./some-package-1.2.0.tgz");
  });

  it("publishes if asked, and only then", async () => {
    const { code, stderr } = await release("--publish");
    expect(code).not.toBe(0);
    expect(stderr).toContain("127.0.0.1:9");
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["a file that is changed", () => writeFile(path("kept.txt"), "changed"), /not clean:\n.*kept\.txt/],
    ["a file that is new", () => writeFile(path("new.txt"), ""), /not clean:\n.*new\.txt/],
    ["another branch", () => git("switch", "--quiet", "--create", "work"), /The branch is work, not main\./],
    ["no branch", () => git("switch", "--quiet", "--detach"), /The branch is HEAD, not main\./],
    [
      "a version that the changelog does not know",
      async () => {
        await writeFile(path("package.json"), FILES["package.json"].replace("1.2.0", "1.2"));
        await commitAll();
      },
      /CHANGELOG\.md has no heading "## 1\.2"\./,
    ],
    [
      "no changelog",
      async () => {
        await rm(path("CHANGELOG.md"));
        await commitAll();
      },
      /CHANGELOG\.md has no heading "## 1\.2\.0"\./,
    ],
    ["a version that is tagged", () => git("tag", "v1.2.0"), /The tag v1\.2\.0 is there/],
  ])("refuses %s, before any check runs", async (_, spoil, problem) => {
    await spoil();
    const tags = await git("tag", "--list");
    const { code, stderr } = await release();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^No release of some-package 1\.2/);
    expect(stderr).toMatch(problem);
    expect(existsSync(path("checked"))).toBe(false);
    expect(await git("tag", "--list")).toBe(tags);
  });

  it("refuses what the checks do not pass", async () => {
    await writeFile(path(".git/fail"), "");
    const { code, stderr } = await release();
    expect(code).toBe(1);
    expect(stderr).toContain(".ci/run has failed");
    expect(await git("tag", "--list")).toBe("");
    expect(existsSync(path("some-package-1.2.0.tgz"))).toBe(false);
  });

  it("refuses what the checks have changed", async () => {
    await writeFile(path(".ci/run"), "echo more >> kept.txt\n");
    await commitAll();
    const { code, stderr } = await release();
    expect(code).toBe(1);
    expect(stderr).toMatch(/not clean:\n.*kept\.txt/);
    expect(await git("tag", "--list")).toBe("");
    expect(await readFile(path("kept.txt"), "utf8")).toBe("keptmore\n");
  });
});
