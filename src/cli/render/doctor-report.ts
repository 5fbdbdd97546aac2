import type { Check, CheckArea, DoctorReport } from "../../model/doctor-report.js";
import { showNoun } from "./human.js";
import type { Paint } from "./paint.js";

const AREAS: Record<CheckArea, string> = {
  here: "This machine",
  postgres: "Postgres",
  convex: "Convex",
  tables: "Tables",
};

const MARKS: Record<Check["outcome"], string> = {
  ok: "ok",
  warning: "warn",
  problem: "FAIL",
  "left-out": "-",
};

/** A line a check; below it, what to do. */
export function renderDoctorReport(report: DoctorReport, paint: Paint): string {
  const { checks } = report;
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const blocks = Object.entries(AREAS).flatMap(([area, head]) => {
    const inArea = checks.filter((check) => check.area === area);
    return inArea.length === 0
      ? []
      : [head, ...inArea.flatMap((check) => checkLines(check, nameWidth, paint)), ""];
  });
  return [...blocks, ...paint.wrap(closing(checks), paint.width).map((line) => paint.bold(line))].join("\n");
}

function checkLines({ name, outcome, finding, remedy }: Check, nameWidth: number, paint: Paint): string[] {
  const mark = MARKS[outcome].padEnd(4);
  const painted = { ok: paint.green, warning: paint.yellow, problem: paint.red, "left-out": paint.dim }[
    outcome
  ](mark);
  const indent = 2 + 4 + 2 + nameWidth + 2;
  const texts = [finding, ...(remedy === null ? [] : [remedy])].flatMap((text) =>
    paint.wrap(text, paint.width - indent),
  );
  return texts.map((text, index) =>
    index === 0 ? `  ${painted}  ${name.padEnd(nameWidth)}  ${text}` : `${" ".repeat(indent)}${text}`,
  );
}

function closing(checks: readonly Check[]): string {
  const problems = checks.filter(({ outcome }) => outcome === "problem").length;
  const warnings = checks.filter(({ outcome }) => outcome === "warning").length;
  if (problems === 0 && warnings === 0) return "All is well: `datahub-sync sync` can run.";
  const found = [
    ...(problems === 0 ? [] : [showNoun(problems, "problem")]),
    ...(warnings === 0 ? [] : [showNoun(warnings, "warning")]),
  ].join(" and ");
  return problems === 0
    ? `${found}: runs go on.`
    : `${found}. Mend the problems: until then a run fails, or leaves a table out.`;
}
