import type { HealthReport, HealthTable } from "../../model/health-report.js";
import { showDuration, showList, showNoun } from "./human.js";
import type { Paint } from "./paint.js";

/** One line of why. */
export function renderHealth({ ok, maxAgeSeconds, tables }: HealthReport, paint: Paint): string {
  const limit = `${showDuration(maxAgeSeconds * 1000)} allowed`;
  const [oldest] = tables;
  if (ok)
    return `${paint.green("fresh")}: ${showNoun(tables.length, "table")}, the oldest ${describe(oldest!)}; ${limit}`;
  const never = tables.filter(({ ageSeconds }) => ageSeconds === null).map(({ table }) => table);
  const old = tables.filter(({ ageSeconds }) => ageSeconds !== null && ageSeconds > maxAgeSeconds);
  const parts = [
    ...(never.length === 0 ? [] : [`${showList(never)} ${never.length === 1 ? "was" : "were"} never loaded`]),
    ...(old.length === 0
      ? []
      : [`${showNoun(old.length, "table")} too old, the oldest ${describe(old[0]!)}`]),
  ];
  return `${paint.red("stale")}: ${parts.join("; ")}; ${limit}`;
}

function describe({ table, ageSeconds }: HealthTable): string {
  return `${table} with ${showDuration(ageSeconds! * 1000)}`;
}
