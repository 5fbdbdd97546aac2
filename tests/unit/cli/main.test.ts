import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../support/temporary-folder.js";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

/** A standard output that cannot be written, as on a full disk. */
const UNWRITABLE = openSync(MAIN, "r");

/** The command line as a process of its own, in an empty folder, with an environment that holds nothing of ours. */
async function datahubSync(...args: string[]) {
  return start(args, "pipe");
}

async function start(args: string[], stdout: "pipe" | number) {
  const child = spawn(process.execPath, ["--import", TSX, MAIN, ...args], {
    cwd: makeTemporaryFolder(),
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", stdout, "pipe"],
  });
  const closed = once(child, "close");
  const [out, err] = await Promise.all([child.stdout ? text(child.stdout) : "", text(child.stderr!)]);
  await closed;
  return { out, err, exitCode: child.exitCode };
}

describe("the process", () => {
  it("exits with the code of the command, after all that it printed", async () => {
    const { out, err, exitCode } = await datahubSync("sync", "--json");
    expect(exitCode).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ ok: false, error: { code: "CONFIG_MISSING" }, exitCode: 2 });
    expect(err).toContain("error: The configuration has 3 problems:");
  });

  it("exits with 0 after its help", async () => {
    const { out, err, exitCode } = await datahubSync("--help");
    expect([exitCode, err]).toEqual([0, ""]);
    expect(out.trimEnd().endsWith(".env.example explains them.")).toBe(true);
  });

  it("says that its output is lost, and does not exit with 0", async () => {
    expect(await start(["--help"], UNWRITABLE)).toEqual({
      out: "",
      err: "error: Standard output could not be written (EBADF).\n",
      exitCode: 1,
    });
    const failed = await start(["sync", "--json"], UNWRITABLE);
    expect(failed.exitCode).toBe(2);
    expect(failed.err).toMatch(/The configuration has 3 problems:[^]*could not be written \(EBADF\)\.\n$/);
  });
});
