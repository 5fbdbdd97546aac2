import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Commands } from "../../src/cli/commands.js";
import { runCli } from "../../src/cli/run-cli.js";
import { EXIT, SyncError } from "../../src/errors.js";
import type { RunReport, StatusReport } from "../../src/report.js";
import type { MigrateReport } from "../../src/sync/migrate.js";
import { fakeIo, type FakeIo } from "../support/fake-io.js";

const KEY = "the-key-of-the-sync";
const PASSWORD = "pw-of-owner";
const ENVIRONMENT = {
  DATABASE_URL: `postgresql://owner:${PASSWORD}@127.0.0.1/app`,
  CONVEX_URL: "http://127.0.0.1:3210",
  CONVEX_SYNC_AUTH_KEY: KEY,
};

const RUN: RunReport = {
  ok: true,
  mode: "delta",
  runId: "5f0c2f6e",
  startedAt: "2025-11-22T10:15:00.000Z",
  finishedAt: "2025-11-22T10:15:00.400Z",
  durationMs: 400,
  exitCode: EXIT.done,
  tables: [],
  totals: {
    read: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    rejected: 0,
    heldBack: 0,
    calls: 1,
    retries: 0,
    bytesSent: 0,
  },
  notices: [],
};

const STATUS: StatusReport = {
  ok: true,
  deployment: "127.0.0.1",
  exitCode: EXIT.done,
  tables: [],
  lease: null,
  horizon: null,
  notices: [],
};

const TRACKING: MigrateReport = {
  ok: true,
  exitCode: EXIT.done,
  applied: ["0000_state", "0001_track"],
  tables: [
    { table: "sow_poles", relation: "sow_poles", base: "sharepoint_hld_pole", outcome: "tracked" },
    { table: "sow_drops", relation: "sow_drops", base: "sow_drops", outcome: "already-tracked" },
  ],
  notices: [{ code: "UPDATED_AT_MEANS_CHANGED", message: "From now on, updated_at means: content changed." }],
};

function fakeCommands() {
  return {
    migrate: vi.fn<Commands["migrate"]>(() => Promise.resolve(TRACKING)),
    untrack: vi.fn<Commands["untrack"]>(() => Promise.resolve(TRACKING)),
    sync: vi.fn<Commands["sync"]>(() => Promise.resolve(RUN)),
    status: vi.fn<Commands["status"]>(() => Promise.resolve(STATUS)),
    local: vi.fn<Commands["local"]>(() => Promise.reject(new Error("not in this test"))),
  };
}

let cwd: string;
let commands: ReturnType<typeof fakeCommands>;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "datahub-sync-cli-"));
  commands = fakeCommands();
});
afterEach(() => rmSync(cwd, { recursive: true }));

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

