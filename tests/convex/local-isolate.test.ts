import { describe, expect, it } from "vitest";
import { mirrorNumber } from "../../convex/datahubSync/mirrorNumber.js";
import type { Value } from "convex/values";
import { CallRefused, FunctionFailed } from "../../local/convex/errors.js";
import type { IsolateOptions } from "../../local/convex/isolate.js";
import { createMirrorDeployment } from "../../local/convex/mirror-deployment.js";

const SYNC_KEY = "a key for tests";
const TABLE = "sow_poles";

const numbers = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`field ${i}`, i + 0.5]));
const texts = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`field ${i}`, "x".repeat(length)]));

/** A mirror whose run has begun. */
async function open(isolate: IsolateOptions | null) {
  const deployment = createMirrorDeployment({ syncKey: SYNC_KEY, ...(isolate && { isolate }) });
  const call = (kind: "query" | "mutation", name: string, args: Record<string, Value>) =>
    deployment[kind === "query" ? "runQuery" : "runMutation"](`datahubSync:${name}`, {
      syncKey: SYNC_KEY,
      ...args,
    });
  const run = { table: TABLE, epoch: 1n, nonce: "run" };
  const { table, ...named } = run;
  await call("mutation", "beginRuns", { ...named, tables: [table], lineage: "source", takeOver: false });
  const apply = (documents: Record<string, Value>[]) =>
    call("mutation", "applyBatch", {
      ...run,
      fence: 0n,
      slot: 0,
      force: false,
      deletions: [],
      orphans: [],
      upserts: documents.map((document, i) => ({ key: `key ${i}`, hash: "h".repeat(22), document })),
    });
  const list = (name: string, args: Record<string, Value>) => call("query", name, { table: TABLE, ...args });
  return { deployment, apply, list };
}

const rows = (count: number, raw: Record<string, Value>) =>
  Array.from({ length: count }, (_, i) => ({ id: `row ${i}`, raw_data: raw }));

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe("own time", () => {
  it.each([
    ["165 wide rows", rows(165, texts(60, 100)), 59, 101],
    ["400 rows with 100 nested fields", rows(400, numbers(100)), 194, 251],
  ])("of a batch of %s is as measured", async (_, documents, leastMs, mostMs) => {
    const tight = await open({ maxOwnMs: leastMs });
    await expect(tight.apply(documents)).rejects.toThrow(FunctionFailed);
    expect(tight.deployment.tableSize(TABLE)).toBe(0);
    const wide = await open({ maxOwnMs: mostMs });
    await wide.apply(documents);
    expect(wide.deployment.tableSize(TABLE)).toBe(documents.length);
  });

  it("ends a function that catches everything, and tells nothing but that it failed", async () => {
    const { apply } = await open({ maxOwnMs: 20 });
    const error = await errorOf(apply(rows(100, numbers(100))));
    expect(error).toBeInstanceOf(FunctionFailed);
    expect((error as FunctionFailed).data).toBeUndefined();
  });
});

describe("the heap", () => {
  it("is too small for a page of 500 documents with 250 nested fields, but not for one of 400", async () => {
    const { deployment, list } = await open({});
    for (const row of rows(500, numbers(250))) deployment.insert(TABLE, row);
    const page = (limit: number) => list("listDocuments", { cursor: null, maxBytes: 6 << 20, limit });
    await expect(page(500)).rejects.toThrow(FunctionFailed);
    await expect(page(400)).resolves.toMatchObject({ done: false });
  });
});

describe("database time", () => {
  it("of a batch: look-ups are served 16 at a time, each write is a trip of its own", async () => {
    // 2 trips of 16 look-ups each for 16 keys, 2 for the token, 2 inserts a row, 2 for the count, and some.
    const { apply, deployment } = await open({ tripMs: 100, maxDatabaseMs: 4_500 });
    expect(await errorOf(apply(rows(24, {})))).toMatchObject({ status: 400, code: "SystemTimeoutError" });
    expect(deployment.tableSize(TABLE)).toBe(0);
    await apply(rows(16, {}));
    expect(deployment.tableSize(TABLE)).toBe(16);
  });

  it("at 20 ms a trip is too long for 400 rows and not for 200", async () => {
    const { apply } = await open({ tripMs: 20 });
    expect(await errorOf(apply(rows(400, {})))).toBeInstanceOf(CallRefused);
    await apply(rows(200, {}));
  });

  it("of reads one after the other is longer than of reads asked for together", async () => {
    const { apply, list } = await open({ tripMs: 20 });
    await apply(rows(200, {}));
    const slow = await open({ tripMs: 20, maxDatabaseMs: 1_000 });
    for (const { id } of rows(100, {})) slow.deployment.insert("datahubSyncLedger", entryOf(id));
    await expect(slow.list("lookupKeys", { keys: rows(300, {}).map(({ id }) => id) })).resolves.toBeDefined();
    expect(await errorOf(slow.list("listMissing", { after: null, limit: 100 }))).toMatchObject({
      code: "SystemTimeoutError",
    });
    await expect(slow.list("listMissing", { after: null, limit: 10 })).resolves.toBeDefined();
    await expect(list("listMissing", { after: null, limit: 200 })).resolves.toBeDefined();
  });
});

it("nothing of it is limited unless it is asked for", async () => {
  const { apply, deployment } = await open(null);
  await apply(rows(400, numbers(250)));
  expect(deployment.tableSize(TABLE)).toBe(400);
});

const entryOf = (key: string) => ({ m: mirrorNumber(TABLE), k: key, h: "h", d: "none" });
