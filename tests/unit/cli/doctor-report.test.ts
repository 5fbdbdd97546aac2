import { expect, test } from "vitest";
import { createPaint } from "../../../src/cli/render/paint.js";
import { renderDoctorReport } from "../../../src/cli/render/doctor-report.js";
import { terminalOf } from "../../../src/cli/render/terminal.js";
import type { Check, DoctorReport } from "../../../src/model/doctor-report.js";

const CHECKS: Check[] = [
  { area: "here", name: "Node", outcome: "ok", finding: "version 20.0.0", remedy: null },
  {
    area: "convex",
    name: "deployment",
    outcome: "problem",
    finding: "The deployment at tidy-fox-1.convex.cloud refused CONVEX_SYNC_AUTH_KEY: it has another one.",
    remedy: "Give both sides the same key.",
  },
  {
    area: "tables",
    name: "sow_poles",
    outcome: "left-out",
    finding: "the server does not answer",
    remedy: null,
  },
];

const render = (checks: Check[], width?: number) => {
  const report: DoctorReport = { ok: false, exitCode: 6, checks };
  return `\n${renderDoctorReport(report, createPaint(false, width === undefined ? undefined : terminalOf(width)))}\n`;
};

test("a line a check, by area, with what to do below it", () => {
  expect(render(CHECKS)).toBe(`
This machine
  ok    Node        version 20.0.0

Convex
  FAIL  deployment  The deployment at tidy-fox-1.convex.cloud refused CONVEX_SYNC_AUTH_KEY: it has another one.
                    Give both sides the same key.

Tables
  -     sow_poles   the server does not answer

1 problem. Mend the problems: until then a run fails, or leaves a table out.
`);
});

test("no line is wider than the terminal", () => {
  for (const width of [60, 80]) {
    for (const line of render(CHECKS, width).split("\n")) expect(line.length).toBeLessThanOrEqual(width);
  }
});