describe("the command line", () => {
  it("shows help and version on standard output, and has then done nothing", async () => {
    for (const line of [
      "--help",
      "sync --help",
      "status --help",
      "migrate --help",
      "untrack --help",
      "local --help",
    ]) {
      const { exitCode, out, err } = await run(line);
      expect([exitCode, err]).toEqual([0, ""]);
      expect(out).toContain("Examples:\n  $ datahub-sync ");
    }
    expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(existsSync(join(cwd, "logs"))).toBe(false);
  });

  it("documents every exit code in its help", async () => {
    const { out } = await run("--help");
    for (const code of Object.values(EXIT)) expect(out).toMatch(new RegExp(`^  ${code}  \\w`, "m"));
  });

  it("without a command shows the help on standard error and exits 2", async () => {
    const { exitCode, out, err } = await run("");
    expect([exitCode, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: datahub-sync");
  });

  it.each([
    ["snyc", "Unknown command 'snyc'.", "Did you mean sync? `datahub-sync --help` shows what there is."],
    [
      "sync --ful",
      "Unknown option '--ful'.",
      "Did you mean --full? `datahub-sync sync --help` shows what there is.",
    ],
    [
      "sync --table",
      "Option '-t, --table <name...>' argument missing.",
      "`datahub-sync sync --help` shows what there is.",
    ],
    [
      "sync sow_poles",
      "Too many arguments for 'sync'. Expected 0 arguments but got 1.",
      "`datahub-sync sync --help` shows what there is.",
    ],
    [
      "sync --deep",
      "--deep is given without --full.",
      "A deep run is a full run that also reads the documents: use --full --deep.",
    ],
    [
      "sync --table poles",
      "--table poles: the configuration has no such table.",
      "It has sow_poles, sow_drops, nokia_exports, onemap_installations, onemap_poles, lawley_activations, mohadin_activations.",
    ],
    [
      "sync --allow-deletes poles",
      "--allow-deletes poles: the configuration has no such table.",
      "It has sow_poles, sow_drops, nokia_exports, onemap_installations, onemap_poles, lawley_activations, mohadin_activations.",
    ],
    [
      "untrack",
      "untrack needs a --table.",
      "Name each table whose tracking should go: datahub-sync untrack --table sow_poles.",
    ],
    [
      "local --scale many",
      "Option '--scale <number>' argument 'many' is invalid. It must be a number above 0 and at most 100.",
      "`datahub-sync local --help` shows what there is.",
    ],
    [
      "local --port 0",
      "Option '--port <number>' argument '0' is invalid. It must be a whole number from 1 to 65535.",
      "`datahub-sync local --help` shows what there is.",
    ],
  ])("%s is a usage error", async (line, message, remedy) => {
    const person = await run(line);
    expect([person.exitCode, person.out]).toEqual([2, ""]);
    expect(person.err).toBe(
      `2025-11-22T10:15:00.000Z error: ${message}\n  what to do: ${remedy}\n  (USAGE, exit code 2)\n`,
    );
    const machine = await run(line.replace(/^\w+/, "$& --json"));
    expect(machine.exitCode).toBe(2);
    if (!line.startsWith("local")) {
      expect(JSON.parse(machine.out)).toEqual({
        ok: false,
        error: { code: "USAGE", message, table: null, remedy },
        exitCode: 2,
      });
    }
    expect(commands.sync).not.toHaveBeenCalled();
  });

  it("says all that the configuration lacks, and exits 2", async () => {
    const { exitCode, err } = await run("sync", { environment: {}, tty: true });
    expect(exitCode).toBe(2);
    expect(err.replaceAll(cwd, "/srv")).toContain("error:");
    expect(err).toMatch(/3 problems(.|\n)*DATABASE_URL(.|\n)*CONVEX_URL(.|\n)*CONVEX_SYNC_AUTH_KEY/);
    expect((await run("migrate", { environment: {} })).err).toContain(
      "DATABASE_URL (or NEON_DATABASE_URL) is not set",
    );
  });
});

describe("sync", () => {
  it.each([
    ["sync", { mode: "delta", allowDeletes: [], takeOver: false }],
    ["sync --full", { mode: "full" }],
    ["sync --full --deep", { mode: "deep" }],
    ["sync --take-over", { takeOver: true }],
    [
      "sync --allow-deletes sow_poles --allow-deletes sow_drops",
      { allowDeletes: ["sow_poles", "sow_drops"] },
    ],
    ["sync --allow-deletes sow_drops public.sow_poles", { allowDeletes: ["sow_poles", "sow_drops"] }],
  ])("%s", async (line, expected) => {
    expect((await run(line)).exitCode).toBe(0);
    expect(commands.sync.mock.lastCall![0]).toMatchObject(expected);
  });

  it("hands on the tables and settings of flags, file and environment", async () => {
    writeFileSync(join(cwd, "demo.env"), "DATAHUB_SYNC_PAGE_ROWS=7\nDATAHUB_SYNC_LEASE_SECONDS=8\n");
    writeFileSync(
      join(cwd, "sync.json"),
      '{"tables": [{"relation": "a"}, {"relation": "b"}, {"relation": "c"}]}',
    );
    await run(
      "sync --env-file demo.env --config sync.json -t c a --lease-seconds 9 --write-mib-per-second unlimited",
    );
    const { config } = commands.sync.mock.lastCall![0];
    expect(config.mirrors.map(({ mirror }) => mirror)).toEqual(["a", "c"]);
    expect(config.settings).toMatchObject({ pageRows: 7, leaseSeconds: 9, writeBytesPerSecond: Infinity });
  });

  it("prints the report for people on standard output", async () => {
    const { out, err } = await run("sync");
    expect(out).toBe("Delta run 5f0c2f6e: 0 tables, 1 call, 0 B sent, 0.4 s.\n");
    expect(err).toBe("2025-11-22T10:15:00.000Z info  delta run to 127.0.0.1\n");
  });

  it("prints exactly the report with --json, and nothing else on standard output", async () => {
    commands.sync.mockImplementation(({ progress }) => {
      progress.tableStarted("sow_poles", "delta", 12);
      progress.tableProgress("sow_poles", 6);
      progress.notice(null, { code: "RESUMED", message: "An earlier run is resumed." });
      return Promise.resolve({ ...RUN, exitCode: EXIT.rowsSetAside, ok: false });
    });
    const { exitCode, out, err } = await run("sync --json", { tty: true });
    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toEqual({ ...RUN, exitCode: 3, ok: false });
    expect(out.trim().split("\n")).toHaveLength(1);
    expect(err).toBe("An earlier run is resumed.\n");
  });

  it("shows a progress bar on a terminal, and removes it also when the run fails", async () => {
    commands.sync.mockImplementation(({ progress }) => {
      progress.tableStarted("sow_poles", "delta", 12);
      return Promise.reject(
        new SyncError({
          code: "LEASE_HELD",
          message: "Another run holds the lease.",
          remedy: "Wait for it.",
          exitCode: EXIT.leaseHeld,
        }),
      );
    });
    const { exitCode, err } = await run("sync", { tty: true });
    expect(exitCode).toBe(4);
    expect(err).toContain("sow_poles             [------------------------]   0 %");
    expect(err.slice(err.lastIndexOf("%"))).toContain("error:");
  });

  it.each(Object.entries(EXIT))("exits as the report says: %s", async (_, exitCode) => {
    commands.sync.mockResolvedValue({ ...RUN, exitCode, ok: exitCode === 0 });
    expect((await run("sync")).exitCode).toBe(exitCode);
  });

  it("says what failed, and only with --verbose why", async () => {
    commands.sync.mockImplementation(() =>
      Promise.reject(
        new SyncError({
          code: "DATABASE_UNREACHABLE",
          message: "Postgres could not be reached.",
          remedy: "Check DATABASE_URL.",
          cause: new TypeError("inner"),
        }),
      ),
    );
    const quiet = await run("sync");
    expect(quiet.exitCode).toBe(1);
    expect(quiet.err.split("\n").slice(1)).toEqual([
      "2025-11-22T10:15:00.000Z error: Postgres could not be reached.",
      "  what to do: Check DATABASE_URL.",
      "  (DATABASE_UNREACHABLE, exit code 1)",
      "",
    ]);
    const verbose = await run("sync --verbose");
    expect(verbose.err).toContain("caused by: TypeError: inner");
    expect(verbose.err).toMatch(/^\s+at /m);
    const machine = await run("sync --json");
    expect(JSON.parse(machine.out)).toEqual({
      ok: false,
      error: {
        code: "DATABASE_UNREACHABLE",
        message: "Postgres could not be reached.",
        table: null,
        remedy: "Check DATABASE_URL.",
      },
      exitCode: 1,
    });
  });

  it("hands on the signal", async () => {
    const io = fakeIo({ cwd, environment: ENVIRONMENT });
    commands.sync.mockImplementation(({ signal }) => {
      io.abort.abort(
        new SyncError({
          code: "INTERRUPTED",
          message: "The run was stopped by SIGTERM.",
          remedy: "Nothing is lost.",
        }),
      );
      return Promise.reject(signal.reason as Error);
    });
    const { exitCode, err } = await run("sync", { io });
    expect(exitCode).toBe(1);
    expect(err).toContain("error: The run was stopped by SIGTERM.");
  });

  it("keeps secrets out of everything it writes (invariant 11)", async () => {
    commands.sync.mockImplementation(({ config, progress }) => {
      const leak = `${config.database.url.reveal()} ${config.convex.syncKey.reveal()} ${PASSWORD}`;
      progress.notice(null, { code: "LEAK", message: leak });
      return Promise.reject(
        new SyncError({ code: "INTERNAL", message: leak, remedy: leak, cause: new TypeError(leak) }),
      );
    });
    const { out, err } = await run("sync --json --verbose");
    for (const text of [out, err, logText()]) {
      expect(text).toContain("[secret]");
      expect(text).not.toContain(KEY);
      expect(text).not.toContain(PASSWORD);
    }
  });

  it("keeps the run's report and its failures in the log file", async () => {
    await run("sync");
    commands.sync.mockRejectedValue(
      new SyncError({ code: "NO_KEY", table: "sow_poles", message: "It has no key.", remedy: "Add one." }),
    );
    await run("sync --log-dir logs", { tty: true });
    const lines = logText()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level, message }) => `${String(level)} ${String(message)}`)).toEqual([
      "info delta run to 127.0.0.1",
      "info run ended",
      "info delta run to 127.0.0.1",
      "error It has no key.",
    ]);
    expect(lines[1]).toMatchObject({ report: { runId: "5f0c2f6e" } });
    expect(lines[3]).toMatchObject({ code: "NO_KEY", table: "sow_poles" });
  });

  it("warns of a configuration that works but should be looked at", async () => {
    const environment = {
      ...ENVIRONMENT,
      DATABASE_URL: "postgresql://u:pass@db.example.com/app?sslmode=require",
    };
    const { err } = await run("sync", { environment });
    expect(err).toContain(
      "warn  The connection to db.example.com is encrypted, but its certificate is not verified.",
    );
  });

  it("is colourless under NO_COLOR and in a pipe", async () => {
    commands.sync.mockRejectedValue(new Error("x"));
    expect((await run("sync", { tty: true })).err).toContain("\x1b[31merror:");
    const without = await run("sync", { tty: true, environment: { ...ENVIRONMENT, NO_COLOR: "1" } });
    expect(without.err).not.toContain("\x1b[31m");
    expect((await run("sync")).err).not.toContain("\x1b");
  });
});

