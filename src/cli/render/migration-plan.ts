import type { MigrationPlan, PlannedStatement } from "../../commands/migration-plan.js";
import { showNoun } from "./human.js";
import type { Paint } from "./paint.js";

/** What `migrate --dry-run` prints: a script of SQL, and in comments what is no SQL. */
export function renderMigrationPlan(plan: MigrationPlan, paint: Paint): string {
  const { pending, statements, tables, effects } = plan;
  const comment = (text: string) =>
    paint.dim(
      text
        .split("\n")
        .map((line) => `-- ${line}`.trimEnd())
        .join("\n"),
    );
  const changing = statements.filter(({ changes }) => changes);
  const idle = statements.length - changing.length;
  const failed = tables.filter(({ error }) => error !== undefined);
  const head =
    changing.length === 0 && failed.length === 0
      ? `Dry run: nothing is written. Nothing is to be done: the schema datahub_sync is up to date, and ${idle === 1 ? "the table is" : "all tables are"} tracked as configured.`
      : `Dry run: nothing is written. \`migrate\` would run ${showNoun(changing.length, "statement")}.`;
  return [
    comment(head),
    ...(changing.length > 0 && idle > 0
      ? [
          comment(
            `${showNoun(idle, "table is", "tables are")} tracked as configured already: nothing is done there.`,
          ),
        ]
      : []),
    ...(pending.length === 0
      ? []
      : ["", comment(`${showNoun(pending.length, "migration")}, in one transaction:`), "BEGIN;"]),
    ...changing.flatMap((statement, place) => script(statement, changing[place - 1], comment)),
    ...(pending.length > 0 && changing.at(-1)?.table === null ? ["COMMIT;"] : []),
    ...failed.flatMap(({ table, error }) => [
      "",
      `${comment(`${table}: would fail.`)} ${paint.red(error!.code)}`,
      comment(`${error!.message}\n${error!.remedy}`),
    ]),
    ...(effects.length === 0
      ? []
      : [
          "",
          comment("What will mean something else afterwards:"),
          ...effects.map(({ message }) => comment(`* ${message}`)),
        ]),
  ].join("\n");
}

function script(
  statement: PlannedStatement,
  before: PlannedStatement | undefined,
  comment: (text: string) => string,
): string[] {
  const { migration, table, sql } = statement;
  const text = /;\s*$/.test(sql) ? sql.trimEnd() : `${sql};`;
  if (table !== null) {
    const ends = before !== undefined && before.table === null ? ["COMMIT;"] : [];
    return [...ends, "", comment(`${table}:`), text];
  }
  const begins = migration !== null && before?.migration !== migration ? ["", comment(`${migration}:`)] : [];
  return [...begins, text];
}
