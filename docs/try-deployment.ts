/**
 * Tries a deployment of your own that nobody needs: deploys our functions over documents that are there, loads the seven
 * generated tables at the speed of its plan, compares everything, and changes 1,000 rows. What it prints at the end has
 * no secrets, no URL and no values in it, and can be sent to whoever asks how it went.
 *
 *   CONVEX_URL=https://….convex.cloud CONVEX_DEPLOY_KEY='…' npx tsx docs/try-deployment.ts --throw-away
 *
 * In a clone, after `npm ci`. Postgres comes from npm, as for `datahub-sync local`.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import postgres, { type Sql } from "postgres";
import { createSourceTables, fillSourceTables } from "../local/data/fill-source.js";
import { startPostgres } from "../local/postgres/start-postgres.js";
import { packageRoot } from "../src/package-root.js";

/** Functions that write documents which are no rows of ours, into a table that is to be mirrored. */
const PLANTED = 5;
const PLANT = `
  import { mutationGeneric } from "convex/server";
  export const documents = mutationGeneric(async ({ db }) => {
    for (let n = 0; n < ${PLANTED}; n++) await db.insert("nokia_exports", { status: "planted" });
  });`;

const UPDATES = 1_000;

interface Step {
  step: string;
  seconds: number;
  exitCode: number;
  /** As the command's own JSON has it; absent where it has none. */
  report?: unknown;
}

interface Trial {
  folder: string;
  environment: Record<string, string>;
  steps: Step[];
}

const options = new Command("try-deployment")
  .requiredOption("--throw-away", "yes, this deployment's functions, schema and seven tables may be replaced")
  .option("--scale <number>", "how many rows: 1 is 60,000", Number, 1)
  .parse()
  .opts<{ scale: number }>();

await tryDeployment(options.scale);

