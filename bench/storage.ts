import { getDocumentSize } from "convex/values";
import convexSchema from "../convex/schema.js";
import type { LocalStack } from "../src/local/start-local.js";
import { SOURCE_TABLES } from "../src/local/data/source-tables.js";
import { ratio, size, type Finding } from "./findings.js";

/** Convex's free plan stores 0.5 GB. */
const PLAN_BYTES = 512_000_000;

type Deployment = LocalStack["deployment"];

/** What Convex bills as stored: every document, and once more for each index of its table. */
function storedBytes(deployment: Deployment, table: string, indexes: number): number {
  let bytes = 0;
  for (const document of deployment.tableDocuments(table)) {
    bytes += getDocumentSize(document);
  }
  return bytes * (1 + indexes);
}

export function describeStorage(deployment: Deployment): Finding[] {
  const indexesOf = (table: string) =>
    (convexSchema.tables as Record<string, { " indexes"(): unknown[] }>)[table]![" indexes"]().length;
  const names = SOURCE_TABLES.map(({ name }) => name);
  const ledger = storedBytes(deployment, "datahubSyncLedger", indexesOf("datahubSyncLedger"));
  const mirrors = (more: number) =>
    names.reduce((sum, name) => sum + storedBytes(deployment, name, indexesOf(name) + more), 0);
  const describe = (what: string, bytes: number): Finding => ({
    what: `stored in Convex: ${what}, against the free plan's 0.5 GB`,
    measured: size(bytes),
    against: size(PLAN_BYTES),
    ratio: ratio(bytes, PLAN_BYTES),
  });
  return [
    describe("mirrors with their default index, and the ledger", mirrors(0) + ledger),
    describe("the same with an index more a table", mirrors(1) + ledger),
    describe("the same without an index", mirrors(-1) + ledger),
    describe("of it, the ledger", ledger),
  ];
}
