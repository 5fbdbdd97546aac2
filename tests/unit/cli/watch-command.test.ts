import { expect, test } from "vitest";
import type { WatchOptions } from "../../../src/commands/watch/watch.js";
import { EXIT, SyncError, type ExitCode } from "../../../src/model/errors.js";
import type { RunReport } from "../../../src/model/report.js";
import { ENVIRONMENT, startFakeCli } from "../../support/fake-cli.js";
import { fakeIo, NOW_MS } from "../../support/fake-io.js";
import { startReceiver } from "../../support/receiver.js";
import { RUN, TABLE } from "../../support/sample-reports.js";

const down = new SyncError({
  code: "DATABASE_UNREACHABLE",
  message: "Postgres is away.",
  remedy: "Is it up?",
});

/** A watch in which things happen, one after the other. */
async function watchWith(
  happen: (options: WatchOptions, later: (minutes: number) => void) => Promise<void>,
  tty = false,
) {
  const { url, take } = await startReceiver();
  const cli = startFakeCli();
  const environment = {
    ...ENVIRONMENT,
    DATAHUB_SYNC_PING_URL: `${url}/ping`,
    DATAHUB_SYNC_PING_START_URL: "none",
    DATAHUB_SYNC_WEBHOOK_URL: `${url}/hook`,
  };
  let now = NOW_MS;
  const io = fakeIo({ cwd: cli.cwd, environment, tty });
  io.clock = { ...io.clock, now: () => now };
  cli.commands.watch.mockImplementation((options) => happen(options, (minutes) => (now += minutes * 60_000)));
  const ended = await cli.run("sync --watch", { io });
  return { ...ended, told: take(), cli };
}

const reportOf = (exitCode: ExitCode): RunReport => ({
  ...RUN,
  ok: exitCode === 0,
  exitCode,
  tables: [TABLE],
});
const runs = ({ around }: WatchOptions, exitCode: ExitCode, isRound = false) =>
  around!(() => Promise.resolve(reportOf(exitCode)), isRound);

const SUCCESS = "POST /ping";
const FAILURE = "POST /ping/fail";
const HOOK = "POST /hook";

test("trouble and its end are told at once, and that all is well now and then", async () => {
  const { exitCode, told, err } = await watchWith(async (options, later) => {
    await runs(options, EXIT.done);
    await runs(options, EXIT.done);
    options.failed(down, 1_000);
    options.failed(down, 2_000);
    // It is back, and nothing has changed meanwhile.
    await options.idle!();
    later(4);
    await options.idle!();
    later(2);
    await options.idle!();
  });
  expect(exitCode).toBe(0);
  expect(told).toHaveLength(6);
  expect(told.filter((each) => each === FAILURE)).toHaveLength(1);
  expect(told.filter((each) => each === HOOK)).toHaveLength(2);
  expect(told.filter((each) => each === SUCCESS)).toHaveLength(3);
  // Said once.
  expect(err.match(/Postgres is away\./g)).toHaveLength(1);
  expect(err).toContain("It is tried again in 1.0 s.");
});

test("what a report says stays so while nothing happens", async () => {
  const { told, out } = await watchWith(async (options) => {
    await runs(options, EXIT.deletionsHeldBack);
    await options.idle!();
    await runs(options, EXIT.deletionsHeldBack);
    await runs(options, EXIT.done);
  });
  expect(told.filter((each) => each === FAILURE)).toHaveLength(1);
  expect(told.filter((each) => each === SUCCESS)).toHaveLength(1);
  // In the journal: the trouble, once; small runs that are well are in the log's file alone.
  expect(out.match(/^2025-.* Delta run/gm)).toHaveLength(1);
});

test("the journal gets each run of all tables; a terminal a line for each table that had something", async () => {
  const journal = await watchWith(async (options) => {
    await runs(options, EXIT.done, true);
    await runs(options, EXIT.done);
  });
  expect(journal.out.match(/Delta run/g)).toHaveLength(1);
  expect(journal.cli.logText().match(/"run ended"/g)).toHaveLength(2);
  const terminal = await watchWith((options) => {
    options.progress.tableStarted("sow_poles", "delta", null);
    options.progress.tableFinished(TABLE);
    options.progress.tableFinished({ ...TABLE, read: 0, table: "idle" });
    return Promise.resolve();
  }, true);
  expect(terminal.out).toBe("");
  expect(terminal.err).toContain("sow_poles: done in 0.1 s: 12 read, 2 inserted, 10 updated");
  expect(terminal.err).not.toContain("idle:");
});

test.each(["--full", "--deep", "--dry-run", "--take-over", "--allow-deletes sow_poles"])(
  "--watch and %s are not one thing",
  async (flag) => {
    const { exitCode, err } = await startFakeCli().run(`sync --watch ${flag}`);
    expect(exitCode).toBe(2);
    expect(err).toContain("cannot be used with");
  },
);
