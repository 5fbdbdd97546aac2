import type { Budget, PlanName } from "../model/report.js";

const GB = 1_000_000_000;

/**
 * What Convex's plans include a month, for all deployments and functions of a team together. Source: Convex's docs, "Limits"
 * (production/state/limits), 2026. Free refuses what is beyond, the others charge for it.
 */
const PLANS: Record<PlanName, Omit<Budget, "plan">> = {
  free: { ioBytes: GB, storageBytes: 0.5 * GB, calls: 1_000_000 },
  starter: { ioBytes: GB, storageBytes: 0.5 * GB, calls: 1_000_000 },
  professional: { ioBytes: 50 * GB, storageBytes: 50 * GB, calls: 25_000_000 },
};

export const PLAN_NAMES = Object.keys(PLANS) as [PlanName, ...PlanName[]];

/** What the configuration file says of it: a plan, a plan with other amounts, or amounts alone. */
export interface BudgetEntry {
  plan?: PlanName | undefined;
  databaseIoGb?: number | undefined;
  storageGb?: number | undefined;
  calls?: number | undefined;
}

export function toBudget(entry: PlanName | BudgetEntry): Budget {
  if (typeof entry === "string") return { plan: entry, ...PLANS[entry] };
  const { plan = null, databaseIoGb, storageGb, calls } = entry;
  const included = plan === null ? { ioBytes: null, storageBytes: null, calls: null } : PLANS[plan];
  return {
    plan,
    ioBytes: databaseIoGb === undefined ? included.ioBytes : databaseIoGb * GB,
    storageBytes: storageGb === undefined ? included.storageBytes : storageGb * GB,
    calls: calls ?? included.calls,
  };
}
