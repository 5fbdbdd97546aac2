import type { Candidate } from "../../commands/init/find-candidates.js";
import type { PlannedFile } from "../../commands/init/plan-files.js";
import { SyncError } from "../../model/errors.js";
import { renderColumns, type Column } from "./columns.js";
import { showBytes, showCount, showNoun } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";

const KINDS = { r: "table", p: "partitioned table", v: "view", m: "materialized view" } as const;

/** As `--table` names it. */
export function nameOf({ listed: { schema, name } }: Candidate): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

/** `table, about 4,500 rows, 3.4 MiB`. */
export function describeSize({ listed: { kind, rows, bytes } }: Candidate): string {
  return [
    KINDS[kind],
    ...(rows === null ? [] : [`about ${showNoun(Math.round(rows), "row")}`]),
    ...(bytes === 0 ? [] : [showBytes(bytes)]),
  ].join(", ");
}

const COLUMNS: readonly Column[] = [
  { head: "relation", align: "left" },
  { head: "kind", align: "left" },
  { head: "rows", align: "right" },
  { head: "size", align: "right" },
  { head: "key", align: "left" },
];

/**
 * What there is, and what could be mirrored.
 * @param watched whether somebody watched what changes, and wants to hear of it
 */
export function renderCandidates(candidates: readonly Candidate[], watched: boolean, paint: Paint): string {
  if (candidates.length === 0) return "There is no table that this role can read.";
  const rows = candidates.map((candidate) => {
    const { listed, resolved } = candidate;
    return [
      nameOf(candidate),
      KINDS[listed.kind],
      listed.rows === null ? "-" : showCount(Math.round(listed.rows)),
      listed.bytes === 0 ? "-" : showBytes(listed.bytes),
      resolved instanceof SyncError ? paint.yellow("not as it is") : resolved.keyColumns.join(", "),
    ];
  });
  const refused = candidates.flatMap((candidate) => {
    const { resolved } = candidate;
    return resolved instanceof SyncError
      ? [{ name: nameOf(candidate), lines: [resolved.message, resolved.remedy] }]
      : [];
  });
  const remarks = candidates
    .filter(({ proposal }) => watched && proposal.remarks.length > 0)
    .map((candidate) => ({ name: nameOf(candidate), lines: candidate.proposal.remarks }));
  return [
    renderColumns(
      COLUMNS.map(({ head, align }) => ({ head: paint.dim(head), align })),
      rows,
      paint,
    ),
    ...renderEntries("Not as they are", refused),
    ...renderEntries("Proposed", remarks),
    "",
    paint.bold(
      "datahub-sync init --table NAME … writes the configuration; --all takes all that can be mirrored.",
    ),
  ].join("\n");
}

/** What was chosen, what is to be known of it, and what is written. */
export function renderFiles(
  chosen: readonly Candidate[],
  files: readonly PlannedFile[],
  paint: Paint,
): string {
  const tables = chosen.map((candidate) => {
    const { resolved, proposal } = candidate;
    const key = resolved instanceof SyncError ? "" : `by ${resolved.keyColumns.join(", ")}`;
    const compared =
      resolved instanceof SyncError || resolved.untrackable === null
        ? []
        : [`compared as a whole by each run: ${resolved.untrackable}`];
    return {
      name: nameOf(candidate),
      lines: [`${describeSize(candidate)}, ${key}`, ...compared, ...proposal.remarks],
    };
  });
  // A view's rows are tracked in its table, which may be mirrored itself.
  const tracked = new Set(
    chosen.flatMap(({ resolved }) =>
      resolved instanceof SyncError || resolved.untrackable !== null
        ? []
        : [`${resolved.base.schema}.${resolved.base.name}`],
    ),
  ).size;
  const inPostgres = `nothing now; \`migrate\` will add the schema datahub_sync, and triggers to ${showNoun(tracked, "table")}`;
  return [
    ...renderEntries(paint.bold("Tables"), tables),
    ...renderEntries(paint.bold("Files"), [
      ...files.map(describeFile),
      { name: "in Postgres", lines: [inPostgres] },
    ]),
  ]
    .join("\n")
    .trimStart();
}

function describeFile(file: PlannedFile): { name: string; lines: string[] } {
  if (file.action === "by-hand")
    return {
      name: file.path,
      lines: file.lines.map((line, place) => (place === 0 ? `by hand: ${line}` : `         ${line}`)),
    };
  return {
    name: file.path,
    lines: [file.action === "create" ? "new" : "the default tables give way to these"],
  };
}

export function renderWritten(files: readonly PlannedFile[], paint: Paint): string {
  const written = files.filter(({ action }) => action !== "by-hand").map(({ path }) => path);
  const byHand = files.filter(({ action }) => action === "by-hand").map(describeFile);
  return [
    ...(written.length === 0 ? [] : [`Written: ${written.join(", ")}.`]),
    ...renderEntries(paint.yellow("By hand"), byHand),
    "",
    "Then:",
    "  npx convex env set CONVEX_SYNC_AUTH_KEY              asks for the key; the one of your .env",
    "  npx convex deploy",
    "  npx datahub-sync migrate --dry-run                   each statement, to read first",
    "  npx datahub-sync migrate",
    "  npx datahub-sync sync",
    "  npx datahub-sync verify",
  ]
    .join("\n")
    .trimStart();
}

/** For machines: what there is, what was chosen, and what became of the files. */
export function toJson(
  candidates: readonly Candidate[],
  chosen: readonly Candidate[],
  files: readonly PlannedFile[],
  written: boolean,
): object {
  return {
    relations: candidates.map((candidate) => {
      const { listed, resolved, proposal, config } = candidate;
      const { kind, rows, bytes } = listed;
      const isRefused = resolved instanceof SyncError;
      return {
        relation: nameOf(candidate),
        kind: KINDS[kind],
        rows,
        bytes,
        mirror: config.name,
        key: isRefused ? null : resolved.keyColumns,
        compared: isRefused ? null : resolved.untrackable !== null,
        ...proposal,
        problem: isRefused
          ? { code: resolved.code, message: resolved.message, remedy: resolved.remedy }
          : null,
      };
    }),
    chosen: chosen.map(nameOf),
    files: files.map(({ path, action }) => ({ path, action })),
    written,
  };
}
