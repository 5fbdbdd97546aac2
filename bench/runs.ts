import type { RunReport } from "../src/report.js";
import type { Usage } from "../src/local/convex/usage.js";
import { count, size, ratio, seconds, type Finding } from "./findings.js";

/** A run, with what Convex would bill for it. */
export interface Run {
  report: RunReport;
  peakBytes: number;
  usage: Usage;
}

export function describeLoads(small: Run, large: Run): Finding[] {
  const perSecond = ({ report }: Run) => report.totals.inserted / (report.durationMs / 1000);
  const rows = ({ report }: Run) => count(report.totals.inserted, "rows");
  return [
    {
      what: `first load of ${rows(large)}: rows a second, against ${rows(small)}`,
      measured: count(perSecond(large)),
      against: count(perSecond(small)),
      ratio: ratio(perSecond(large), perSecond(small)),
    },
    {
      what: `first load of ${rows(large)}: peak memory, against ${rows(small)}`,
      measured: size(large.peakBytes),
      against: size(small.peakBytes),
      ratio: ratio(large.peakBytes, small.peakBytes),
    },
  ];
}

export function describeFull(full: Run, load: Run): Finding[] {
  const compare = (what: string, show: (value: number) => string, of: (run: Run) => number): Finding => ({
    what: `full run with nothing changed: ${what}, against the first load`,
    measured: show(of(full)),
    against: show(of(load)),
    ratio: ratio(of(full), of(load)),
  });
  return [
    compare("time", seconds, ({ report }) => report.durationMs),
    compare("bytes sent", size, ({ report }) => report.totals.bytesSent),
    compare("documents read in Convex", count, ({ usage }) => usage.documentsRead),
    compare("bytes read in Convex", size, ({ usage }) => usage.bytesRead),
    compare("bytes written in Convex", size, ({ usage }) => usage.bytesWritten),
    compare("peak memory", size, ({ peakBytes }) => peakBytes),
  ];
}

/** Convex's free and starter plans include 1 GB of database I/O a month. */
const PLAN_BYTES = 1_000_000_000;
const DELTAS_A_MONTH = 30 * 6;
const FULLS_A_MONTH = 30 / 7;

/** The schedule of the first user: a delta every four hours, a full run every week. Computed from what was metered. */
export function describeMonth(idle: Run, busy: Run, full: Run): Finding[] {
  const io = ({ usage }: Run) => usage.bytesRead + usage.bytesWritten;
  const month = (delta: Run) => DELTAS_A_MONTH * io(delta) + FULLS_A_MONTH * io(full);
  const describe = (what: string, delta: Run): Finding => ({
    what: `database I/O a month, ${what}, against a plan's 1 GB`,
    measured: size(month(delta)),
    against: size(PLAN_BYTES),
    ratio: ratio(month(delta), PLAN_BYTES),
  });
  const changed = count(busy.report.totals.updated, "rows");
  return [
    describe("nothing changing", idle),
    describe(`${changed} changing every four hours`, busy),
    {
      what: "of it, the weekly full runs",
      measured: size(FULLS_A_MONTH * io(full)),
      against: size(month(busy)),
      ratio: ratio(FULLS_A_MONTH * io(full), month(busy)),
    },
  ];
}
