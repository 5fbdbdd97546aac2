import { describe, expect, test } from "vitest";
import { EXIT, SyncError } from "../../../src/model/errors.js";
import type { RunReport, TableReport } from "../../../src/model/report.js";
import { startFakeCli } from "../../support/fake-cli.js";
import { NOTHING, RUN, TABLE } from "../../support/sample-reports.js";

/** What a line of cron prints for a run, on both streams: what cron would mail. */
async function mailed(end: RunReport | SyncError) {
  const cli = startFakeCli();
  cli.commands.sync.mockImplementation(() =>
    end instanceof SyncError ? Promise.reject(end) : Promise.resolve(end),
  );
  const { exitCode, out, err } = await cli.run("sync");
  return { exitCode, mail: `\n${err}${out}` };
}

const idle: TableReport = { ...TABLE, ...NOTHING, table: "sow_drops" };

function report(exitCode: RunReport["exitCode"], table: Partial<TableReport>): RunReport {
  const tables = [{ ...TABLE, ...table }, idle];
  const { rejected, heldBack, read, inserted, updated, calls } = tables[0]!;
  return {
    ...RUN,
    ...{ ok: exitCode === EXIT.done, exitCode, tables },
    totals: { ...NOTHING, rejected, heldBack, read, inserted, updated, calls: calls + 2 },
  };
}

describe("cron mails", () => {
  test("one line for a run that found nothing to do", async () => {
    const { exitCode, mail } = await mailed({ ...RUN, tables: [idle] });
    expect(exitCode).toBe(0);
    expect(mail).toMatchInlineSnapshot(`
      "
      2025-11-22T10:15:00.400Z info  127.0.0.1: Delta run 5f0c2f6e: 1 table, 1 call, 0 B sent, 0.4 s; nothing to do.
      "
    `);
  });

  test("a line for each table that had work", async () => {
    expect(await mailed(report(EXIT.done, {}))).toMatchInlineSnapshot(`
      {
        "exitCode": 0,
        "mail": "
      2025-11-22T10:15:00.400Z info  127.0.0.1: Delta run 5f0c2f6e: 2 tables, 4 calls, 0 B sent, 0.4 s.
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles    12         2       10          0        0          0      2      0.1
      1 more        -         -        -          -        -          -      0      0.1  nothing to do
      in common     -         -        -          -        -          -      2      0.2
      total        12         2       10          0        0          0      4      0.4
      ",
      }
    `);
  });

  test("of exit 1, what failed and what to do: of one table, and of all", async () => {
    const error = { code: "RELATION_MISSING", message: "It does not exist.", remedy: "Create it." } as const;
    expect(
      await mailed(report(EXIT.failed, { ...NOTHING, outcome: "failed", error, watermark: idle.watermark })),
    ).toMatchInlineSnapshot(`
      {
        "exitCode": 1,
        "mail": "
      2025-11-22T10:15:00.400Z error 127.0.0.1: Delta run 5f0c2f6e: 2 tables, 2 calls, 0 B sent, 0.4 s.
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles     0         0        0          0        0          0      0      0.1  failed
      1 more        -         -        -          -        -          -      0      0.1  nothing to do
      in common     -         -        -          -        -          -      2      0.2
      total         0         0        0          0        0          0      2      0.4

      Failed
        sow_poles  It does not exist. (RELATION_MISSING)
                   Create it.

      sow_poles failed. Nothing is lost: when the cause is gone, the same command goes on where this run stopped.
      ",
      }
    `);
    const down = new SyncError({
      code: "DATABASE_UNREACHABLE",
      message: "Postgres could not be reached.",
      remedy: "Is it up?",
    });
    expect(await mailed(down)).toMatchInlineSnapshot(`
      {
        "exitCode": 1,
        "mail": "
      2025-11-22T10:15:00.000Z error: Postgres could not be reached.
        what to do: Is it up?
        (DATABASE_UNREACHABLE, exit code 1)
      ",
      }
    `);
  });

  test("of exit 2, what is wrong with the configuration", async () => {
    const { exitCode, err } = await startFakeCli().run("sync", { environment: {} });
    expect(exitCode).toBe(2);
    expect(err.split("\n")[0]).toMatch(/^2025-11-22T10:15:00.000Z error: /);
  });

  test("of exit 3, how many rows are set aside", async () => {
    expect(await mailed(report(EXIT.incomplete, { rejected: 2 }))).toMatchInlineSnapshot(`
      {
        "exitCode": 3,
        "mail": "
      2025-11-22T10:15:00.400Z warn  127.0.0.1: Delta run 5f0c2f6e: 2 tables, 4 calls, 0 B sent, 0.4 s.
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles    12         2       10          0        0          2      2      0.1
      1 more        -         -        -          -        -          -      0      0.1  nothing to do
      in common     -         -        -          -        -          -      2      0.2
      total        12         2       10          0        0          2      4      0.4

      2 rows are set aside and missing from the mirror. Mend them in Postgres, or exclude or recode the column: the next run sends them.
      ",
      }
    `);
  });

  test("of exit 4, who holds the lease", async () => {
    const held = new SyncError({
      code: "LEASE_HELD",
      message: "Another run holds the lease: host, process 7.",
      remedy: "Wait for it.",
    });
    expect(await mailed(held)).toMatchInlineSnapshot(`
      {
        "exitCode": 4,
        "mail": "
      2025-11-22T10:15:00.000Z error: Another run holds the lease: host, process 7.
        what to do: Wait for it.
        (LEASE_HELD, exit code 4)
      ",
      }
    `);
  });

  test("of exit 5, what is held back and how to allow it", async () => {
    expect(await mailed(report(EXIT.deletionsHeldBack, { heldBack: 40 }))).toMatchInlineSnapshot(`
      {
        "exitCode": 5,
        "mail": "
      2025-11-22T10:15:00.400Z warn  127.0.0.1: Delta run 5f0c2f6e: 2 tables, 4 calls, 0 B sent, 0.4 s.
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles    12         2       10          0        0          0      2      0.1  40 held back
      1 more        -         -        -          -        -          -      0      0.1  nothing to do
      in common     -         -        -          -        -          -      2      0.2
      total        12         2       10          0        0          0      4      0.4

      40 deletions of sow_poles are held back: so many at once are seldom meant. If they are:
        datahub-sync sync --allow-deletes sow_poles
      ",
      }
    `);
  });

  test("of exit 6 of health, one line of why", async () => {
    const cli = startFakeCli();
    cli.commands.health.mockImplementation(({ maxAgeSeconds }) =>
      Promise.resolve({
        ...{ ok: false, exitCode: EXIT.stale, maxAgeSeconds },
        tables: [{ table: "sow_poles", ageSeconds: 30_000 }],
      }),
    );
    const { exitCode, out, err } = await cli.run("health");
    expect({ exitCode, mail: `${err}${out}` }).toMatchInlineSnapshot(`
      {
        "exitCode": 6,
        "mail": "stale: 1 table too old, the oldest sow_poles with 8 h 20 min; 6 h 0 min allowed
      ",
      }
    `);
  });
});
