import { beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../../src/model/errors.js";
import { ENVIRONMENT, startFakeCli, type FakeCli } from "../../support/fake-cli.js";
import { DRY_RUN, PLAN } from "../../support/sample-reports.js";

let cli: FakeCli;
beforeEach(() => {
  cli = startFakeCli();
});

describe("sync --dry-run", () => {
  it("says first that nothing is written, and last what it would cost", async () => {
    const { exitCode, out, err } = await cli.run("sync --dry-run");
    expect(exitCode).toBe(1);
    expect(err).toBe("");
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      Dry run: nothing is written, in Postgres or in Convex. A delta run would do this now:

      table          run             read  inserted  updated  unchanged  deleted  set aside  calls     sent  Convex reads    writes
      sow_poles      delta             12         2       10          0        0          0      3  8.8 KiB      39.1 KiB  29.3 KiB  40 would be held back
      sow_drops      first load     5,000     4,998        0          0        0          2     20  8.6 MiB       3.9 KiB   9.5 MiB
      nokia_exports  nothing to do      0         0        0          0        0          0      0      0 B           0 B       0 B
      onemap_poles   refused            -         -        -          -        -          -      -        -             -         -
      in common                         -         -        -          -        -          -      3  1,000 B       1,000 B       0 B
      total                         5,012     5,000       10          0        0          2     26  8.6 MiB      43.9 KiB   9.6 MiB

      Why, and what the run would report
        run        A run is going on.
        sow_poles  40 documents would be deleted.

      Would be set aside
        sow_drops  2 rows: INVALID_UNICODE (column comments)

      Would be refused
        onemap_poles  Changes are not being tracked. (NOT_TRACKED)
                      Run migrate.

      The run would exit with 1: a table would fail.

      Cost: 26 calls, 8.6 MiB sent; Convex would read about 43.9 KiB and write about 9.6 MiB.
      "
    `);
    expect(cli.commands.sync).not.toHaveBeenCalled();
  });

  it.each([
    ["--full", { mode: "full" }],
    ["--full --deep", { mode: "deep" }],
    ["--allow-deletes sow_poles --take-over", { mode: "delta", allowDeletes: ["sow_poles"], takeOver: true }],
  ])("foresees the run that %s would make", async (flags, expected) => {
    await cli.run(`sync --dry-run ${flags} --table sow_poles`);
    const options = cli.commands.dryRun.mock.lastCall![0];
    expect(options).toMatchObject(expected);
    expect(options.config.mirrors.map(({ name }) => name)).toEqual(["sow_poles"]);
  });

  it("refuses what a run refuses", async () => {
    const { exitCode, err } = await cli.run("sync --dry-run --allow-deletes poles");
    expect(exitCode).toBe(EXIT.usage);
    expect(err).toContain("--allow-deletes poles: the configuration has no such table.");
  });

  it("prints exactly the report with --json, and logs nothing that has not happened", async () => {
    cli.commands.dryRun.mockImplementation(({ progress }) => {
      progress.tableStarted("sow_poles", "delta", 12);
      progress.notice("sow_poles", { code: "BECAME_FULL", message: "This run compares everything." });
      return Promise.resolve(DRY_RUN);
    });
    const { out, err } = await cli.run("sync --dry-run --json");
    expect(JSON.parse(out)).toEqual(DRY_RUN);
    expect(err).toBe("");
  });
});

describe("migrate --dry-run", () => {
  const environment = { DATABASE_URL: ENVIRONMENT.DATABASE_URL };

  it("prints a script, and what it means in comments; it needs no Convex", async () => {
    const { exitCode, out, err } = await cli.run("migrate --dry-run", { environment });
    expect(exitCode).toBe(1);
    expect(err).toBe("");
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      -- Dry run: nothing is written. \`migrate\` would run 4 statements.
      -- 1 table is tracked as configured already: nothing is done there.

      -- 1 migration, in one transaction:
      BEGIN;
      SELECT pg_advisory_xact_lock(1);

      -- 0011_more:
      CREATE TABLE datahub_sync.more ();
      INSERT INTO datahub_sync.migrations VALUES (1);
      COMMIT;

      -- sow_poles:
      SELECT datahub_sync.track('sow_poles');

      -- onemap_poles: would fail. NO_KEY
      -- onemap_poles has no primary key.
      -- Add one.

      -- What will mean something else afterwards:
      -- * sow_poles gets triggers.
      "
    `);
    expect(cli.commands.migrate).not.toHaveBeenCalled();
  });

  it("says that nothing is to be done", async () => {
    cli.commands.planMigration.mockResolvedValue({
      ...PLAN,
      ok: true,
      exitCode: EXIT.done,
      pending: [],
      effects: [],
      statements: PLAN.statements.filter(({ changes }) => !changes),
      tables: PLAN.tables.slice(1, 2),
    });
    const { exitCode, out } = await cli.run("migrate --dry-run");
    expect(exitCode).toBe(0);
    expect(out).toBe(
      "-- Dry run: nothing is written. Nothing is to be done: the schema datahub_sync is up to date, and the table is tracked as configured.\n",
    );
  });

  it("prints exactly the plan with --json", async () => {
    expect(JSON.parse((await cli.run("migrate --dry-run --json")).out)).toEqual(PLAN);
  });
});
