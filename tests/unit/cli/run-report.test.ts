import { describe, expect, it } from "vitest";
import { createPaint } from "../../../src/cli/render/paint.js";
import { renderDatedReport, renderRunReport } from "../../../src/cli/render/run-report.js";
import type { Notice, RunReport, TableCounts, TableReport } from "../../../src/model/report.js";
import { NOTHING } from "../../support/sample-reports.js";

function table(name: string, given: Partial<TableReport> = {}): TableReport {
  return {
    table: name,
    mode: "delta",
    firstLoad: false,
    outcome: "done",
    ...NOTHING,
    calls: 2,
    durationMs: 180,
    watermark: { position: "740:740:", at: "2025-11-22T10:15:00.000Z" },
    tracking: "intact",
    waiting: [],
    notices: [],
    ...given,
  };
}

function report(tables: TableReport[], given: Partial<RunReport> = {}): RunReport {
  const totals = { ...NOTHING };
  for (const of of tables)
    for (const name of Object.keys(NOTHING) as (keyof TableCounts)[]) totals[name] += of[name];
  return {
    ok: given.exitCode === undefined,
    mode: "delta",
    runId: "5f0c2f6e",
    startedAt: "2025-11-22T10:15:00.000Z",
    finishedAt: "2025-11-22T10:15:12.400Z",
    durationMs: 12_400,
    exitCode: 0,
    tables,
    totals,
    notices: [],
    ...given,
  };
}

const render = (of: RunReport) => `\n${renderRunReport(of, createPaint(false))}\n`;

