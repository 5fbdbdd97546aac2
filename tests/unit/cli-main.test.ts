import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../support/temporary-folder.js";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

/** The command line as a process of its own, in an empty folder, with an environment that holds nothing of ours. */
async function datahubSync(...args: string[]) {
  const child = spawn(process.execPath, ["--import", TSX, MAIN, ...args], {
    cwd: makeTemporaryFolder(),
    env: { PATH: process.env["PATH"] },
  });
  const closed = once(child, "close");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
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
});
