import type { Budget } from "../../model/report.js";
import type { Difference, VerifyEstimate, VerifyReport, VerifyTable } from "../../model/verify-report.js";
import { renderColumns, type Column } from "./columns.js";
import { showBytes, showCount, showList, showNoun, showSeconds } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";

const COLUMNS: readonly Column[] = [
  { head: "table", align: "left" },
  ...["equal", "different", "missing", "extra", "waiting", "set aside", "held back", "seconds"].map(
    (head): Column => ({ head, align: "right" }),
  ),
  { head: "", align: "left" },
];

/** Differences of a table that a person is shown; `--json` has more. */
const NAMED = 20;

/** What is said before anything is read. */
export function describeEstimate(
  { documents, calls, bytesRead }: VerifyEstimate,
  budget: Budget | null,
): string {
  const share =
    bytesRead === null || budget?.ioBytes == null
      ? ""
      : `, ${((100 * bytesRead) / budget.ioBytes).toLocaleString("en-US", { maximumFractionDigits: 1 })} % of the month's budget`;
  const bytes = bytesRead === null ? "an unknown amount" : `about ${showBytes(bytesRead)}`;
  return `This reads ${bytes} of Convex's database I/O${share}: ${showNoun(documents, "document")}, about ${showNoun(calls, "call")}.`;
}

export function renderVerifyReport(report: VerifyReport, paint: Paint): string {
  const { tables, dryRun } = report;
  if (dryRun) return "Nothing was looked at.";
  const heads = COLUMNS.map(({ head, align }) => ({ head: head && paint.dim(head), align }));
  return [
    renderColumns(
      heads,
      tables.map((table) => row(table, paint)),
      paint,
    ),
    ...renderEntries(
      paint.red("Differences"),
      tables.filter(({ outcome }) => outcome === "different").map(describeDifferences),
    ),
    ...renderEntries(
      paint.red("Failed"),
      tables.flatMap(({ table, error }) =>
        error === undefined
          ? []
          : [{ name: table, lines: [`${error.message} (${error.code})`, error.remedy] }],
      ),
    ),
    ...renderEntries(
      "Notices",
      tables.flatMap(({ table, outcome, caution, unsettled }) => [
        ...(caution === null || outcome === "equal"
          ? []
          : [{ name: table, lines: [`Differences may be newer than the last run: ${caution}.`] }]),
        ...(unsettled === 0
          ? []
          : [
              {
                name: table,
                lines: [`${showNoun(unsettled, "key")} moved at each look, since runs go on: verify again.`],
              },
            ]),
      ]),
    ),
    "",
    ...paint.wrap(closing(tables), paint.width).map((line) => paint.bold(line)),
  ].join("\n");
}

function row(table: VerifyTable, paint: Paint): string[] {
  const { equal, different, hash, missing, extra, unknown, waiting, setAside, heldBack } = table;
  if (table.outcome === "failed" || table.outcome === "never-synced") {
    return [
      table.table,
      ...Array<string>(8).fill("-"),
      paint.red(table.outcome === "failed" ? "failed" : "never synced"),
    ];
  }
  const marked = (count: number) => (count === 0 ? "0" : paint.red(showCount(count)));
  return [
    table.table,
    showCount(equal),
    ...[different + hash, missing, extra + unknown].map(marked),
    ...[waiting, setAside, heldBack].map(showCount),
    showSeconds(table.durationMs),
    table.sampledOf === null ? "" : `a sample of ${showCount(table.sampledOf)}`,
  ];
}

function describeDifferences({ table, differences, ...counts }: VerifyTable): {
  name: string;
  lines: string[];
} {
  const { different, missing, extra, hash, unknown } = counts;
  const more = different + missing + extra + hash + unknown - Math.min(NAMED, differences.length);
  return {
    name: table,
    lines: [
      ...differences.slice(0, NAMED).map(describe),
      ...(more > 0 ? [`and ${showCount(more)} more`] : []),
    ],
  };
}

function describe({ kind, key, columns }: Difference): string {
  switch (kind) {
    case "different":
      return `${key}: ${showList(columns)} ${columns.length === 1 ? "differs" : "differ"}`;
    case "missing":
      return `${key}: has no document`;
    case "extra":
      return `${key}: has a document and no row that could be one`;
    case "hash":
      return `${key}: is equal, and the ledger's hash of it is not`;
    case "unknown":
      return `the document ${key}: was written by somebody else`;
  }
}

function closing(tables: readonly VerifyTable[]): string {
  const of = (outcome: VerifyTable["outcome"]) =>
    tables.filter((table) => table.outcome === outcome).map(({ table }) => table);
  const different = of("different");
  const sentences = [
    different.length > 0 &&
      `${showList(different)} ${different.length === 1 ? "differs" : "differ"} from Postgres. \`datahub-sync sync --deep ${different.map((table) => `--table ${table}`).join(" ")}\` mends it.`,
    of("never-synced").length > 0 && `${showList(of("never-synced"))}: run \`datahub-sync sync\` first.`,
    of("failed").length > 0 && `${showList(of("failed"))} could not be looked at.`,
  ].filter((sentence) => sentence !== false);
  if (sentences.length > 0) return sentences.join(" ");
  const equal = tables.reduce((sum, table) => sum + table.equal, 0);
  const waiting = tables.reduce((sum, table) => sum + table.waiting, 0);
  const later =
    waiting === 0
      ? ""
      : ` ${showNoun(waiting, "key")} changed since the last run, and ${waiting === 1 ? "comes" : "come"} with the next.`;
  const isSample = tables.some(({ sampledOf }) => sampledOf !== null);
  return isSample
    ? `No difference among the ${showNoun(equal, "row")} that were looked at; the others were not.${later}`
    : `Equal: ${showNoun(equal, "row")} of ${showNoun(tables.length, "table")}, value by value.${later}`;
}
