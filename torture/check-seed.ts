import { checkHistories } from "./check-histories.js";
import { checkLimits } from "./check-limits.js";
import { checkLog } from "./check-log.js";
import { compareTable } from "../local/oracle/compare-table.js";
import { asMirroredNow } from "./extra-columns.js";
import { findLeaks } from "./secrets.js";
import { checkSetAside } from "./set-aside.js";
import type { Setup } from "./setup.js";

export interface SeedFacts {
  /** A text of values alone. */
  planted: string;
  restarts: number;
}

/** Compares both sides when all is over, for every deployment, and checks what runs have said on the way. */
export async function checkBothSides(setup: Setup, { planted, restarts }: SeedFacts): Promise<string[]> {
  const failures: string[] = [];
  const sql = setup.connect();
  try {
    for (const { tables, deployment, watch, start } of setup.targets) {
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
    if (setup.targets.length > 1) failures.push(...(await checkLog(setup)));
    failures.push(
      ...(await findLeaks(setup.folder, sql, [
        ...setup.targets.map(({ syncKey }) => ({ name: "the sync key", text: syncKey })),
        { name: "the connection string", text: setup.url },
        { name: "the database's password", text: decodeURIComponent(new URL(setup.url).password) },
        { name: "a row's value", text: planted },
      ])),
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
  return failures;
}
