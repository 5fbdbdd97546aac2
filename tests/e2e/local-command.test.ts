import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "dotenv";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBuiltCli } from "../support/built-cli.js";
import { readBothSides } from "./both-sides.js";
import { CliProcess, type Running } from "./cli-process.js";
import { ConvexCli } from "./convex-cli.js";
import { NOTHING } from "./scene.js";

interface Ready {
  ready: true;
  convexUrl: string;
  postgresPort: number;
  rows: Record<string, number>;
  envFile: string | null;
}

const VARIABLES = [
  "DATABASE_URL",
  "CONVEX_URL",
  "CONVEX_SYNC_AUTH_KEY",
  "CONVEX_SELF_HOSTED_URL",
  "CONVEX_SELF_HOSTED_ADMIN_KEY",
] as const;

async function startLocal(cli: CliProcess, envFile: string): Promise<Running & { ready: Ready }> {
  const running = cli.start(["local", "--scale", "0.005", "--write-env", envFile]);
  const [line] = (await once(createInterface(running.child.stdout!), "line")) as [string];
  return { ...running, ready: JSON.parse(line) as Ready };
}

async function canConnect(databaseUrl: string): Promise<boolean> {
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 2 });
  return sql`SELECT 1`
    .then(
      () => true,
      () => false,
    )
    .finally(() => sql.end());
}

describe("datahub-sync local", () => {
  let cli: CliProcess;
  /** Where temporary files go, so that one which is left behind is seen. */
  let scratch: string;
  let [first, second]: (Running & { ready: Ready })[] = [];
  let variables: Record<string, string>;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "datahub-sync-local-"));
    await chmod(scratch, 0o755); // as root, Postgres runs as another user
    cli = await CliProcess.create({ TMPDIR: scratch });
    [first, second] = await Promise.all([startLocal(cli, ".env.one"), startLocal(cli, ".env.two")]);
    variables = parse(await readFile(join(cli.folder, ".env.one")));
  });
  afterAll(async () => {
    for (const running of [first, second]) running?.child.kill("SIGKILL"); // does nothing to one that has ended
    await cli.remove();
    await rm(scratch, { recursive: true });
  });

  it("says in one line that it is ready, and writes five variables for the owner's eyes", async () => {
    expect(first!.ready).toMatchObject({
      ready: true,
      convexUrl: variables["CONVEX_URL"],
      rows: { sow_poles: 23, sow_drops: 119 },
      envFile: expect.stringMatching(/\.env\.one$/) as string,
    });
    expect(await readdir(scratch)).not.toEqual([]); // or the last test would prove nothing
    expect(Object.keys(variables).sort()).toEqual([...VARIABLES].sort());
    expect((await stat(join(cli.folder, ".env.one"))).mode & 0o777).toBe(0o600);
  });

  it("serves any other terminal: migrate, sync, and the real npx convex data", async () => {
    const flags = ["--env-file", ".env.one"];
    expect(await cli.run(["migrate", ...flags])).toMatchObject({ code: 0 });
    const rows = Object.values(first!.ready.rows).reduce((sum, count) => sum + count);
    expect(await cli.sync(flags)).toMatchObject({ code: 0, report: { totals: { inserted: rows } } });
    const convex = await ConvexCli.create({
      url: variables["CONVEX_SELF_HOSTED_URL"]!,
      adminKey: variables["CONVEX_SELF_HOSTED_ADMIN_KEY"]!,
    });
    const sides = await readBothSides(variables["DATABASE_URL"]!, convex, "lawley_activations");
    await convex.remove();
    expect(Object.keys(sides.postgres)).toHaveLength(10);
    expect(sides.convex).toEqual(sides.postgres);
  });

  it("meters what Convex would bill, and counts from zero again after a POST", async () => {
    const url = `${variables["CONVEX_URL"]}/_local/usage`;
    const usage = (await (await fetch(url)).json()) as { byTable: Record<string, unknown> };
    expect(usage.byTable["sow_poles"]).toMatchObject({ documentsWritten: 23 });
    await fetch(url, { method: "POST" });
    expect(await (await fetch(url)).json()).toMatchObject({ calls: 0, byTable: {} });
    expect((await cli.sync(["--env-file", ".env.one"])).report.totals).toMatchObject(NOTHING);
  });

  it("runs beside another one, with data and deployment of its own", async () => {
    expect(second!.ready.postgresPort).not.toBe(first!.ready.postgresPort);
    expect(second!.ready.convexUrl).not.toBe(first!.ready.convexUrl);
    // The other one was never migrated.
    const status = await cli.run(["status", "--env-file", ".env.two"]);
    expect(status.stderr).toContain("MIGRATIONS_MISSING");
  });

  it("serves a deployment for somebody's own Postgres, and ends in order when npm that started it is gone", async () => {
    // As npm does: a shell between, which hands no signal on.
    const args = ["local", "--empty", "--database-url", "--env-file", ".env.two", "--write-env", ".env.own"];
    const npm = spawn("sh", ["-c", '"$@"; exit', "npm", process.execPath, await findBuiltCli(), ...args], {
      cwd: cli.folder,
      env: { PATH: process.env["PATH"], npm_execpath: "npm" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(npm, "close"); // of its output, which the process holds that it started
    const [line] = (await once(createInterface(npm.stdout), "line")) as [string];
    expect(JSON.parse(line)).toMatchObject({ ready: true, rows: {} });
    expect(line).not.toContain("postgresPort");
    const own = parse(await readFile(join(cli.folder, ".env.own")));
    const two = parse(await readFile(join(cli.folder, ".env.two")));
    expect(new URL(own["DATABASE_URL"]!).port).toBe(new URL(two["DATABASE_URL"]!).port);
    expect(own["CONVEX_URL"]).not.toBe(two["CONVEX_URL"]);
    npm.kill("SIGKILL");
    await ended;
    expect(existsSync(join(cli.folder, ".env.own"))).toBe(false);
    expect(await canConnect(two["DATABASE_URL"]!)).toBe(true);
  });

  it("refuses to overwrite a file that it has not written", async () => {
    const file = join(cli.folder, ".env.mine");
    await writeFile(file, "SECRET=of somebody else\n");
    const refused = await cli.run(["local", "--scale", "0.005", "--write-env", ".env.mine"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(await readFile(file, "utf8")).toBe("SECRET=of somebody else\n");
  });

  it.each([
    ["SIGTERM", 0, ".env.one"],
    ["SIGINT", 1, ".env.two"],
  ] as const)("leaves neither process nor file behind after %s", async (signal, index, envFile) => {
    const running = [first!, second!][index]!;
    const { DATABASE_URL } = parse(await readFile(join(cli.folder, envFile)));
    running.child.kill(signal);
    expect(await running.finished).toMatchObject({ code: 0 });
    expect(existsSync(join(cli.folder, envFile))).toBe(false);
    expect(await canConnect(DATABASE_URL!)).toBe(false);
    await expect(fetch(`${running.ready.convexUrl}/version`)).rejects.toThrow();
  });

  it("leaves no temporary file behind", async () => {
    expect(await readdir(scratch)).toEqual([]);
  });
});