async function tryDeployment(scale: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "try-deployment-"));
  const server = await startPostgres();
  const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
  try {
    const rows = await fill(sql, scale);
    const syncKey = crypto.randomUUID() + crypto.randomUUID();
    const environment = { ...variables(), DATABASE_URL: server.url(), CONVEX_SYNC_AUTH_KEY: syncKey };
    const trial: Trial = { folder, environment, steps: [] };
    await makeApp(folder);
    await deployOverDocuments(trial, syncKey);
    await sync(trial, sql);
    await print({ rows, steps: trial.steps }, Object.values(environment));
  } finally {
    await sql.end({ timeout: 0 });
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

/** @throws Error where the deployment is not named, or which one `npx convex` would take is not clear */
function variables(): Record<string, string> {
  const { CONVEX_URL, CONVEX_DEPLOY_KEY, CONVEX_SELF_HOSTED_URL, CONVEX_SELF_HOSTED_ADMIN_KEY } = process.env;
  if (CONVEX_DEPLOY_KEY && CONVEX_URL) return { CONVEX_DEPLOY_KEY, CONVEX_URL };
  if (CONVEX_SELF_HOSTED_URL && CONVEX_SELF_HOSTED_ADMIN_KEY) {
    return {
      CONVEX_SELF_HOSTED_URL,
      CONVEX_SELF_HOSTED_ADMIN_KEY,
      CONVEX_URL: CONVEX_URL ?? CONVEX_SELF_HOSTED_URL,
    };
  }
  throw new Error(
    "Set CONVEX_URL and CONVEX_DEPLOY_KEY of a deployment that nobody needs; or, of a self-hosted one, CONVEX_SELF_HOSTED_URL and CONVEX_SELF_HOSTED_ADMIN_KEY.",
  );
}

async function fill(sql: Sql, scale: number): Promise<Record<string, number>> {
  await createSourceTables(sql);
  return fillSourceTables(sql, { seed: 1, scale });
}

/** A folder that looks like an app's, with functions that plant documents. */
async function makeApp(folder: string): Promise<void> {
  await writeFile(join(folder, "package.json"), JSON.stringify({ dependencies: { convex: "*" } }));
  await symlink(join(packageRoot(), "node_modules"), join(folder, "node_modules"));
  await mkdir(join(folder, "convex"));
  await writeFile(join(folder, "convex/plant.ts"), PLANT);
}

async function deployOverDocuments(trial: Trial, syncKey: string): Promise<void> {
  const { folder } = trial;
  await convex(trial, "deploy functions that plant documents", ["deploy", "--yes", "--typecheck", "disable"]);
  await convex(trial, `plant ${PLANTED} documents`, ["run", "plant:documents"]);
  await rm(join(folder, "convex"), { recursive: true });
  await cp(join(packageRoot(), "convex"), join(folder, "convex"), { recursive: true });
  await convex(trial, "set the sync key", ["env", "set", "CONVEX_SYNC_AUTH_KEY"], syncKey);
  await convex(trial, "deploy over them", ["deploy", "--yes"]);
}

async function sync(trial: Trial, sql: Sql): Promise<void> {
  await ours(trial, "migrate", ["migrate"]);
  await ours(trial, "doctor", ["doctor"]);
  await ours(trial, "first load (the planted documents wait: 5)", ["sync"]);
  await ours(trial, "remove the planted documents", ["sync", "--allow-deletes", "nokia_exports"]);
  await ours(trial, "deep run, with nothing to mend", ["sync", "--deep"]);
  await sql`UPDATE sow_poles SET comments = 'tried' WHERE id IN (SELECT id FROM sow_poles ORDER BY id LIMIT ${UPDATES})`;
  await ours(trial, `${UPDATES} updates`, ["sync"]);
  await ours(trial, "nothing to do", ["sync"]);
  await ours(trial, "verify", ["verify"]);
}

/** Of the real CLI, in the app's folder. What it prints is shown, and is not in the report. */
async function convex(trial: Trial, step: string, args: string[], input = ""): Promise<void> {
  const main = join(packageRoot(), "node_modules/convex/bin/main.js");
  const { exitCode, seconds, output } = await run(trial, [main, ...args], input);
  trial.steps.push({ step, seconds, exitCode });
  if (exitCode !== 0)
    throw new Error(`${step}: npx convex ${args[0]!} failed (exit code ${exitCode}):\n${output}`);
}

async function ours(trial: Trial, step: string, args: string[]): Promise<void> {
  const main = join(packageRoot(), "dist/src/cli/main.js");
  const { exitCode, seconds, stdout } = await run(trial, [main, ...args, "--json"], "");
  trial.steps.push({
    step,
    seconds,
    exitCode,
    report: stdout === "" ? null : (JSON.parse(stdout) as unknown),
  });
}

function run(
  { folder, environment }: Trial,
  args: string[],
  input: string,
): Promise<{ exitCode: number; seconds: number; stdout: string; output: string }> {
  const startedAt = Date.now();
  const env = { PATH: process.env["PATH"], HOME: folder, CI: "1", ...environment };
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: "pipe" });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stderr.pipe(process.stderr);
  child.stdin.end(input);
  return new Promise((resolve) =>
    child.on("close", (code) =>
      resolve({
        exitCode: code ?? -1,
        seconds: (Date.now() - startedAt) / 1000,
        stdout,
        output: stdout + stderr,
      }),
    ),
  );
}

/** @throws Error where a secret, or the deployment's address, has got into it */
async function print(found: Record<string, unknown>, secrets: string[]): Promise<void> {
  const { version } = JSON.parse(await readFile(join(packageRoot(), "package.json"), "utf8")) as {
    version: string;
  };
  const text = JSON.stringify(withoutNames({ version, node: process.version, ...found }), null, 2);
  if (secrets.some((secret) => text.includes(secret)))
    throw new Error("The report has a secret in it: it is not printed.");
  console.log(text);
}

/** Reports name the deployment, and doctor the folders and the host: neither is anybody's business. */
function withoutNames(value: unknown): unknown {
  const hosts = [process.env["CONVEX_URL"], process.env["CONVEX_SELF_HOSTED_URL"]].flatMap((url) =>
    url ? [new URL(url).host] : [],
  );
  const names = [...hosts, ...hosts.map((host) => host.split(".")[0]!)].sort((a, b) => b.length - a.length);
  // In texts alone: a number may well have the digits of an address.
  const hide = (text: string) => names.reduce((all, name) => all.replaceAll(name, "…"), text);
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) => (typeof each === "string" ? hide(each) : each)),
  ) as unknown;
}
