import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { createDeployment } from "./local-fixture.js";

/** The real CLI of the `convex` package, without a network beyond this machine. */
const CLI = resolve("node_modules/convex/bin/main.js");

describe("the real Convex CLI", { timeout: 60_000 }, () => {
  const deployment = createDeployment();
  let served: ServedDeployment;
  let directory: string;

  const convex = (...args: string[]) =>
    promisify(execFile)(process.execPath, [CLI, ...args], {
      cwd: directory,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: process.env["PATH"],
        HOME: directory,
        // Nothing may be sent anywhere, reachable or not.
        CI: "1",
        CONVEX_SELF_HOSTED_URL: served.url,
        CONVEX_SELF_HOSTED_ADMIN_KEY: deployment.adminKey,
      },
    });

  beforeAll(async () => {
    served = await serveLocalDeployment(deployment);
    directory = await mkdtemp(join(tmpdir(), "convex-cli-"));
    await writeFile(join(directory, "package.json"), JSON.stringify({ dependencies: { convex: "*" } }));
    await symlink(resolve("node_modules"), join(directory, "node_modules"));
    for (let i = 0; i < 120; i++) deployment.insert("notes", { key: `k${i}`, rank: i % 2 ? BigInt(i) : i });
  });
  afterAll(async () => {
    await served.close();
    await rm(directory, { recursive: true });
  });

  it("lists tables", async () => {
    const { stdout } = await convex("data");
    expect(stdout.trim().split("\n")).toEqual(["anything", "authors", "notes"]);
  });

  it("prints a table's documents in its formats", async () => {
    const jsonl = (await convex("data", "notes", "--format", "jsonl", "--limit", "1000", "--order", "asc"))
      .stdout;
    const lines = jsonl.trim().split("\n");
    expect(lines).toHaveLength(120);
    expect(JSON.parse(lines[0]!)).toMatchObject({ key: "k0", rank: 0 });
    expect(lines[1]).toContain('"rank": 1n');
    const json = (await convex("data", "notes", "--format", "json", "--limit", "3")).stdout;
    expect(json.match(/"key"/g)).toHaveLength(3);
    const pretty = (await convex("data", "notes", "--limit", "2")).stdout;
    expect(pretty).toContain("_creationTime");
    expect(pretty).toContain('"k119"');
  });

  it("prints a table that is longer than an array may be", async () => {
    for (let i = 0; i < 9000; i++) deployment.insert("authors", { name: `${i}` });
    const { stdout } = await convex(
      "data",
      "authors",
      "--format",
      "jsonl",
      "--order",
      "asc",
      "--limit",
      "100000",
    );
    const names = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { name: string }).name);
    expect(names).toEqual(Array.from({ length: 9000 }, (_, i) => `${i}`));
  });

  it("runs queries, mutations and internal functions", async () => {
    await convex("run", "notes:add", JSON.stringify({ note: { key: "from the CLI" } }));
    const { stdout } = await convex("run", "notes:unique", '{"key": "from the CLI"}');
    expect(JSON.parse(stdout)).toMatchObject({ key: "from the CLI" });
    expect(JSON.parse((await convex("run", "notes:internalCount")).stdout)).toBe(121);
  });

  it("lists the functions that exist when one does not", async () => {
    const failed = (await convex("run", "notes:nothing").catch((error: unknown) => error)) as {
      stderr: string;
    };
    expect(failed.stderr).toContain("Could not find function for 'notes:nothing'");
    expect(failed.stderr).toContain("internalCount");
  });
});
