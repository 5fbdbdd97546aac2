import { describe, expect, it } from "vitest";
import { createPaint } from "../../../src/cli/render/paint.js";
import { renderStatusReport } from "../../../src/cli/render/status-report.js";
import type { StatusReport, TableStatus } from "../../../src/model/report.js";
import { NOW_MS } from "../../support/fake-io.js";
import { STATUS } from "../../support/sample-reports.js";

function status(table: string, given: Partial<TableStatus> = {}): TableStatus {
  return {
    table,
    relation: table,
    base: table,
    watermark: { position: "1480:1480:", at: "2025-11-22T06:15:02.123Z" },
    ageSeconds: 4 * 3600 - 2,
    rowsInPostgres: 4_500,
    rowsInMirror: 4_500,
    changesWaiting: 0,
    changesRead: { total: 0, timestampsAlone: 0 },
    updatedAt: "none",
    deletionsHeldBack: 0,
    rejectedRows: 0,
    rejected: [],
    waiting: [],
    lastDelta: { at: "2025-11-22T06:15:40Z", outcome: "done" },
    lastFull: { at: "2025-11-20T01:00:00Z", outcome: "done" },
    tracking: "intact",
    problem: null,
    ...given,
  };
}

function report(tables: TableStatus[], given: Partial<StatusReport> = {}): StatusReport {
  return {
    ok: true,
    deployment: "happy-otter-123",
    exitCode: 0,
    tables,
    running: [],
    horizon: null,
    changeLog: { entries: 12, bytes: 65_536 },
    costs: STATUS.costs,
    recentRuns: [],
    notices: [],
    ...given,
  };
}

const render = (of: StatusReport) => `\n${renderStatusReport(of, NOW_MS, createPaint(false))}\n`;

