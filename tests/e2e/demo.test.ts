import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBuiltCli } from "../support/built-cli.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "datahub-sync-demo-test-"));
  await Promise.all(["cwd", "tmp"].map((name) => mkdir(join(folder, name))));
});
afterEach(() => rm(folder, { recursive: true }));

/** Starts the built demo where it can leave nothing behind unseen, with variables that it must not follow. */
async function startDemo(...args: string[]) {
  const main = join(dirname(await findBuiltCli()), "../../local/demo/main.js");
  const child = spawn(process.execPath, [main, ...args], {
    cwd: join(folder, "cwd"),
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      TMPDIR: join(folder, "tmp"),
      DATABASE_URL: "postgres://somebody.else.example/real",
      NEON_DATABASE_URL: "postgres://somebody.else.example/real",
      CONVEX_URL: "https://real.convex.cloud",
      DATAHUB_SYNC_CONFIG: "not-there.json",
      PGOPTIONS: "-c statement_timeout=1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const demo = { child, stdout: "", stderr: "", ended: once(child, "close") as Promise<[number | null]> };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (demo.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (demo.stderr += text));
  return demo;
}

/** The line `total` of the command line's table, after that step's heading. */
function totalsAfter(heading: string, stdout: string): Record<string, number> {
  const step = stdout.slice(stdout.indexOf(heading));
  const lines = step.slice(step.indexOf("$ datahub-sync sync")).split("\n");
  const head = lines.find((line) => line.startsWith("table"));
  const total = lines.find((line) => line.startsWith("total"))!;
  const names = head!.trim().split(/ {2,}/).slice(1);
  const counts = total.trim().split(/ {2,}/).slice(1);
  return Object.fromEntries(names.map((name, index) => [name, Number(counts[index]!.replaceAll(",", ""))]));
}

async function leftBehind(): Promise<string[]> {
  const names = await Promise.all(["cwd", "tmp"].map((name) => readdir(join(folder, name))));
  return names.flat();
}

async function saidBy(child: ChildProcess, said: () => boolean): Promise<void> {
  while (!said()) await once(child.stdout!, "data");
}

test("the demo: every count is the changes that were made, and both sides are equal", async () => {
  const demo = await startDemo("--scale", "0.02", "--seed", "7");
  const [code] = await demo.ended;
  // What `migrate` says before it changes anything, and the watch when it is told to end.
  expect(demo.stderr).toMatch(
    /^\S+ warn {2}updated_at of (\w+, ){6}\w+ is going to move only when the content changes.*\nSIGTERM: stopping in order.*\n$/,
  );
  expect(demo.stdout).not.toContain("NOT ");
  expect(demo.stdout).not.toContain("\u001b");
  expect(code).toBe(0);

  // 90 + 474 + 38 + 434 + 108 + 38 + 8 rows; one row of each table changed, one added, one deleted.
  expect(totalsAfter("3. First sync", demo.stdout)).toMatchObject({
    read: 1_190,
    inserted: 1_190,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    "set aside": 0,
  });
  expect(totalsAfter("5. Delta", demo.stdout)).toMatchObject({
    read: 14,
    inserted: 7,
    updated: 7,
    unchanged: 0,
    deleted: 7,
    "set aside": 0,
  });
  expect(demo.stdout).toMatch(
    /6\. Delta again[^]*?\$ datahub-sync sync\n[^\n]*Delta run [^\n]*; nothing to do\.\n/,
  );
  expect(demo.stdout).toMatch(
    /8\. Live\n[\s\S]*ok {2}the client was told of each change: \d+ ms after the commit in the median/,
  );
  expect(totalsAfter("7. Edits by hand", demo.stdout)).toMatchObject({
    inserted: 1,
    updated: 1,
    unchanged: 0,
    deleted: 0,
    "set aside": 0,
  });
  // The five tables that are written whole have 1,144 rows, five less and five more; the other two four stamped ones.
  expect(demo.stdout).toContain("would have sent 1,148 rows after that day, and kept 7 deleted rows.");
  expect(demo.stdout).toContain("This one sent 14, and wrote 21 documents, deletions included.");
  expect(demo.stdout).toMatch(
    /\nEqual: all [\d,]{7} values of 1,190 rows are in Convex as they are in Postgres/,
  );
  expect(await leftBehind()).toEqual([]);
});

test("interrupted, it ends what it started and leaves nothing behind", async () => {
  const demo = await startDemo("--scale", "0.05");
  await saidBy(demo.child, () => demo.stdout.includes("$ datahub-sync sync"));
  demo.child.kill("SIGINT");
  // Its output closes only when the command it had started is gone too.
  const [code] = await demo.ended;
  expect(code).toBe(130);
  expect(demo.stderr).toContain("SIGINT: stopping; nothing is left behind.");
  expect(demo.stdout).not.toContain("Equal");
  expect(await leftBehind()).toEqual([]);
});

test.each([["--scale", "0"], ["--scale", "many"], ["--seed", "1.5"], ["--unknown"]])(
  "%s %s is refused before anything is started",
  async (...args) => {
    const demo = await startDemo(...args);
    expect(await demo.ended).toEqual([2, null]);
    expect(demo.stdout).toBe("");
    expect(demo.stderr).toContain("error: ");
  },
);
