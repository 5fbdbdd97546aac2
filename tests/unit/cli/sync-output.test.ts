import { beforeEach, describe, expect, it } from "vitest";
import { EXIT, SyncError } from "../../../src/model/errors.js";
import { ENVIRONMENT, PASSWORD, startFakeCli, type FakeCli } from "../../support/fake-cli.js";
import { RUN } from "../../support/sample-reports.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

describe("sync", () => {
  it("prints the report for people on standard output", async () => {
    const { out, err } = await cli.run("sync", { tty: true });
    expect(out).toBe("Delta run 5f0c2f6e: 0 tables, 1 call, 0 B sent, 0.4 s.\n");
    expect(err).toBe("");
  });

  it("is one dated line where nobody watches and nothing was to be done", async () => {
    const { out, err } = await cli.run("sync");
    expect(out).toBe(
      "2025-11-22T10:15:00.400Z info  127.0.0.1: Delta run 5f0c2f6e: 0 tables, 1 call, 0 B sent, 0.4 s; nothing to do.\n",
    );
    expect(err).toBe("");
    expect((await cli.run("sync --verbose")).err).toContain("info  run to 127.0.0.1");
  });

  it("prints exactly the report with --json, and nothing else on standard output", async () => {
    cli.commands.sync.mockImplementation(({ progress }) => {
      progress.tableStarted("sow_poles", "delta", 12);
      progress.tableProgress("sow_poles", 6);
      progress.notice(null, { code: "RESUMED", message: "An earlier run is resumed." });
      return Promise.resolve({ ...RUN, exitCode: EXIT.incomplete, ok: false });
    });
    const { exitCode, out, err } = await cli.run("sync --json", { tty: true });
    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toEqual({ ...RUN, exitCode: 3, ok: false });
    expect(out.trim().split("\n")).toHaveLength(1);
    expect(err).toBe("An earlier run is resumed.\n");
  });

  it("shows a progress bar on a terminal, and removes it also when the run fails", async () => {
    cli.commands.sync.mockImplementation(({ progress }) => {
      progress.tableStarted("sow_poles", "delta", 12);
      return Promise.reject(
        new SyncError({
          code: "LEASE_HELD",
          message: "Another run holds the lease.",
          remedy: "Wait for it.",
        }),
      );
    });
    const { exitCode, err } = await cli.run("sync", { tty: true });
    expect(exitCode).toBe(4);
    expect(err).toContain("sow_poles             [------------------------]   0 %");
    expect(err.slice(err.lastIndexOf("%"))).toContain("error:");
  });

  it("says what failed, and only with --verbose why", async () => {
    cli.commands.sync.mockImplementation(() =>
      Promise.reject(
        new SyncError({
          code: "DATABASE_UNREACHABLE",
          message: "Postgres could not be reached.",
          remedy: "Check DATABASE_URL.",
          cause: new TypeError("inner"),
        }),
      ),
    );
    const quiet = await cli.run("sync");
    expect(quiet.exitCode).toBe(1);
    expect(quiet.err.split("\n")).toEqual([
      "2025-11-22T10:15:00.000Z error: Postgres could not be reached.",
      "  what to do: Check DATABASE_URL.",
      "  (DATABASE_UNREACHABLE, exit code 1)",
      "",
    ]);
    const verbose = await cli.run("sync --verbose");
    expect(verbose.err).toContain("caused by: TypeError: inner");
    expect(verbose.err).toMatch(/^\s+at /m);
    const machine = await cli.run("sync --json");
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

  it("keeps secrets out of everything it writes (invariant 11)", async () => {
    cli.commands.sync.mockImplementation(({ config, progress }) => {
      const leak = `${config.database.url.reveal()} ${config.convex.syncKey.reveal()} ${PASSWORD}`;
      progress.notice(null, { code: "BECAME_FULL", message: leak });
      return Promise.reject(
        new SyncError({ code: "INTERNAL", message: leak, remedy: leak, cause: new TypeError(leak) }),
      );
    });
    const { out, err } = await cli.run("sync --json --verbose");
    for (const text of [out, err, cli.logText()]) {
      expect(text).toContain("[secret]");
      expect(text).not.toContain(ENVIRONMENT.CONVEX_SYNC_AUTH_KEY);
      expect(text).not.toContain(PASSWORD);
    }
  });

  it("keeps the run's report and its failures in the log file", async () => {
    await cli.run("sync");
    cli.commands.sync.mockRejectedValue(
      new SyncError({ code: "NO_KEY", table: "sow_poles", message: "It has no key.", remedy: "Add one." }),
    );
    await cli.run("sync --log-dir logs", { tty: true });
    const lines = cli
      .logText()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level, message }) => `${String(level)} ${String(message)}`)).toEqual([
      "info run to 127.0.0.1",
      "info run ended",
      "info run to 127.0.0.1",
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
    const { err } = await cli.run("sync", { environment });
    expect(err).toContain(
      "warn  The connection to db.example.com is encrypted, but its certificate is not verified.",
    );
  });

  it("is colourless under NO_COLOR and in a pipe", async () => {
    cli.commands.sync.mockRejectedValue(new Error("x"));
    expect((await cli.run("sync", { tty: true })).err).toContain("\x1b[31merror:");
    const without = await cli.run("sync", { tty: true, environment: { ...ENVIRONMENT, NO_COLOR: "1" } });
    expect(without.err).not.toContain("\x1b[31m");
    expect((await cli.run("sync")).err).not.toContain("\x1b");
  });
});
