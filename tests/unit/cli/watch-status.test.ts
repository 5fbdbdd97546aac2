import { expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { ENVIRONMENT, startFakeCli } from "../../support/fake-cli.js";
import { fakeIo } from "../../support/fake-io.js";
import { STATUS } from "../../support/sample-reports.js";

const interrupted = new SyncError({ code: "INTERRUPTED", message: "It was interrupted.", remedy: "None." });

/** A terminal at which somebody looks a few times, and then presses Ctrl-C. */
function open(looks: number, tty = true) {
  const cli = startFakeCli();
  const io = fakeIo({ cwd: cli.cwd, environment: ENVIRONMENT, tty });
  const pauses: number[] = [];
  io.clock = {
    ...io.clock,
    sleep: (ms) => {
      pauses.push(ms);
      if (pauses.length === looks) io.abort.abort(interrupted);
      return io.signal.aborted ? Promise.reject(interrupted) : Promise.resolve();
    },
  };
  return { cli, io, pauses };
}

const CLEAR = "\x1b[2J\x1b[3J\x1b[H";

test("status --watch is shown in the same place, until Ctrl-C, which is no failure", async () => {
  const { cli, io, pauses } = open(3);
  const { exitCode, out, err } = await cli.run("status --watch", { io });
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  expect(pauses).toEqual([10_000, 10_000, 10_000]);
  const shown = out.split(CLEAR);
  expect(shown).toHaveLength(4);
  expect(shown[1]).toMatch(/^2025-11-22 10:15:00 UTC, every 10 s; Ctrl-C ends it\n\nDeployment /);
});

test("elsewhere one is printed after the other, as JSON a line each", async () => {
  const { cli, io, pauses } = open(2, false);
  const { out } = await cli.run("status --watch 2s --json", { io });
  expect(pauses).toEqual([2_000, 2_000]);
  const lines = out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([STATUS, STATUS]);
});

test("a database that does not answer is waited for, and its exit code is that of the last look", async () => {
  const { cli, io } = open(3);
  cli.commands.status
    .mockRejectedValueOnce(
      new SyncError({ code: "DATABASE_UNREACHABLE", message: "It is down.", remedy: "" }),
    )
    .mockResolvedValue({ ...STATUS, ok: false, exitCode: 6 });
  const { exitCode, out, err } = await cli.run("status --watch 1m", { io });
  expect(exitCode).toBe(6);
  expect(err).toContain("It is down.");
  expect(out.split(CLEAR)).toHaveLength(3);
});
