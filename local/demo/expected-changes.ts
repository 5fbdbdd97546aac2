import type { RunReport, TableReport } from "../../src/model/report.js";
import type { Usage } from "../convex/usage.js";

/** What a run has to have done in one table, no more and no less. `read` null: not looked at. */
export interface Expected {
  read: number | null;
  inserted: number;
  updated: number;
  deleted: number;
}

export const NOTHING: Expected = { read: 0, inserted: 0, updated: 0, deleted: 0 };

/**
 * Holds a run against what it should have done: by its own report, and by Convex's meter, which counts the writes of
 * each table whatever the report says. Returns a sentence for each number that is not exactly as expected.
 */
export function findDeviations(
  expected: Readonly<Record<string, Expected>>,
  report: RunReport,
  usage: Usage,
): string[] {
  const deviations: string[] = [];
  const expect = (table: string, what: string, wanted: number, found: number | undefined): void => {
    if (found === wanted) return;
    deviations.push(`${table}: ${what} is ${found ?? "not reported"}, expected is ${wanted}`);
  };
  for (const [table, wanted] of Object.entries(expected)) {
    const found: Partial<TableReport> = report.tables.find((entry) => entry.table === table) ?? {};
    if (wanted.read !== null) expect(table, "rows read", wanted.read, found.read);
    expect(table, "inserted", wanted.inserted, found.inserted);
    expect(table, "updated", wanted.updated, found.updated);
    expect(table, "deleted", wanted.deleted, found.deleted);
    for (const name of ["unchanged", "rejected", "heldBack"] as const) expect(table, name, 0, found[name]);
    const writes = wanted.inserted + wanted.updated + wanted.deleted;
    expect(table, "documents written by Convex's meter", writes, usage.byTable[table]?.documentsWritten ?? 0);
  }
  const names = Object.keys(expected);
  for (const { table } of report.tables) {
    if (!names.includes(table)) deviations.push(`${table}: was synced, but is none of the tables`);
  }
  return deviations;
}
