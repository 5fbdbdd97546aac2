import type { RunReport } from "../src/model/report.js";
import type { Usage } from "../local/convex/usage.js";
import type { LocalStack } from "../local/start-local.js";
import type { Cli } from "./cli.js";
import { count, size, ratio, seconds, type Finding } from "./findings.js";

/** A run, with what Convex would bill for it. */
export interface Run {
  report: RunReport;
  peakBytes: number;
  usage: Usage;
}

export async function measureRun(cli: Cli, stack: LocalStack, ...flags: string[]): Promise<Run> {
  stack.deployment.resetUsage();
  const { report, peakBytes } = await cli.sync(stack.environment, ...flags);
  return { report, peakBytes, usage: stack.deployment.usage() };
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
    what: `${what}, against the first load`,
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
