import { describe, expect, it } from "vitest";
import type { CliLog } from "../../../src/cli/logging/create-log.js";
import { Screen } from "../../../src/cli/logging/screen.js";
import { createProgress, describeBar } from "../../../src/cli/progress.js";
import { SyncError } from "../../../src/model/errors.js";
import type { TableReport } from "../../../src/model/report.js";
import { Captured } from "../../support/fake-io.js";

const REPORT: TableReport = {
  table: "sow_poles",
  mode: "delta",
  firstLoad: false,
  outcome: "done",
  read: 12,
  inserted: 0,
  updated: 11,
  unchanged: 1,
  deleted: 0,
  rejected: 0,
  heldBack: 0,
  calls: 2,
  retries: 0,
  bytesSent: 16_000,
  bytesRead: 9_000,
  bytesWritten: 14_000,
  durationMs: 412,
  watermark: { position: "740:740:", at: "2025-11-22T10:15:00.000Z" },
  tracking: "intact",
  waiting: [],
  notices: [{ code: "RESUMED", message: "" }],
};

/** A log that keeps its lines as `level table: message`. */
function keepingLog(): CliLog & { lines: string[]; fields: unknown[] } {
  const lines: string[] = [];
  const fields: unknown[] = [];
  const keep =
    (level: string) =>
    (message: string, of: Record<string, unknown> = {}) => {
      lines.push(`${level} ${typeof of["table"] === "string" ? of["table"] : "-"}: ${message}`);
      fields.push(of);
    };
  return {
    lines,
    fields,
    error: keep("error"),
    warn: keep("warn"),
    info: keep("info"),
    debug: keep("debug"),
    routine: keep("routine"),
    record: (level, message, of) => keep(level)(message, of),
    close: () => Promise.resolve(),
  };
}

describe("progress", () => {
  it("is lines for what begins, ends and deserves notice", () => {
    const log = keepingLog();
    const stderr = new Captured();
    const progress = createProgress(log, new Screen(stderr, describeBar), { bar: false, later: false });
    progress.tableStarted("sow_poles", "delta", 4_500);
    progress.notice("sow_poles", { code: "BECAME_FULL", message: "The table was created anew." });
    progress.tableProgress("sow_poles", 6);
    progress.tableFinished(REPORT);
    progress.tableStarted("sow_drops", "full", null);
    progress.tableFinished({
      ...REPORT,
      table: "sow_drops",
      outcome: "failed",
      error: { code: "NO_KEY", message: "sow_drops has no primary key.", remedy: "Add one." },
    });
    progress.tableFinished({ ...REPORT, table: "nokia_exports", outcome: "not-run" });
    progress.tableStarted("onemap_poles", "delta", 0);
    progress.tableFinished({ ...REPORT, table: "onemap_poles", read: 0, updated: 0, unchanged: 0 });
    progress.notice(null, { code: "LEASE_TAKEN_OVER", message: "An earlier run had crashed." });
    progress.stop();
    expect(log.lines).toEqual([
      "routine sow_poles: delta run started, about 4,500 rows",
      "info sow_poles: The table was created anew.",
      "info sow_poles: done in 0.4 s: 12 read, 11 updated, 1 unchanged",
      "routine sow_drops: full run started",
      "error sow_drops: failed in 0.4 s: sow_drops has no primary key.",
      "routine onemap_poles: delta run started",
      "info onemap_poles: done in 0.4 s: nothing to do",
      "info -: An earlier run had crashed.",
    ]);
    expect(log.fields[2]).toMatchObject({ table: "sow_poles", read: 12, updated: 11, durationMs: 412 });
    expect(stderr.text).toBe("");
  });

  it("is, for who reads the report later, what takes long alone; the log's file has the rest", () => {
    const log = keepingLog();
    const recorded: string[] = [];
    const keeping = {
      ...log,
      record: (level: string, message: string) => recorded.push(`${level} ${message}`),
    };
    const progress = createProgress(keeping, new Screen(new Captured(), describeBar), {
      bar: false,
      later: true,
    });
    progress.tableStarted("sow_poles", "delta", 4_500);
    progress.notice("sow_poles", { code: "BECAME_FULL", message: "The table was created anew." });
    progress.tableFinished(REPORT);
    progress.tableStarted("sow_drops", "first load", 23_700);
    expect(log.lines).toEqual(["routine sow_drops: first load started, about 23,700 rows"]);
    expect(recorded).toEqual([
      "info delta run started, about 4,500 rows",
      "info The table was created anew.",
      "info done in 0.4 s: 12 read, 11 updated, 1 unchanged",
    ]);
  });

  it("tells the causes of a failure at the level of --verbose", () => {
    const log = keepingLog();
    const progress = createProgress(log, new Screen(new Captured(), describeBar), {
      bar: false,
      later: false,
    });
    const cause = new TypeError("x is not a function");
    progress.tableFailed?.(
      "sow_poles",
      new SyncError({ code: "INTERNAL", message: "-", remedy: "-", cause }),
    );
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^debug sow_poles: /);
    expect(log.lines[0]).toContain("caused by: TypeError: x is not a function");
  });

  it.each([
    [
      { label: "sow_poles", done: 0, total: 4_500 },
      "sow_poles             [------------------------]   0 %  0 of 4,500 rows",
    ],
    [
      { label: "sow_poles", done: 1_350, total: 4_500 },
      "sow_poles             [#######-----------------]  30 %  1,350 of 4,500 rows",
    ],
    [
      { label: "sow_poles", done: 4_499, total: 4_500 },
      "sow_poles             [#######################-]  99 %  4,499 of 4,500 rows",
    ],
    [
      { label: "sow_poles", done: 4_700, total: 4_500 },
      "sow_poles             [########################] 100 %  4,700 of 4,500 rows",
    ],
    [
      { label: "sow_poles", done: 0, total: 0 },
      "sow_poles             [########################] 100 %  0 of 0 rows",
    ],
    [{ label: "onemap_installations", done: 7, total: null }, "onemap_installations  7 rows"],
  ])("draws %j", (state, drawn) => expect(describeBar(state)).toBe(drawn));
});

