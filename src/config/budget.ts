import { INCLUDED_A_MONTH } from "../model/limits.js";
import type { Budget, PlanName } from "../model/report.js";

const GB = 1_000_000_000;

export const PLAN_NAMES = Object.keys(INCLUDED_A_MONTH) as [PlanName, ...PlanName[]];

/** What the configuration file says of it: a plan, a plan with other amounts, or amounts alone. */
export interface BudgetEntry {
  plan?: PlanName | undefined;
  databaseIoGb?: number | undefined;
  storageGb?: number | undefined;
  calls?: number | undefined;
}

export function toBudget(entry: PlanName | BudgetEntry): Budget {
  if (typeof entry === "string") return { plan: entry, ...INCLUDED_A_MONTH[entry] };
  const { plan = null, databaseIoGb, storageGb, calls } = entry;
  const included =
    plan === null ? { ioBytes: null, storageBytes: null, calls: null } : INCLUDED_A_MONTH[plan];
  return {
    plan,
    ioBytes: databaseIoGb === undefined ? included.ioBytes : databaseIoGb * GB,
    storageBytes: storageGb === undefined ? included.storageBytes : storageGb * GB,
    calls: calls ?? included.calls,
  };
}
