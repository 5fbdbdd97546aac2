import type { CostStatus } from "../../model/report.js";
import { renderColumns } from "./columns.js";
import { showBytes, showCount } from "./human.js";
import type { Paint } from "./paint.js";

const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);

/** What the mirrors cost in Convex this month, and what they take. */
export function renderCosts(costs: CostStatus, paint: Paint): string[] {
  const { calls, bytesRead, bytesWritten, projected, storage, budget, unsized } = costs;
  const stored = storage.documents + storage.ledger + storage.indexes;
  const share = (amount: number, limit: number | null, shown: string): string => {
    if (limit === null) return "-";
    const text = `${showPercent(amount / limit)} of ${shown}`;
    return amount > limit ? paint.red(text) : text;
  };
  const rows = [
    [
      "function calls",
      showCount(calls),
      projected === null ? "-" : showCount(projected.calls),
      share(projected?.calls ?? calls, budget?.calls ?? null, showCount(budget?.calls ?? 0)),
    ],
    [
      "database I/O",
      `${showBytes(bytesRead)} read, ${showBytes(bytesWritten)} written`,
      projected === null ? "-" : showBytes(projected.bytes),
      share(
        projected?.bytes ?? bytesRead + bytesWritten,
        budget?.ioBytes ?? null,
        showGb(budget?.ioBytes ?? 0),
      ),
    ],
    [
      "storage, about",
      showBytes(stored),
      "-",
      share(stored, budget?.storageBytes ?? null, showGb(budget?.storageBytes ?? 0)),
    ],
  ];
  const heads = ["in Convex", `in ${monthName(costs)}`, "by its end", "of the budget"];
  const columns = heads.map((head, place) => ({
    head: paint.dim(head),
    align: place === 0 ? ("left" as const) : ("right" as const),
  }));
  const shown = budget === null ? 3 : 4;
  return [
    renderColumns(
      columns.slice(0, shown),
      rows.map((row) => row.slice(0, shown)),
      paint,
    ),
    ...(unsized.length === 0
      ? []
      : [`The sizes of ${unsized.join(", ")} are not known yet: the next rows that are sent tell them.`]),
  ];
}

function monthName({ month }: CostStatus): string {
  return MONTHS[Number(month.slice(5)) - 1]!;
}

/** Plans count in powers of ten. */
function showGb(bytes: number): string {
  const [amount, unit] = bytes < 1e8 ? [bytes / 1e6, "MB"] : [bytes / 1e9, "GB"];
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: 2 })} ${unit}`;
}

function showPercent(share: number): string {
  return `${(100 * share).toLocaleString("en-US", { maximumFractionDigits: share < 0.1 ? 1 : 0 })} %`;
}
