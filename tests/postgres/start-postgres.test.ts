import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { isPortFree } from "../../local/postgres/free-port.js";
import { startPostgres, type LocalPostgres } from "../../local/postgres/start-postgres.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";

/** Nobody tells when the child of a dead parent has ended: this is asked for, up to a limit. */
const GONE = { timeout: 10_000, interval: 20 };

async function start(options?: Parameters<typeof startPostgres>[0]): Promise<LocalPostgres> {
  const server = await startPostgres(options);
  onTestFinished(() => server.stop("immediate"));
  return server;
}

async function query<Row>(server: LocalPostgres, text: string): Promise<Row | undefined> {
  const sql = postgres(server.url(), { max: 1 });
  try {
    return (await sql.unsafe<Record<string, unknown>[]>(text))[0] as Row | undefined;
  } finally {
    await sql.end();
  }
}

async function findDataFolder(server: LocalPostgres): Promise<string> {
  const row = await query<{ data: string }>(server, "SELECT current_setting('data_directory') AS data");
  return row!.data;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.each(ALL_POSTGRES_VERSIONS)("Postgres %i", (version) => {
  test("starts, answers, and leaves neither process nor folder when stopped", async () => {
    const server = await start({ version });
    expect(server.version).toBe(version);
    expect(server.release).toMatch(new RegExp(`^${version}\\.\\d+$`));
    const folder = dirname(await findDataFolder(server));
    const { pid } = server;
    expect(isRunning(pid)).toBe(true);

    await server.stop();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    await server.stop(); // again: nothing to do
  });

  test("keeps data and port over restarts, a crash included", async () => {
    const server = await start({ version });
    const url = server.url();
    await query(server, "CREATE TABLE kept AS SELECT 42 AS answer");
    for (const mode of ["fast", "immediate"] as const) {
      const before = server.pid;
      await server.restart(mode);
      expect(server.pid).not.toBe(before);
      expect(server.url()).toBe(url);
      expect(await query(server, "SELECT answer FROM kept")).toEqual({ answer: 42 });
    }
  });
});

test("two that start at once share nothing", async () => {
  const [one, other] = await Promise.all([start(), start()]);
  expect(one.port).not.toBe(other.port);
  expect(one.url()).not.toBe(other.url());
  await query(one, "CREATE TABLE only_here (id int)");
  expect(await query(other, "SELECT to_regclass('only_here') AS found")).toEqual({ found: null });
});

test("settings of the caller come before the defaults", async () => {
  const server = await start({ settings: { fsync: "on", wal_level: "logical" } });
  const row = await query(
    server,
    "SELECT current_setting('fsync') AS fsync, current_setting('wal_level') AS wal",
  );
  expect(row).toEqual({ fsync: "on", wal: "logical" });
});

test("a server that cannot start says why, in its own words", async () => {
  await expect(startPostgres({ settings: { max_connections: -1 } })).rejects.toMatchObject({
    code: "DATABASE_FAILED",
    message: expect.stringContaining("max_connections") as string,
  });
});

test("without the password nobody gets in", async () => {
  const server = await start();
  const url = new URL(server.url());
  url.password = "guessed";
  const sql = postgres(url.href, { max: 1 });
  await expect(sql`SELECT 1`).rejects.toMatchObject({ code: "28P01" });
  await sql.end();
});

test("whoever stops it lives until it is gone, its last words included", async () => {
  const script = new URL("../support/stop-lingering.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--import", "tsx", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  // 13 would be: nothing left that could settle what is awaited.
  expect(await once(child, "close")).toEqual([0, null]);
  expect(printed).toBe("stopped");
});

describe("when the process that started it ends without stopping it", () => {
  async function hold(ending: string) {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", new URL("../support/hold-postgres.ts", import.meta.url).pathname, ending],
      { stdio: ["ignore", "pipe", "inherit"], env: { PATH: process.env["PATH"] } }, // no HOME
    );
    const exited = once(child, "exit");
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const { port, data } = JSON.parse(line) as { port: number; data: string };
    return { child, exited, port, folder: dirname(data) };
  }

  test.each(["by itself", "exit"])("(%s), everything goes with it", async (ending) => {
    const { exited, port, folder } = await hold(ending);
    expect(await exited).toEqual([0, null]);
    await expect.poll(() => existsSync(folder), GONE).toBe(false);
    await expect.poll(() => isPortFree(port), GONE).toBe(true);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)(
    "(%s), everything goes with it",
    async (signal) => {
      const { child, exited, port, folder } = await hold("wait for a signal");
      expect(existsSync(folder)).toBe(true);
      child.kill(signal);
      expect(await exited).toEqual([null, signal]);
      await expect.poll(() => existsSync(folder), GONE).toBe(false);
      await expect.poll(() => isPortFree(port), GONE).toBe(true);
    },
  );
});
