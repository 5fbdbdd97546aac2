import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { EXIT, SyncError } from "../../../src/model/errors.js";
import { ENVIRONMENT, startFakeCli, type FakeCli } from "../../support/fake-cli.js";
import { fakeIo } from "../../support/fake-io.js";
import { STATUS, TRACKING } from "../../support/sample-reports.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

describe("status", () => {
  it("prints for people, or exactly the report with --json, and exits as it says", async () => {
    cli.commands.status.mockResolvedValue({ ...STATUS, ok: false, exitCode: EXIT.stale });
    const person = await cli.run("status --table sow_poles");
    expect(person.exitCode).toBe(6);
    expect(person.out).toContain("No run is going on.");
    expect(cli.commands.status.mock.lastCall![0].config.mirrors).toHaveLength(1);
    const machine = await cli.run("status --json");
    expect(JSON.parse(machine.out)).toEqual({ ...STATUS, ok: false, exitCode: 6 });
  });
});

describe("migrate and untrack", () => {
  it("need no Convex, and say what became of each table", async () => {
    const { exitCode, out } = await cli.run("migrate", {
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
      "
    `);
  });

  it.each(["migrate", "untrack"] as const)(
    "%s tells why a table failed at the level of --verbose",
    async (command) => {
      cli.commands[command].mockImplementation(({ tableFailed }) => {
        const cause = new TypeError("inner");
        tableFailed(
          "sow_poles",
          new SyncError({ code: "DATABASE_FAILED", message: "m", remedy: "r", cause }),
        );
        return Promise.resolve(TRACKING);
      });
      expect((await cli.run(`${command} --table sow_poles`)).err).not.toContain("inner");
      expect((await cli.run(`${command} --table sow_poles --verbose`)).err).toContain(
        "caused by: TypeError: inner",
      );
    },
  );

  it("say on standard error what is going to change, before anything does", async () => {
    let saidBefore = "";
    for (const line of ["migrate", "migrate --json"]) {
      const io = fakeIo({ cwd: cli.cwd, environment: ENVIRONMENT });
      cli.commands.migrate.mockImplementation(async ({ announce }) => {
        for (const notice of TRACKING.notices) announce(notice);
        await nextTurn(); // any work at all
        saidBefore = io.stderr.text;
        return TRACKING;
      });
      const { exitCode, out, err } = await cli.run(line, { io });
      expect(exitCode).toBe(0);
      expect(saidBefore).toContain(TRACKING.notices[0]!.message);
      expect(err).toBe(saidBefore);
      if (line.endsWith("--json")) expect(JSON.parse(out)).toEqual(TRACKING);
      else expect(out).not.toContain(TRACKING.notices[0]!.message);
    }
  });

  it("say what failed", async () => {
    const error = { code: "NO_KEY" as const, message: "sow_poles has no primary key.", remedy: "Add one." };
    cli.commands.untrack.mockResolvedValue({
      ok: false,
      exitCode: EXIT.failed,
      tables: [
        { table: "sow_poles", relation: "sow_poles", base: "sow_poles", outcome: "failed", error },
        { table: "sow_drops", relation: "sow_drops", base: "sow_drops", outcome: "untracked" },
      ],
      notices: [],
    });
    const { exitCode, out } = await cli.run("untrack -t sow_poles sow_drops");
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
    expect(cli.commands.untrack.mock.lastCall![0].config.mirrors.map(({ name }) => name)).toEqual([
      "sow_poles",
      "sow_drops",
    ]);
  });

  it("print their report with --json", async () => {
    expect(JSON.parse((await cli.run("migrate --json")).out)).toEqual(TRACKING);
  });
});