describe("status", () => {
  it("prints for people, or exactly the report with --json, and exits as it says", async () => {
    commands.status.mockResolvedValue({ ...STATUS, ok: false, exitCode: EXIT.stale });
    const person = await run("status --table sow_poles");
    expect(person.exitCode).toBe(6);
    expect(person.out).toContain("No run is going on.");
    expect(commands.status.mock.lastCall![0].config.mirrors).toHaveLength(1);
    const machine = await run("status --json");
    expect(JSON.parse(machine.out)).toEqual({ ...STATUS, ok: false, exitCode: 6 });
  });
});

describe("migrate and untrack", () => {
  it("need no Convex, and say what became of each table", async () => {
    const { exitCode, out } = await run("migrate", {
      environment: { DATABASE_URL: ENVIRONMENT.DATABASE_URL },
    });
    expect(exitCode).toBe(0);
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      2 migrations applied:
        0000_state
        0001_track

      table      tracked on
      sow_poles  sharepoint_hld_pole  tracked now
      sow_drops  sow_drops            tracked already

      Notices
        From now on, updated_at means: content changed.
      "
    `);
  });

  it("say what failed", async () => {
    const error = { code: "NO_KEY" as const, message: "sow_poles has no primary key.", remedy: "Add one." };
    commands.untrack.mockResolvedValue({
      ok: false,
      exitCode: EXIT.failed,
      tables: [
        { table: "sow_poles", relation: "sow_poles", base: "sow_poles", outcome: "failed", error },
        { table: "sow_drops", relation: "sow_drops", base: "sow_drops", outcome: "untracked" },
      ],
      notices: [],
    });
    const { exitCode, out } = await run("untrack -t sow_poles sow_drops");
    expect(exitCode).toBe(1);
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      table      tracked on
      sow_poles  sow_poles   failed
      sow_drops  sow_drops   no longer tracked

      Failed
        sow_poles  sow_poles has no primary key. (NO_KEY)
                   Add one.

      Mend the cause and run the same command again; what is done stays.
      "
    `);
    expect(commands.untrack.mock.lastCall![0].config.mirrors.map(({ mirror }) => mirror)).toEqual([
      "sow_poles",
      "sow_drops",
    ]);
  });

  it("print their report with --json", async () => {
    expect(JSON.parse((await run("migrate --json")).out)).toEqual(TRACKING);
  });
});

