import { expect } from "vitest";
import type { RunMode, RunReport } from "../../src/model/report.js";
import type { DryRunReport } from "../../src/commands/dry-run-report.js";
import type { MirrorFixture, SyncOptions } from "./mirror-fixture.js";

/** What both sides hold, who wrote it included. */
async function readEverything(mirror: MirrorFixture) {
  const tables = await mirror.sql<{ name: string; kind: string }[]>`
    SELECT c.relname AS name, c.relkind AS kind FROM pg_class c
     WHERE c.relnamespace = 'datahub_sync'::regnamespace AND c.relkind IN ('r', 'S') ORDER BY 1`;
  const inPostgres: Record<string, unknown> = {};
  for (const { name, kind } of tables) {
    const row = kind === "S" ? "t.last_value::text" : "t.xmin::text || ' ' || t::text";
    const rows = await mirror.sql.unsafe(`SELECT ${row} AS row FROM datahub_sync."${name}" t ORDER BY 1`);
    inPostgres[name] = rows.map((each) => each["row"] as string);
  }
  const inConvex = ["datahubSyncMirrors", "datahubSyncLedger", "datahubSyncCounts"]
    .concat(mirror.config.mirrors.map(({ name }) => name))
    .map((name) => [name, [...mirror.deployment.tableDocuments(name)]]);
  return { inPostgres, inConvex };
}

export interface Foreseen {
  dry: DryRunReport;
  run: RunReport;
  /** I/O of the run as the deployment has metered it. */
  metered: { bytesRead: number; bytesWritten: number };
}

/**
 * A dry run, and the run right after it: the one writes nothing, and says what the other does.
 * @param callsMayDiffer how many calls more or fewer a table may have: how keys fall into pages and batches is not foreseen
 *   in every combination of deletions that were written down, found again and never in Convex
 */
export async function foreseeRun(
  mirror: MirrorFixture,
  mode: RunMode = "delta",
  options: SyncOptions = {},
  callsMayDiffer = 0,
): Promise<Foreseen> {
  const before = await readEverything(mirror);
  mirror.deployment.resetUsage();
  const dry = await mirror.dryRun(mode, options);
  expect(mirror.deployment.usage()).toMatchObject({ mutations: 0, bytesWritten: 0 });
  expect(await readEverything(mirror)).toEqual(before);

  mirror.deployment.resetUsage();
  const run = await mirror.runSync(mode, options);
  const { bytesRead, bytesWritten } = mirror.deployment.usage();
  expect(dry.tables.map(comparable)).toEqual(run.tables.map(comparable));
  for (const [place, { calls }] of run.tables.entries()) {
    expect(Math.abs(calls - dry.tables[place]!.calls)).toBeLessThanOrEqual(callsMayDiffer);
  }
  expect(dry.foreseenExitCode).toBe(run.exitCode);
  return { dry, run, metered: { bytesRead, bytesWritten } };
}

/** What both reports have of a table. */
function comparable(of: DryRunReport["tables"][number] | RunReport["tables"][number]) {
  const { table, mode, read, inserted, updated, unchanged, deleted, rejected, heldBack } = of;
  const { tracking, waiting, notices, error } = of;
  return {
    table,
    mode,
    read,
    inserted,
    updated,
    unchanged,
    deleted,
    rejected,
    heldBack,
    tracking,
    waiting,
    notices,
    error,
  };
}

/** Fails unless a figure is within 10 % of what was metered. */
function expectNear(foreseen: number, metered: number): void {
  expect(foreseen).toBeGreaterThanOrEqual(0.9 * metered);
  expect(foreseen).toBeLessThanOrEqual(1.1 * metered);
}

export function expectIoForeseen({ dry, run, metered }: Foreseen): void {
  expectNear(dry.totals.bytesRead, metered.bytesRead);
  expectNear(dry.totals.bytesWritten, metered.bytesWritten);
  expectNear(dry.totals.bytesSent, run.totals.bytesSent);
  expect(dry.totals.calls).toBe(run.totals.calls);
}
