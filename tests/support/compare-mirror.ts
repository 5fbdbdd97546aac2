import type { Sql } from "postgres";
import { expect } from "vitest";
import type { LocalDeployment } from "../../local/convex/deployment.js";
import { compareTable } from "../../local/oracle/compare-table.js";
import { describeTable } from "../../local/oracle/describe-table.js";
import { withPinned } from "../../local/oracle/mirrored-table.js";
import type { MirrorConfig } from "../../src/model/config.js";

/** Fails unless every document is its row, every row has its document, and the ledger says the same. */
export async function compareMirror(
  pool: Sql,
  deployment: LocalDeployment,
  { relation, name, key, ignore, exclude, columns }: MirrorConfig,
): Promise<void> {
  const { differences, missing } = await withPinned(pool, async (sql) => {
    const options = { key, without: [...ignore, ...exclude], columns };
    const table = await describeTable(sql, { relation: relation.name, mirror: name, ...options });
    return compareTable(sql, table, deployment, { showsValues: true });
  });
  expect({ differences, missing }).toEqual({ differences: [], missing: [] });
}
