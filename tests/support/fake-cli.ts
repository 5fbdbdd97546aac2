import { readFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import type { Commands } from "../../src/cli/commands.js";
import { runCli } from "../../src/cli/run-cli.js";
import { fakeIo, type FakeIo } from "./fake-io.js";
import { DOCTOR, DRY_RUN, PLAN, RUN, STATUS, TRACKING, VERIFIED } from "./sample-reports.js";
import { makeTemporaryFolder } from "./temporary-folder.js";

export const PASSWORD = "pw-of-owner";

/** All that the command line needs to be told. */
export const ENVIRONMENT = {
  DATABASE_URL: `postgresql://owner:${PASSWORD}@127.0.0.1/app`,
  CONVEX_URL: "http://127.0.0.1:3210",
  CONVEX_SYNC_AUTH_KEY: "the-key-of-the-sync",
};

function fakeCommands() {
  return {
    migrate: vi.fn<Commands["migrate"]>(() => Promise.resolve(TRACKING)),
    planMigration: vi.fn<Commands["planMigration"]>(() => Promise.resolve(PLAN)),
    untrack: vi.fn<Commands["untrack"]>(() => Promise.resolve(TRACKING)),
    sync: vi.fn<Commands["sync"]>(() => Promise.resolve(RUN)),
    work: vi.fn<Commands["work"]>(),
    enqueue: vi.fn<Commands["enqueue"]>(),
    dryRun: vi.fn<Commands["dryRun"]>(() => Promise.resolve(DRY_RUN)),
    status: vi.fn<Commands["status"]>(() => Promise.resolve(STATUS)),
    listRuns: vi.fn<Commands["listRuns"]>(() => Promise.resolve([])),
    showRun: vi.fn<Commands["showRun"]>(() => Promise.resolve(RUN)),
    page: vi.fn<Commands["page"]>(() => Promise.resolve({ page: "<html></html>", runs: 2 })),
    watch: vi.fn<Commands["watch"]>(() => Promise.resolve()),
    schedule: vi.fn<Commands["schedule"]>(() => Promise.reject(new Error("not in this test"))),
    waitFor: vi.fn<Commands["waitFor"]>(() => Promise.resolve({ isReady: true, waitedMs: 0 })),
    findCandidates: vi.fn<Commands["findCandidates"]>(() => Promise.resolve([])),
    planFiles: vi.fn<Commands["planFiles"]>(() => Promise.resolve([])),
    writeFiles: vi.fn<Commands["writeFiles"]>(() => Promise.resolve()),
    findStrangers: vi.fn<Commands["findStrangers"]>(() => Promise.resolve([])),
    schema: vi.fn<Commands["schema"]>(() =>
      Promise.resolve({ ok: true, exitCode: 0, path: "convex/mirrors.ts", written: true, tables: [] }),
    ),
    verify: vi.fn<Commands["verify"]>(() => Promise.resolve(VERIFIED)),
    health: vi.fn<Commands["health"]>(({ maxAgeSeconds }) =>
      Promise.resolve({
        ok: true,
        exitCode: 0,
        maxAgeSeconds,
        tables: [{ table: "sow_poles", ageSeconds: 720 }],
      }),
    ),
    doctor: vi.fn<Commands["doctor"]>(() => Promise.resolve(DOCTOR)),
    local: vi.fn<Commands["local"]>(() => Promise.reject(new Error("not in this test"))),
  };
}

/** The command line in an empty folder of its own, over commands that do nothing but answer. */
export function startFakeCli() {
  const cwd = makeTemporaryFolder();
  const commands = fakeCommands();

  async function run(
    line: string,
    given: { environment?: Record<string, string>; tty?: boolean; io?: FakeIo } = {},
  ) {
    const io =
      given.io ?? fakeIo({ cwd, environment: given.environment ?? ENVIRONMENT, tty: given.tty ?? false });
    const exitCode = await runCli(line.split(" ").filter(Boolean), io, commands);
    return { exitCode, out: io.stdout.text, err: io.stderr.text };
  }

  const logText = () => readFileSync(join(cwd, "logs", "datahub-sync.log"), "utf8");
  return { cwd, commands, run, logText };
}
export type FakeCli = ReturnType<typeof startFakeCli>;
