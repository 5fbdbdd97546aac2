import { EXIT } from "../../model/errors.js";
import type { SchemaReport, SchemaTable } from "../../model/schema-report.js";
import { showNoun } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";

export function renderSchemaReport({ path, written, tables, exitCode }: SchemaReport, paint: Paint): string {
  const of = (outcome: SchemaTable["outcome"]) => tables.filter((table) => table.outcome === outcome);
  const lines = [
    ...renderEntries("Differences", [...of("differs"), ...of("missing")].map(describe)),
    ...renderEntries(
      paint.red("Failed"),
      of("failed").map(({ table, error }) => ({
        name: table,
        lines: [`${error!.message} (${error!.code})`, error!.remedy],
      })),
    ),
  ];
  const closing =
    exitCode === EXIT.failed
      ? `${path} was left as it is: mend what failed.`
      : written
        ? `${path} is written: ${showNoun(tables.length, "table")}. Deploy it: npx convex deploy`
        : exitCode === EXIT.done
          ? `${path} says what it should: ${showNoun(tables.length, "table")}.`
          : `${path} lacks something: \`datahub-sync schema\` writes it anew, or add the lines above; then npx convex deploy`;
  return [...lines, ...(lines.length === 0 ? [] : [""]), paint.bold(closing)].join("\n").trimStart();
}

function describe({ table, outcome, lacking, superfluous, changed }: SchemaTable): {
  name: string;
  lines: string[];
} {
  if (outcome === "missing")
    return { name: table, lines: [`is not there, with its ${showNoun(lacking.length, "field")}`] };
  return {
    name: table,
    lines: [
      ...lacking.map(({ field, validator }) => `lacks     ${field}: mirrored(${validator}),`),
      ...changed.map(
        ({ field, is, shouldBe }) =>
          `has       ${field}: mirrored(${is}), and should have mirrored(${shouldBe}),`,
      ),
      ...superfluous.map((field) => `has       ${field}, which no column becomes`),
    ],
  };
}
