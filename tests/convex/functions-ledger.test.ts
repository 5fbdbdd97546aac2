import { getDocumentSize } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mirrorNumber, requireDistinctNumbers } from "../../convex/datahubSync/mirrorNumber.js";
import { createMirrorDeployment } from "../../local/convex/mirror-deployment.js";
import { ledgerNumber } from "../../local/oracle/ledger-number.js";

const syncKey = "a key for tests";
/** A uuid, as all keys of the default tables. */
const key = (row: number) => `00000000-0000-0000-0000-${String(row).padStart(12, "0")}`;
/** As long as the hash that Postgres computes. */
const HASH = "n4bQgYhMfWWaL+qgxVrQFa";

async function startRun(tables: string[]) {
  const deployment = createMirrorDeployment({ syncKey });
  const run = { syncKey, epoch: 1n, nonce: "first" };
  await deployment.runMutation("datahubSync:beginRuns", {
    ...run,
    tables,
    lineage: "source",
    takeOver: false,
  });
  deployment.resetUsage();
  const apply = (table: string, change: object) =>
    deployment.runMutation("datahubSync:applyBatch", {
      ...run,
      fence: 0n,
      slot: 0,
      table,
      upserts: [],
      deletions: [],
      orphans: [],
      force: false,
      ...change,
    });
  const insert = (table: string, rows: number) =>
    apply(table, {
      upserts: Array.from({ length: rows }, (_, row) => ({
        key: key(row),
        hash: HASH,
        document: { id: key(row) },
      })),
    });
  return { deployment, apply, insert, entries: () => [...deployment.tableDocuments("datahubSyncLedger")] };
}

describe("the ledger", () => {
  it("costs at most 275 bytes written and 150 stored a row beside its key, however long the table's name", async () => {
    const { deployment, insert, entries } = await startRun(["onemap_installations"]);
    await insert("onemap_installations", 100);
    const keyBytes = key(0).length;
    const { bytesWritten } = deployment.usage().byTable["datahubSyncLedger"]!;
    // The key stands in the entry and in one of its indexes.
    expect(bytesWritten / 100 - 2 * keyBytes).toBeLessThanOrEqual(275);
    for (const { _id, _creationTime, ...entry } of entries()) {
      expect(getDocumentSize(entry) - keyBytes).toBeLessThanOrEqual(150);
    }
  });

  it("keeps the rows of mirrors apart that have the same keys", async () => {
    const { deployment, apply, insert, entries } = await startRun(["sow_poles", "sow_drops"]);
    await insert("sow_poles", 3);
    await insert("sow_drops", 2);
    expect(await apply("sow_poles", { deletions: [key(0), key(1)] })).toMatchObject({ deleted: 2 });
    const left = entries().map(({ m, k }) => [m, k]);
    expect(left).toEqual([
      [mirrorNumber("sow_poles"), key(2)],
      [mirrorNumber("sow_drops"), key(0)],
      [mirrorNumber("sow_drops"), key(1)],
    ]);
    const page = { syncKey, table: "sow_drops", after: null, limit: 10 };
    expect(await deployment.runQuery("datahubSync:listLedger", page)).toMatchObject({
      entries: [{ key: key(0) }, { key: key(1) }],
    });
    expect([deployment.tableSize("sow_poles"), deployment.tableSize("sow_drops")]).toEqual([1, 2]);
  });
});

describe("the number of a mirror", () => {
  it("is for ever what it is: entries are stored by it", () => {
    // 64 bits of FNV-1a by its reference: "" cbf29ce484222325, "a" af63dc4c8601ec8c, "foobar" 85944171f73967e8.
    expect(mirrorNumber("")).toBe(Number(0xcbf29ce484222325n >> 11n));
    expect(mirrorNumber("a")).toBe(Number(0xaf63dc4c8601ec8cn >> 11n));
    expect(mirrorNumber("foobar")).toBe(Number(0x85944171f73967e8n >> 11n));
  });

  it("is a whole number that a double holds, and what another computation of it gives", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,63}$/), (name) => {
        expect(Number.isSafeInteger(mirrorNumber(name))).toBe(true);
        expect(ledgerNumber(name)).toBe(mirrorNumber(name));
      }),
    );
  });

  it("differs for a hundred thousand names, and a deploy fails where two names had the same", () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `table_${i.toString(36)}`);
    expect(() => requireDistinctNumbers(names)).not.toThrow();
    // No two names are known that do, so one stands for both.
    expect(() => requireDistinctNumbers(["sow_poles", "sow_drops", "sow_poles"])).toThrow(
      "cannot both be mirrored",
    );
  });
});