describe("the screen", () => {
  /** What a terminal shows in the end: each line as it was last drawn. Knows what the bar's library sends. */
  function shown(text: string): string {
    const rows = [""];
    let [row, column] = [0, 0];
    // eslint-disable-next-line no-control-regex -- a terminal's codes begin with the escape character
    for (const [token] of text.matchAll(/\x1b\[[?\d;]*[A-Za-z]|\x1b[78]|\n|[^\x1b\n]+/g)) {
      const code = /^\x1b\[([?\d;]*)([A-Za-z])$/.exec(token); // eslint-disable-line no-control-regex
      if (token === "\n") {
        [row, column] = [row + 1, 0];
        rows[row] ??= "";
      } else if (code?.[2] === "G") column = Number(code[1] || 1) - 1;
      else if (code?.[2] === "A") row -= Number(code[1] || 1);
      else if (code?.[2] === "K") rows[row] = code[1] === "2" ? "" : rows[row]!.slice(0, column);
      else if (code?.[2] === "J") rows.splice(row, Infinity, rows[row]!.slice(0, column));
      else if (!token.startsWith("\x1b")) {
        rows[row] =
          rows[row]!.slice(0, column).padEnd(column) + token + rows[row]!.slice(column + token.length);
        column += token.length;
      }
    }
    return rows.join("\n");
  }

  it("keeps the bar below the lines, and takes it away at the end", () => {
    const stderr = new Captured(true);
    const screen = new Screen(stderr, ({ label, done }) => `<${label} ${done}>`);
    screen.writeLine("before");
    screen.showBar({ label: "sow_poles", done: 1, total: 3 });
    screen.writeLine("a line that is longer than the bar");
    expect(shown(stderr.text)).toBe("before\na line that is longer than the bar\n<sow_poles 1>");
    screen.showBar({ label: "sow_drops", done: 2, total: null });
    screen.writeLine("another");
    expect(shown(stderr.text)).toBe("before\na line that is longer than the bar\nanother\n<sow_drops 2>");
    screen.hideBar();
    screen.writeLine("after");
    screen.hideBar();
    expect(shown(stderr.text)).toBe("before\na line that is longer than the bar\nanother\nafter\n");
  });
});
