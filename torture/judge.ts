import { checkHistories } from "./check-histories.js";
import { checkLimits } from "./check-limits.js";
import { checkLog } from "./check-log.js";
import { compareTable } from "../local/oracle/compare-table.js";
import { asMirroredNow } from "./extra-columns.js";
import { findLeaks } from "./secrets.js";
import { checkSetAside } from "./set-aside.js";
import type { Stage } from "./stage.js";

export interface Trial {
  /** A text of values alone. */
  planted: string;
  restarts: number;
}

/** Holds both sides against each other, when all is over: every deployment, and what was said on the way. */
export async function judge(stage: Stage, { planted, restarts }: Trial): Promise<string[]> {
  const failures: string[] = [];
  const sql = stage.connect();
  try {
    for (const { tables, deployment, watch, start } of stage.targets) {
      failures.push(...watch.failures, ...checkLimits(deployment));
      const status = await start(["status", "--json"]).ended;
      for (const table of tables) {
        const { differences, missing } = await compareTable(
          sql,
          await asMirroredNow(sql, table),
          deployment,
          {
            showsValues: true,
          },
        );
        failures.push(
          ...differences.map(
            ({ key, column, what }) =>
              `${table.mirror} ${key}${column === null ? "" : `, ${column}`}: ${what}`,
          ),
        );
        failures.push(...(await checkSetAside(sql, table, missing, status.stdout)));
      }
      failures.push(...(await checkHistories(sql, watch, { crashed: restarts > 0 })));
    }
    if (stage.targets.length > 1) failures.push(...(await checkLog(stage)));
    failures.push(
      ...(await findLeaks(stage.folder, sql, [
        ...stage.targets.map(({ syncKey }) => ({ name: "the sync key", text: syncKey })),
        { name: "the connection string", text: stage.url },
        { name: "the database's password", text: decodeURIComponent(new URL(stage.url).password) },
        { name: "a row's value", text: planted },
      ])),
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
  return failures;
}