describe("status", () => {
  it("all fine", () => {
    const tables = [
      status("sow_poles"),
      status("onemap_installations", {
        rowsInPostgres: 21_700,
        rowsInMirror: 21_688,
        changesWaiting: 12,
      }),
    ];
    expect(render(report(tables))).toMatchInlineSnapshot(`
      "
      Deployment happy-otter-123, times in UTC

      table                 Postgres  mirror  changes  held back  set aside  tracking
      sow_poles                4,500   4,500        0          0          0  intact
      onemap_installations    21,700  21,688       12          0          0  intact

      table                 high-water mark          age  position   last delta    last full
      sow_poles             2025-11-22 06:15:02  3 h ago  1480:1480  done 3 h ago  done 2 d ago
      onemap_installations  2025-11-22 06:15:02  3 h ago  1480:1480  done 3 h ago  done 2 d ago

      No run is going on.
      The change log has 12 entries and takes 64.0 KiB in Postgres.

      in Convex                            in November  by its end
      function calls                               912       1,140
      database I/O    380.2 MiB read, 21.8 MiB written   548.6 MiB
      storage, about                         384.9 MiB           -
      "
    `);
  });

  it("before the first run", () => {
    const fresh = status("sow_poles", {
      watermark: { position: null, at: null },
      ageSeconds: null,
      rowsInMirror: 0,
      changesWaiting: null,
      lastDelta: null,
      lastFull: null,
    });
    expect(render(report([fresh]))).toMatchInlineSnapshot(`
      "
      Deployment happy-otter-123, times in UTC

      table      Postgres  mirror  changes  held back  set aside  tracking
      sow_poles     4,500       0        -          0          0  intact

      table      high-water mark  age  position  last delta  last full
      sow_poles  never              -  -         never       never

      No run is going on.
      The change log has 12 entries and takes 64.0 KiB in Postgres.

      in Convex                            in November  by its end
      function calls                               912       1,140
      database I/O    380.2 MiB read, 21.8 MiB written   548.6 MiB
      storage, about                         384.9 MiB           -
      "
    `);
  });

  it("while a run is going on, with a long transaction, trouble, and rows and deletions left behind", () => {
    const tables = [
      status("poles", {
        relation: "reports.sow_poles",
        watermark: { position: "1480:1512:1480,1490,1511", at: "2025-11-21T06:15:02Z" },
        ageSeconds: 28 * 3600,
        deletionsHeldBack: 1_200,
        rejectedRows: 8,
        rejected: [
          {
            key: "7f3a",
            code: "DOCUMENT_TOO_LARGE",
            column: null,
            reason: "The document is larger than 1 MiB.",
            since: "2025-11-20T06:15:02.123456Z",
          },
          ...["90bc", "a1", "a2", "a3", "a4"].map((key) => ({
            key,
            code: "UNSUPPORTED_VALUE",
            column: "raw_data",
            reason: "It holds a lone surrogate.",
            since: "2025-11-21T06:15:02.000001Z",
          })),
        ],
        lastDelta: { at: "2025-11-22T06:15:40Z", outcome: "failed" },
        tracking: "broken",
        problem: "The trigger zzz_datahub_sync_1_log is disabled.\nRun `datahub-sync migrate`.",
      }),
    ];
    const of = report(tables, {
      ok: false,
      exitCode: 5,
      running: [
        {
          holder: "vps-1, process 4711",
          epoch: "12",
          acquiredAt: "2025-11-22T10:12:00Z",
          expiresAt: "2025-11-22T10:16:00Z",
          mirrors: ["poles"],
        },
      ],
      horizon: { xidsBehind: "14032", oldest: "a session of psql, open for 3 hours" },
      changeLog: { entries: 1, bytes: 3_400_000 },
      notices: [{ code: "CHANGES_KEPT", message: "The deployment was restored from a backup." }],
    });
    expect(render(of)).toMatchInlineSnapshot(`
      "
      Deployment happy-otter-123, times in UTC

      table                      Postgres  mirror  changes  held back  set aside  tracking
      poles (reports.sow_poles)     4,500   4,500        0      1,200          8  broken

      table  high-water mark           age  position     last delta      last full
      poles  2025-11-21 06:15:02  28 h ago  1480:1512+3  failed 3 h ago  done 2 d ago

      A run is going on: vps-1, process 4711 took the lease (epoch 12) 3 min ago; it ends at 2025-11-22 10:16:00 unless renewed.
      The snapshot's horizon is 14,032 transactions behind, held back by a session of psql, open for 3 hours: what it changes is read when it has ended, and nothing is missed.
      The change log has 1 entry and takes 3.2 MiB in Postgres.

      in Convex                            in November  by its end
      function calls                               912       1,140
      database I/O    380.2 MiB read, 21.8 MiB written   548.6 MiB
      storage, about                         384.9 MiB           -

      Problems
        poles  The trigger zzz_datahub_sync_1_log is disabled.
               Run \`datahub-sync migrate\`.

      Set aside
        poles  7f3a, since 2025-11-20 06:15:02: The document is larger than 1 MiB.
               90bc, column raw_data, since 2025-11-21 06:15:02: It holds a lone surrogate.
               a1, column raw_data, since 2025-11-21 06:15:02: It holds a lone surrogate.
               a2, column raw_data, since 2025-11-21 06:15:02: It holds a lone surrogate.
               a3, column raw_data, since 2025-11-21 06:15:02: It holds a lone surrogate.
               and 3 more

      Notices
        The deployment was restored from a backup.

      Deletions are held back. If they are meant:
        datahub-sync sync --allow-deletes poles
      "
    `);
  });

  it("without tables", () => {
    expect(render(report([]))).toMatchInlineSnapshot(`
      "
      Deployment happy-otter-123, times in UTC

      No run is going on.
      The change log has 12 entries and takes 64.0 KiB in Postgres.

      in Convex                            in November  by its end
      function calls                               912       1,140
      database I/O    380.2 MiB read, 21.8 MiB written   548.6 MiB
      storage, about                         384.9 MiB           -
      "
    `);
  });

  it("fits 100 columns for the seven tables", () => {
    const of = report([
      status("onemap_installations", {
        rowsInPostgres: 1_234_567,
        rowsInMirror: 1_234_567,
        changesWaiting: 57_000,
        watermark: { position: "7123456:7123499:7123456,7123470", at: "2025-11-22T06:15:02Z" },
        lastDelta: { at: "2025-11-22T09:16:00Z", outcome: "done" },
      }),
    ]);
    for (const line of render(of).split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("has no colour without colour", () => {
    expect(render(report([status("a", { tracking: "missing", rejectedRows: 1 })]))).not.toContain("\x1b");
  });

  it.each([
    [1, "The status is incomplete"],
    [4, "Another run is going on"],
    [6, "A table has never been loaded: run `datahub-sync sync`."],
  ] as const)("exit code %i ends with what to do", (exitCode, beginning) => {
    expect(
      render(report([status("a")], { exitCode }))
        .trim()
        .split("\n")
        .at(-1),
    ).toContain(beginning);
  });

  it.each([
    [{ rejectedRows: 1 }, "Some rows are set aside"],
    [{ waiting: ["note"] }, "New columns wait for a deploy"],
  ])("exit code 3 names what is not mirrored: %o", (given, sentence) => {
    expect(render(report([status("a", given)], { exitCode: 3 }))).toContain(sentence);
  });
});
