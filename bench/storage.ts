import { getDocumentSize } from "convex/values";
import convexSchema from "../convex/schema.js";
import type { LocalStack } from "../local/start-local.js";
import { SOURCE_TABLES } from "../local/data/source-tables.js";
import { ratio, size, type Finding } from "./findings.js";
import { FREE_PLAN } from "./peers/free-plan.js";

type Deployment = LocalStack["deployment"];

/** What Convex bills as stored: every document, and once more for each index of its table. */
function storedBytes(deployment: Deployment, table: string, indexes: number): number {
  let bytes = 0;
  for (const document of deployment.tableDocuments(table)) {
    bytes += getDocumentSize(document);
  }
  return bytes * (1 + indexes);
}

const NAMES = SOURCE_TABLES.map(({ name }) => name);

function indexesOf(table: string): number {
  const tables = convexSchema.tables as Record<string, { " indexes"(): unknown[] }>;
  return tables[table]![" indexes"]().length;
}

const ledgerBytes = (deployment: Deployment) =>
  storedBytes(deployment, "datahubSyncLedger", indexesOf("datahubSyncLedger"));

/** The seven mirrors with the indexes that they have by default, and the ledger. */
export function storedByUs(deployment: Deployment): number {
  const mirrors = NAMES.map((name) => storedBytes(deployment, name, indexesOf(name)));
  return mirrors.reduce((sum, bytes) => sum + bytes, ledgerBytes(deployment));
}

/** The same tables of a peer, with the one index that it cannot do without. */
export function storedByPeer(deployment: Deployment): number {
  return NAMES.reduce((sum, name) => sum + storedBytes(deployment, name, 1), 0);
}

export function describeStorage(deployment: Deployment): Finding[] {
  const ledger = ledgerBytes(deployment);
  const mirrors = (more: number) =>
    NAMES.reduce((sum, name) => sum + storedBytes(deployment, name, indexesOf(name) + more), 0);
  const describe = (what: string, bytes: number): Finding => ({
    what: `stored in Convex: ${what}, against the free plan's 0.5 GB`,
    measured: size(bytes),
    against: size(FREE_PLAN.storedBytes),
    ratio: ratio(bytes, FREE_PLAN.storedBytes),
  });
  return [
    describe("mirrors with their default index, and the ledger", mirrors(0) + ledger),
    describe("the same with an index more a table", mirrors(1) + ledger),
    describe("the same without an index", mirrors(-1) + ledger),
    describe("of it, the ledger", ledger),
  ];
}