describe("the end of a sync", () => {
  it("all fine: a first load", () => {
    const first = (name: string, rows: number, calls: number, durationMs: number) =>
      table(name, { mode: "full", read: rows, inserted: rows, calls, durationMs, bytesSent: rows * 1_400 });
    const tables = [
      first("sow_poles", 4_500, 12, 3_140),
      first("sow_drops", 23_700, 54, 14_900),
      first("onemap_installations", 21_700, 310, 61_350),
    ];
    expect(render(report(tables, { mode: "full", durationMs: 79_700 }))).toMatchInlineSnapshot(`
      "
      table                   read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles              4,500     4,500        0          0        0          0     12      3.1
      sow_drops             23,700    23,700        0          0        0          0     54     14.9
      onemap_installations  21,700    21,700        0          0        0          0    310     61.4
      in common                  -         -        -          -        -          -      0      0.3
      total                 49,900    49,900        0          0        0          0    376     79.7

      Full run 5f0c2f6e: 3 tables, 376 calls, 66.6 MiB sent, 1 min 20 s.
      "
    `);
  });

  it("all fine: nothing changed", () => {
    expect(render(report([table("sow_poles"), table("sow_drops")], { durationMs: 410 })))
      .toMatchInlineSnapshot(`
        "
        table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
        sow_poles     0         0        0          0        0          0      2      0.2
        sow_drops     0         0        0          0        0          0      2      0.2
        in common     -         -        -          -        -          -      0      0.1
        total         0         0        0          0        0          0      4      0.4

        Delta run 5f0c2f6e: 2 tables, 4 calls, 0 B sent, 0.4 s.
        "
      `);
  });

  it("a first load is called one thing in every line", () => {
    const first = table("sow_poles", { mode: "full", firstLoad: true, read: 1, inserted: 1 });
    const told = render(report([first]));
    expect(told).toMatch(/^sow_poles .* {2}first load$/m);
    expect(told).toContain("First load 5f0c2f6e: 1 table");
    expect(told).not.toMatch(/full run|delta run/i);
    expect(render(report([first, table("sow_drops")]))).toContain("Delta run 5f0c2f6e: 2 tables");
  });

  it("calls for all tables at once have a line of their own, so that the lines add up", () => {
    const { totals, ...run } = report([table("sow_poles"), table("sow_drops")]);
    const told = render({ ...run, totals: { ...totals, calls: totals.calls + 2 } });
    expect(told).toMatch(/^in common +(- +){6}2 /m);
    expect(told).toMatch(/^total .* 6 +\d/m);
  });

  it("one table has no totals line", () => {
    expect(render(report([table("sow_poles", { read: 1, updated: 1, bytesSent: 1_420 })])))
      .toMatchInlineSnapshot(`
      "
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles     1         0        1          0        0          0      2      0.2

      Delta run 5f0c2f6e: 1 table, 2 calls, 1.4 KiB sent, 12.4 s.
      "
    `);
  });

  it("rows set aside", () => {
    const tables = [
      table("sow_poles", { read: 12, updated: 11, unchanged: 1, bytesSent: 16_000 }),
      table("sow_drops", {
        read: 4,
        updated: 2,
        rejected: 2,
        calls: 5,
        retries: 1,
        notices: [
          {
            code: "ROWS_SET_ASIDE",
            message: "2 rows set aside: DOCUMENT_TOO_LARGE (column raw_data), keys 7f3a… and 90bc….",
          },
        ],
      }),
    ];
    expect(render(report(tables, { exitCode: 3 }))).toMatchInlineSnapshot(`
      "
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles    12         0       11          1        0          0      2      0.2
      sow_drops     4         0        2          0        0          2      5      0.2
      in common     -         -        -          -        -          -      0     12.0
      total        16         0       13          1        0          2      7     12.4

      Delta run 5f0c2f6e: 2 tables, 7 calls (1 repeated), 15.6 KiB sent, 12.4 s.

      Notices
        sow_drops  2 rows set aside: DOCUMENT_TOO_LARGE (column raw_data), keys 7f3a… and 90bc….

      2 rows are set aside and missing from the mirror. Mend them in Postgres, or exclude or recode the column: the next run sends them.
      "
    `);
  });

  it("deletions held back, and one table that had to become full", () => {
    const tables = [
      table("sow_poles", {
        mode: "full",
        heldBack: 1_200,
        notices: [
          {
            code: "BECAME_FULL",
            message: "The table was dropped and created anew: everything was compared.",
          },
          { code: "DELETIONS_HELD_BACK", message: "1,200 of 4,500 documents would be deleted." },
        ],
      }),
      table("nokia_exports", { heldBack: 40, deleted: 0, rejected: 1 }),
    ];
    expect(render(report(tables, { exitCode: 5 }))).toMatchInlineSnapshot(`
      "
      table          read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles         0         0        0          0        0          0      2      0.2  full run, 1,200 held back
      nokia_exports     0         0        0          0        0          1      2      0.2  40 held back
      in common         -         -        -          -        -          -      0     12.0
      total             0         0        0          0        0          1      4     12.4

      Delta run 5f0c2f6e: 2 tables, 4 calls, 0 B sent, 12.4 s.

      Notices
        sow_poles  The table was dropped and created anew: everything was compared.
        sow_poles  1,200 of 4,500 documents would be deleted.

      1 row is set aside and missing from the mirror. 1,240 deletions of sow_poles and nokia_exports are held back: so many at once are seldom meant. If they are:
        datahub-sync sync --allow-deletes sow_poles --allow-deletes nokia_exports
      "
    `);
  });

  it("a failed table, and two that were not run", () => {
    const tables = [
      table("sow_poles", { read: 12, updated: 12, bytesSent: 16_000 }),
      table("sow_drops", {
        outcome: "failed",
        read: 500,
        updated: 250,
        retries: 7,
        calls: 9,
        error: {
          code: "DEPLOYMENT_UNREACHABLE",
          message: "The deployment happy-otter-123.convex.cloud did not answer.",
          remedy: "Check CONVEX_URL and the network, then run again.",
        },
      }),
      table("nokia_exports", { outcome: "not-run" }),
      table("onemap_poles", { outcome: "not-run" }),
    ];
    const notices: Notice[] = [
      { code: "LEASE_TAKEN_OVER", message: "The run of host-a ended without releasing its lease." },
    ];
    expect(render(report(tables, { exitCode: 1, notices }))).toMatchInlineSnapshot(`
      "
      table          read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles        12         0       12          0        0          0      2      0.2
      sow_drops       500         0      250          0        0          0      9      0.2  failed
      nokia_exports     -         -        -          -        -          -      -        -  not run
      onemap_poles      -         -        -          -        -          -      -        -  not run
      in common         -         -        -          -        -          -      0     11.7
      total           512         0      262          0        0          0     15     12.4

      Delta run 5f0c2f6e: 4 tables, 15 calls (7 repeated), 15.6 KiB sent, 12.4 s.

      Notices
        run  The run of host-a ended without releasing its lease.

      Failed
        sow_drops  The deployment happy-otter-123.convex.cloud did not answer. (DEPLOYMENT_UNREACHABLE)
                   Check CONVEX_URL and the network, then run again.

      sow_drops failed; nokia_exports and onemap_poles are not run. Nothing is lost: when the cause is gone, the same command goes on where this run stopped.
      "
    `);
  });

  it("a table that another run works on, and others that are done", () => {
    const busy = {
      code: "MIRROR_BUSY",
      message: "Another run works on it: vps-2, process 7, since 2025-11-22.",
    } as const;
    const tables = [table("sow_poles"), table("sow_drops", { outcome: "busy", notices: [busy] })];
    expect(render(report(tables, { exitCode: 4 }))).toMatchInlineSnapshot(`
      "
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles     0         0        0          0        0          0      2      0.2
      sow_drops     -         -        -          -        -          -      -        -  another run
      in common     -         -        -          -        -          -      0     12.0
      total         0         0        0          0        0          0      4     12.4

      Delta run 5f0c2f6e: 2 tables, 4 calls, 0 B sent, 12.4 s.

      Notices
        sow_drops  Another run works on it: vps-2, process 7, since 2025-11-22.

      Another run works on sow_drops and brings it up to date; everything else is done. \`datahub-sync status\` shows who.
      "
    `);
  });

  it("no table at all", () => {
    expect(render(report([]))).toMatchInlineSnapshot(`
      "
      Delta run 5f0c2f6e: 0 tables, 0 calls, 0 B sent, 12.4 s.
      "
    `);
  });

  it.each([
    [6, "The mirror is not equal to Postgres."],
    [2, "Nothing was run"],
  ] as const)("exit code %i ends with what to do", (exitCode, beginning) => {
    expect(
      render(report([table("sow_poles")], { exitCode }))
        .trim()
        .split("\n")
        .at(-1),
    ).toContain(beginning);
  });

  it("fits 100 columns, for the longest of the seven names and six digits everywhere", () => {
    const big = table("onemap_installations", {
      ...Object.fromEntries(Object.keys(NOTHING).map((name) => [name, 123_456])),
      heldBack: 0,
      durationMs: 1_234_500,
    });
    const [, ...lines] = render(report([big, big]))
      .split("\n")
      .slice(0, 5);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("has colour only when asked", () => {
    const failed = report([table("a", { outcome: "failed" }), table("b")], { exitCode: 1 });
    // eslint-disable-next-line no-control-regex -- colours begin with the escape character
    expect(renderRunReport(failed, createPaint(true)).replace(/\x1b\[\d+m/g, "")).toBe(
      renderRunReport(failed, createPaint(false)),
    );
    expect(renderRunReport(failed, createPaint(true))).toContain("\x1b[31mfailed");
    expect(renderRunReport(failed, createPaint(false))).not.toContain("\x1b");
  });
});

describe("the end of a sync that nobody watched", () => {
  const dated = (of: RunReport) => `\n${renderDatedReport(of, "happy-otter-123", createPaint(false))}\n`;

  it("nothing to do: one line", () => {
    const tables = ["sow_poles", "sow_drops", "nokia_exports"].map((name) => table(name));
    expect(dated(report(tables, { durationMs: 410 }))).toBe(
      "\n2025-11-22T10:15:12.400Z info  happy-otter-123: Delta run 5f0c2f6e: 3 tables, 6 calls, 0 B sent, 0.4 s; nothing to do.\n",
    );
  });

  it("work: a line for each table that had some, and one for the others", () => {
    const busy = table("sow_poles", {
      read: 12,
      updated: 12,
      bytesSent: 16_000,
      bytesRead: 2_048,
      bytesWritten: 20_480,
    });
    expect(dated(report([busy, table("sow_drops"), table("nokia_exports")]))).toMatchInlineSnapshot(`
      "
      2025-11-22T10:15:12.400Z info  happy-otter-123: Delta run 5f0c2f6e: 3 tables, 6 calls, 15.6 KiB sent, 12.4 s.
      table      read  inserted  updated  unchanged  deleted  set aside  calls  seconds
      sow_poles    12         0       12          0        0          0      2      0.2
      2 more        -         -        -          -        -          -      4      0.4  nothing to do
      in common     -         -        -          -        -          -      0     11.9
      total        12         0       12          0        0          0      6     12.4
      Convex bills 2.0 KiB read and 20.0 KiB written for it.
      "
    `);
  });

  it("trouble: said once, with what to do", () => {
    const failing = table("sow_drops", {
      outcome: "failed",
      error: { code: "NO_KEY", message: "sow_drops has no primary key.", remedy: "Add one." },
    });
    const told = dated(report([table("sow_poles"), failing], { exitCode: 1 }));
    expect(told).toMatch(/^\n2025-11-22T10:15:12.400Z error happy-otter-123: Delta run/);
    expect(told.match(/sow_drops has no primary key\./g)).toHaveLength(1);
    expect(told).toContain("Add one.");
  });
});