describe("local", () => {
  const environment = {
    DATABASE_URL: "postgresql://postgres:pw@127.0.0.1:5555/datahub",
    CONVEX_URL: "http://127.0.0.1:3333",
  };

  const INTERRUPTED = new SyncError({ code: "INTERRUPTED", message: "-", remedy: "-" });

  function localIo() {
    const io = fakeIo({ cwd });
    const stop = vi.fn(() => Promise.resolve());
    let fail: (error: Error) => void = () => {};
    const failed = new Promise<never>((_, reject) => (fail = reject));
    failed.catch(() => {});
    const ready = new Promise<void>((resolve) => {
      commands.local.mockImplementation(() => {
        setImmediate(resolve);
        return Promise.resolve({
          description: { convexUrl: environment.CONVEX_URL },
          environment,
          failed,
          stop,
        });
      });
    });
    return { io, stop, fail, ready };
  }

  it("prints one JSON line when it is ready, and ends in order with the signal", async () => {
    const { io, stop, ready } = localIo();
    const ended = run("local --scale 0.1 --seed 7 --port 4000 --write-env .env.demo", { io });
    await ready;
    expect(JSON.parse(io.stdout.text)).toEqual({
      ready: true,
      convexUrl: "http://127.0.0.1:3333",
      envFile: join(cwd, ".env.demo"),
    });
    expect(readFileSync(join(cwd, ".env.demo"), "utf8")).toContain("CONVEX_URL=http://127.0.0.1:3333\n");
    expect(stop).not.toHaveBeenCalled();
    io.abort.abort(INTERRUPTED);
    expect((await ended).exitCode).toBe(0);
    expect(stop).toHaveBeenCalledOnce();
    expect(commands.local.mock.lastCall![0]).toMatchObject({ scale: 0.1, seed: 7, port: 4000 });
    expect(existsSync(join(cwd, ".env.demo"))).toBe(false);
    expect(existsSync(join(cwd, "logs"))).toBe(false);
  });

  it("has defaults, and shows no secret in its ready line", async () => {
    const { io, ready } = localIo();
    const ended = run("local", { io });
    await ready;
    expect(commands.local.mock.lastCall![0]).toMatchObject({ scale: 1, seed: 1, port: null });
    expect(JSON.parse(io.stdout.text)).toEqual({
      ready: true,
      convexUrl: "http://127.0.0.1:3333",
      envFile: null,
    });
    io.abort.abort(INTERRUPTED);
    expect((await ended).exitCode).toBe(0);
  });

  it("ends with an error, and stops the other one, when one of the two ends by itself", async () => {
    const { io, stop, fail, ready } = localIo();
    const ended = run("local --write-env .env.demo", { io });
    await ready;
    fail(
      new SyncError({
        code: "DATABASE_FAILED",
        message: "The local Postgres has ended.",
        remedy: "Start again.",
      }),
    );
    const { exitCode, err } = await ended;
    expect(exitCode).toBe(1);
    expect(err).toContain("error: The local Postgres has ended.");
    expect(stop).toHaveBeenCalledOnce();
    expect(existsSync(join(cwd, ".env.demo"))).toBe(false);
  });

  it("is never ready when the signal came while it started, and stops what it started", async () => {
    const { io, stop } = localIo();
    io.abort.abort(INTERRUPTED);
    expect(await run("local --write-env .env.demo", { io })).toMatchObject({ exitCode: 0, out: "" });
    expect(stop).toHaveBeenCalledOnce();
  });

  it("has failed when anything but a signal ends it", async () => {
    const { io, stop, ready } = localIo();
    const ended = run("local", { io });
    await ready;
    io.abort.abort(new SyncError({ code: "DATABASE_FAILED", message: "A connection broke.", remedy: "-" }));
    expect((await ended).exitCode).toBe(1);
    expect(stop).toHaveBeenCalledOnce();
  });

  it("starts nothing where --write-env would overwrite somebody's file", async () => {
    writeFileSync(join(cwd, ".env"), "DATABASE_URL=postgresql://production\n");
    const { exitCode, err } = await run("local --write-env .env");
    expect(exitCode).toBe(2);
    expect(err).toContain("which was written by somebody else");
    expect(commands.local).not.toHaveBeenCalled();
  });
});
