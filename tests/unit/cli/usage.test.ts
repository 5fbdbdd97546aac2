import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../../src/model/errors.js";
import { startFakeCli, type FakeCli } from "../../support/fake-cli.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

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
      const { exitCode, out, err } = await cli.run(line);
      expect([exitCode, err]).toEqual([0, ""]);
      expect(out).toContain("Examples:\n  $ datahub-sync ");
    }
    expect((await cli.run("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(existsSync(join(cli.cwd, "logs"))).toBe(false);
  });

  it("documents every exit code in its help", async () => {
    const { out } = await cli.run("--help");
    for (const code of Object.values(EXIT)) expect(out).toMatch(new RegExp(`^  ${code}  \\w`, "m"));
  });

  it("without a command shows the help on standard error and exits 2", async () => {
    const { exitCode, out, err } = await cli.run("");
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
    const person = await cli.run(line);
    expect([person.exitCode, person.out]).toEqual([2, ""]);
    expect(person.err).toBe(
      `2025-11-22T10:15:00.000Z error: ${message}\n  what to do: ${remedy}\n  (USAGE, exit code 2)\n`,
    );
    const machine = await cli.run(line.replace(/^\w+/, "$& --json"));
    expect(machine.exitCode).toBe(2);
    if (!line.startsWith("local")) {
      expect(JSON.parse(machine.out)).toEqual({
        ok: false,
        error: { code: "USAGE", message, table: null, remedy },
        exitCode: 2,
      });
    }
    expect(cli.commands.sync).not.toHaveBeenCalled();
  });

  it("says all that the configuration lacks, and exits 2", async () => {
    const { exitCode, err } = await cli.run("sync", { environment: {}, tty: true });
    expect(exitCode).toBe(2);
    expect(err.replaceAll(cli.cwd, "/srv")).toContain("error:");
    expect(err).toMatch(/3 problems(.|\n)*DATABASE_URL(.|\n)*CONVEX_URL(.|\n)*CONVEX_SYNC_AUTH_KEY/);
    expect((await cli.run("migrate", { environment: {} })).err).toContain(
      "DATABASE_URL (or NEON_DATABASE_URL) is not set",
    );
  });
});
