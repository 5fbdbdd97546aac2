import type { CostStatus } from "../../model/report.js";
import type { Overview } from "../../state/read-overview.js";
import { budgetNotices, showBytes } from "../../sync/costs.js";
import { changesKept, changesUnread } from "../../sync/notices.js";
import { good, warning, type Checks, type Finding } from "./check.js";

/** What runs have left in Postgres, and who holds the lease. */
export function checkState(
  checks: Checks,
  { running, changeLog, idleMirrors, unreadTables }: Overview,
): void {
  const kept = [...idleMirrors.map(changesKept), ...unreadTables.map(changesUnread)];
  const size = `${changeLog.entries.toLocaleString("en-US")} entries in ${showBytes(changeLog.bytes)}`;
  checks.add(
    "postgres",
    "change log",
    kept.length === 0
      ? good(size)
      : warning(
          `${size}. ${kept.map(({ message }) => message).join(" ")}`,
          "docs/operations.md says what is purged, and when.",
        ),
  );
  checks.add(
    "postgres",
    "lease",
    good(
      running.length === 0
        ? "no run is going on"
        : running
            .map(({ holder, acquiredAt }) => `a run is going on, of ${holder} since ${acquiredAt}`)
            .join("; "),
    ),
  );
}

/** What the deployment's plan has left, where the configuration says what it is. */
export function checkPlan(checks: Checks, costs: CostStatus): void {
  checks.add("convex", "plan", describePlan(costs));
}

function describePlan(costs: CostStatus): Finding {
  const { month, bytesRead, bytesWritten, calls, storage, budget } = costs;
  const stored = storage.documents + storage.ledger + storage.indexes;
  const spent =
    `${showBytes(bytesRead + bytesWritten)} of database I/O and ${calls.toLocaleString("en-US")} calls in ${month}, ` +
    `about ${showBytes(stored)} stored`;
  const beyond = budgetNotices(costs);
  if (beyond.length > 0) {
    return warning(
      `${spent}. ${beyond.map(({ message }) => message).join(" ")}`,
      "`datahub-sync status` shows where it goes; docs/costs.md says what it depends on.",
    );
  }
  return good(
    budget === null
      ? `${spent}; no plan is configured ("budget") to compare that with`
      : `${spent}: within the budget`,
  );
}
