import type { Budget, CostStatus, Notice } from "../model/report.js";
import type { NoticeCode } from "../model/notice-codes.js";
import { estimateStorage, type StorageEstimate, type StoredMirror } from "../sink/storage-estimate.js";
import type { Spending } from "../state/spending.js";

/** A mirror as both sides know it: its sizes are unknown until rows of it were sent. */
export interface MirrorSize extends Omit<StoredMirror, "documentBytes" | "keyBytes"> {
  name: string;
  sizes: { documentBytes: number; keyBytes: number } | null;
}

/** What the mirrors cost so far, and what they come to by the end of the month at the pace of the last weeks. */
export function describeCosts(
  spending: Spending,
  mirrors: readonly MirrorSize[],
  budget: Budget | null,
): CostStatus {
  const { month, calls, bytesRead, bytesWritten, daysLeft, pace } = spending;
  const ahead = (perPace: number) => Math.round((perPace / pace!.days) * daysLeft);
  return {
    month,
    calls,
    bytesRead,
    bytesWritten,
    projected:
      pace === null
        ? null
        : { calls: calls + ahead(pace.calls), bytes: bytesRead + bytesWritten + ahead(pace.bytes) },
    storage: storageOf(mirrors),
    unsized: mirrors.filter(({ rows, sizes }) => rows > 0 && sizes === null).map(({ name }) => name),
    budget,
  };
}

function storageOf(mirrors: readonly MirrorSize[]): StorageEstimate {
  const sum: StorageEstimate = { documents: 0, ledger: 0, indexes: 0 };
  for (const { rows, sizes, indexes } of mirrors) {
    if (sizes === null) continue;
    const one = estimateStorage({ rows, indexes, ...sizes });
    for (const part of Object.keys(sum) as (keyof StorageEstimate)[]) sum[part] += one[part];
  }
  return sum;
}

/** Where the budget will not do, one notice for each amount. */
export function budgetNotices({ month, storage, budget, ...costs }: CostStatus): Notice[] {
  if (budget === null) return [];
  const { calls: callsSoFar, bytesRead, bytesWritten } = costs;
  const projected = costs.projected ?? { calls: callsSoFar, bytes: bytesRead + bytesWritten };
  const { ioBytes, calls, storageBytes } = budget;
  const stored = storage.documents + storage.ledger + storage.indexes;
  const notices: Notice[] = [];
  if (ioBytes !== null && projected.bytes > ioBytes) {
    const what = `database I/O comes to about ${showBytes(projected.bytes)} by the end of ${month}`;
    notices.push(beyond("BUDGET_IO", budget, `At this pace, ${what}`, showBytes(ioBytes)));
  }
  if (calls !== null && projected.calls > calls) {
    const what = `function calls come to about ${showCount(projected.calls)} by the end of ${month}`;
    notices.push(beyond("BUDGET_CALLS", budget, `At this pace, ${what}`, showCount(calls)));
  }
  if (storageBytes !== null && stored > storageBytes) {
    const what = `The mirrors take about ${showBytes(stored)}`;
    notices.push(beyond("BUDGET_STORAGE", budget, what, showBytes(storageBytes)));
  }
  return notices;
}

/** What the amount was, what it comes to, and what follows from that. */
export function beyond(code: NoticeCode, { plan }: Budget, what: string, limit: string): Notice {
  const follows =
    plan === null
      ? ""
      : plan === "free"
        ? " Convex's free plan refuses what is beyond."
        : ` Convex's ${plan} plan charges for what is beyond.`;
  return {
    code,
    message: `${what}; the budget is ${limit}.${follows} Mirror less ("exclude" wide columns, fewer indexes), run less often, or take a larger plan.`,
  };
}

/** In the decimal units of Convex's plans: `1.4 GB`, `207 MB`. */
export function showBytes(bytes: number): string {
  const inGb = bytes >= 1e9;
  const amount = inGb ? bytes / 1e9 : bytes / 1e6;
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: inGb || amount < 10 ? 1 : 0 })} ${inGb ? "GB" : "MB"}`;
}

const showCount = (count: number): string => count.toLocaleString("en-US");
