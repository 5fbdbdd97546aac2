import { ERROR_CODE_ROWS } from "../../src/model/error-codes.js";
import { EXIT, EXIT_OF_ERROR } from "../../src/model/errors.js";
import { EXIT_CODE_ROWS } from "../../src/model/exit-codes.js";
import { NOTICE_CODE_ROWS } from "../../src/model/notice-codes.js";
import { REFUSAL_CODE_ROWS } from "../../src/model/refusal-codes.js";
import { code, inGroups, linkTo, table, wrap } from "./markdown.js";

/** Pages of the codes that scripts may match on, from the tables of src/model. */

export function exitCodesPage(): string {
  const meanings = EXIT_CODE_ROWS.map(([exitCode, { meaning }]) => [
    exitCode,
    meaning.replace(/^status/, "`status`"),
  ]);
  const todos = EXIT_CODE_ROWS.map(([exitCode, { todo, more }]) =>
    wrap([`- **${exitCode}**: ${todo}`, ...(more === undefined ? [] : [linkTo(more)])].join(": "), "  "),
  );
  return `# Exit codes

${table(["code", "meaning"], meanings)}

## What to do

${todos.join("\n")}

## Which one, where several apply

- 1 outweighs 5, and 5 outweighs 3; of \`status\`, 6 outweighs 5, and 5 outweighs 3.
- A table that fails leaves the others alone, unless the cause concerns all of them: no database, no deployment, a wrong key, a
  lost lease, a stop.
- A second Ctrl-C ends the process at once with 130 (143 for SIGTERM, 129 for SIGHUP), which loses nothing either.
- Started as \`node dist/src/cli/main.js\`, Node 20 itself answers a \`--env-file\` that does not exist (\`node: FILE: not found\`, exit
  code 9); \`node --\` in front of the path leaves it to us.
- A [dry run](../operations.md#dry-runs) exits 0 where it could look at every table, whatever it found.`;
}

export function errorsPage(): string {
  const sections = inGroups(ERROR_CODE_ROWS, ([, { group }]) => group).map(([group, rows]) =>
    [
      `## ${group}`,
      ...(rows.every(([errorCode]) => EXIT_OF_ERROR[errorCode] === EXIT.usage)
        ? ["Exit code 2: nothing was run."]
        : []),
      ...rows.map(([errorCode, row]) =>
        [`### ${code(errorCode)}`, wrap(row.means), wrap(`**What to do:** ${remedyOf(row)}`)].join("\n\n"),
      ),
    ].join("\n\n"),
  );
  return `# Errors by code

Each message says what happened, to which table, and what to do. \`--verbose\` adds causes and stack traces, without messages that
may quote values. The codes are stable. Where nothing else is said, the [exit code](exit-codes.md) is 1.

${sections.join("\n\n")}`;
}

function remedyOf({ remedy, more }: { remedy: string; more?: string }): string {
  return more === undefined ? remedy : `${remedy} More: ${linkTo(more)}.`;
}

export function noticesPage(): string {
  const sections = inGroups(NOTICE_CODE_ROWS, ([, { group }]) => group).map(([group, rows]) => {
    const cells = rows.map(([notice, { means, more }]) => [
      code(notice),
      means,
      more === undefined ? "" : linkTo(more),
    ]);
    return `## ${group}\n\n${table(["code", "means", "more"], cells)}`;
  });
  return `# Notices

A notice is no error: what a person should know though nothing failed. A run that has some may well exit 0. The codes are stable; they
stand in \`--json\` and in the log.

${sections.join("\n\n")}`;
}

export function setAsidePage(): string {
  const rows = REFUSAL_CODE_ROWS.map(([refusal, { means, helps }]) => [code(refusal), means, helps]);
  const other = [
    "another code",
    "Convex refused the row: its schema, usually",
    "does the deployed schema fit the column's type and encoding?",
  ];
  return `# Why a row is set aside

A row that Convex cannot hold without loss is [set aside](../operations.md#rows-that-are-set-aside); \`status\` lists it with one of these codes.

${table(["reason", "means", "what helps"], [...rows, other])}`;
}
