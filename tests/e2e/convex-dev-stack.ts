import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findBackendVersion } from "../support/convex-backend.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { deployedStack, type Backend, type DatabaseServer } from "./deployed-stack.js";

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** Embedded Postgres and the backend that `npx convex dev` runs on a developer's machine, without an account. */
export const convexDevStack = deployedStack({
  name: "embedded Postgres and the backend of `npx convex dev`",
  startPostgres,
  startBackend,
});

function startPostgres(): Promise<DatabaseServer> {
  const databases: TestDatabase[] = [];
  return Promise.resolve({
    secrets: [],
    async createDatabase() {
      const database = await createTestDatabase();
      databases.push(database);
      return database;
    },
    async stop() {
      for (const database of databases) await database.drop();
    },
  });
}

/** As a coding agent starts it: a project of its own, nothing asked, and nothing of the cloud. */
async function startBackend(): Promise<Backend> {
  const folder = await mkdtemp(join(tmpdir(), "convex-dev-"));
  await mkdir(join(folder, "convex"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ dependencies: { convex: "*" } }));
  await symlink(modules, join(folder, "node_modules"));
  const version = await findBackendVersion();
  const child = spawn(
    process.execPath,
    [
      join(modules, "convex/bin/main.js"),
      "dev",
      ...["--typecheck", "disable", "--codegen", "disable", "--tail-logs", "disable"],
      ...(version === null ? [] : ["--local-backend-version", version]),
    ],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: homedir(), CONVEX_AGENT_MODE: "anonymous", CI: "1" },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const closed = once(child, "close");
  let printed = "";
  for await (const line of createInterface(child.stderr)) {
    printed += `${line}\n`;
    if (line.includes("Convex functions ready")) break;
  }
  const config = await readFile(join(folder, ".convex/local/default/config.json"), "utf8").catch(() => null);
  if (config === null) throw new Error(`npx convex dev started no backend:\n${printed}`);
  child.stderr.resume();
  const { adminKey, ports } = JSON.parse(config) as { adminKey: string; ports: { cloud: number } };
  return {
    address: { url: `http://127.0.0.1:${ports.cloud}`, adminKey },
    async stop() {
      child.kill("SIGINT");
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}
