import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { LIMITS, PROTOCOL_VERSION } from "../../convex/datahubSync/protocol.js";
import {
  expectRefusal,
  row,
  SYNC_KEY,
  functions,
  startTestDeployment,
  type TestDeployment,
} from "./test-deployment.js";

let mirror: TestDeployment;
beforeEach(async () => {
  mirror = startTestDeployment();
  await mirror.begin();
});

const plant = (...keys: string[]) => mirror.apply({ upserts: keys.map((key) => row(key, "planted")) });
const byUtf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

async function everyPage<Page, At>(
  first: At,
  read: (at: At) => Promise<Page>,
  next: (page: Page) => At | undefined,
) {
  const pages: Page[] = [];
  for (let at: At | undefined = first; at !== undefined; at = next(pages.at(-1)!)) pages.push(await read(at));
  return pages;
}

describe("listLedger", () => {
  const allKeys = async (limit: number) => {
    const pages = await everyPage(
      null as string | null,
      (after) => mirror.listLedger(after, limit),
      ({ entries, done }) => (done ? undefined : (entries.at(-1)?.key ?? "")),
    );
    for (const page of pages) expect(page.entries.length).toBeLessThanOrEqual(limit);
    return pages.flatMap(({ entries }) => entries.map(({ key }) => key));
  };

  it("is empty and done for an empty mirror", async () => {
    expect(await mirror.listLedger()).toEqual({ entries: [], done: true });
  });

  it("gives keys and hashes of one table", async () => {
    await plant("b", "a");
    await mirror.begin({ table: "sow_drops" });
    await mirror.apply({ table: "sow_drops", upserts: [row("c", "planted")] });
    const hash = "hash of planted";
    expect(await mirror.listLedger()).toEqual({
      entries: [
        { key: "a", hash },
        { key: "b", hash },
      ],
      done: true,
    });
  });

  it("begins after the key it is given, which need not exist", async () => {
    await plant("a", "c", "e");
    expect((await mirror.listLedger("c")).entries.map(({ key }) => key)).toEqual(["e"]);
    expect((await mirror.listLedger("d")).entries.map(({ key }) => key)).toEqual(["e"]);
    expect((await mirror.listLedger("")).entries).toHaveLength(3);
    expect(await mirror.listLedger("e")).toEqual({ entries: [], done: true });
  });

  it("orders by UTF-8 bytes, not by UTF-16 units", async () => {
    // U+FF5A sorts above U+1F600 in UTF-16, where the latter begins with D83D, and below it in UTF-8.
    await plant("\u{1F600}", "\uFF5A", "z", "Z", "é", "");
    expect(await allKeys(1)).toEqual(["", "Z", "z", "é", "\uFF5A", "\u{1F600}"]);
  });

  it("pages through any keys once each, in the order of their bytes", async () => {
    const keys = fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 8 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(keys, fc.integer({ min: 1, max: 13 }), async (some, limit) => {
        mirror = startTestDeployment();
        await mirror.begin();
        await plant(...some);
        expect(await allKeys(limit)).toEqual([...some].sort(byUtf8));
      }),
      { numRuns: 60 },
    );
  });
});

describe("listDocuments", () => {
  it("gives documents in the order of their creation, with what the ledger says of each", async () => {
    await plant("b", "a");
    const stranger = await mirror.insertStranger("left by an earlier attempt");
    const { entries, done, cursor } = await mirror.listDocuments();
    expect({ done, cursor }).toEqual({ done: true, cursor: null });
    const [b, a] = await mirror.documents();
    const hash = "hash of planted";
    expect(entries).toEqual([
      { id: b!._id, ledger: { key: "b", hash }, document: { id: "b", status: "planted" } },
      { id: a!._id, ledger: { key: "a", hash }, document: { id: "a", status: "planted" } },
      { id: stranger, ledger: null, document: { status: "left by an earlier attempt" } },
    ]);
  });

  it("cuts pages by rows and by bytes, and loses none", async () => {
    await plant("a", "b", "c", "d", "e");
    const allKeys = async (limit: number, maxBytes: number) => {
      const pages = await everyPage(
        null as string | null,
        (cursor) => mirror.listDocuments(cursor, limit, maxBytes),
        ({ cursor, done }) => (done ? undefined : cursor),
      );
      return pages
        .map(({ entries }) => entries.map(({ ledger }) => ledger?.key).join(""))
        .filter((page) => page);
    };
    expect(await allKeys(2, 1_000_000)).toEqual(["ab", "cd", "e"]);
    // A document here has about 100 bytes; one at least is on each page.
    expect(await allKeys(5, 1)).toEqual(["a", "b", "c", "d", "e"]);
    expect(await allKeys(5, 150)).toEqual(["ab", "cd", "e"]);
  });
});

describe("listMissing", () => {
  const wipe = async (...keys: string[]) => {
    for (const { _id, id } of await mirror.documents()) if (keys.includes(id!)) await mirror.wipe(_id);
  };

  it("names the keys whose documents are gone", async () => {
    await plant("a", "b", "c", "d");
    expect(await mirror.listMissing()).toEqual({ missing: [], after: null });
    await wipe("d", "b");
    expect(await mirror.listMissing()).toEqual({ missing: ["b", "d"], after: null });
    expect(await mirror.listMissing("b")).toEqual({ missing: ["d"], after: null });
  });

  it("looks at no more than `limit` entries, and says where it stopped", async () => {
    await plant("a", "b", "c");
    await wipe("a", "c");
    expect(await mirror.listMissing(null, 2)).toEqual({ missing: ["a"], after: "b" });
    expect(await mirror.listMissing("b", 2)).toEqual({ missing: ["c"], after: null });
    expect(await mirror.listMissing(null, 3)).toEqual({ missing: ["a", "c"], after: "c" });
    expect(await mirror.listMissing("c", 3)).toEqual({ missing: [], after: null });
  });

  it("stops before it has read too many bytes for a transaction, and goes on from there", async () => {
    // Convex stops a transaction at 16 MiB read; 20 documents of nearly 1 MiB are more.
    const wide = startTestDeployment({ transactionLimits: true });
    await wide.begin();
    const keys = Array.from({ length: 20 }, (_, n) => `key ${String(n).padStart(2, "0")}`);
    for (const key of keys) {
      const document = { id: key, comments: "x".repeat(1_000_000) };
      await wide.apply({ upserts: [{ key, hash: "h", document }] });
    }
    const pages = await everyPage(
      null as string | null,
      (after) => wide.listMissing(after, 100),
      ({ after }) => after ?? undefined,
    );
    expect(pages.length).toBeGreaterThan(2);
    expect(pages.flatMap(({ missing }) => missing)).toEqual([]);

    const largest = await wide.listDocuments(null, 100, LIMITS.documentPageBytes);
    expect(largest.entries).toHaveLength(7);
    expect(largest.done).toBe(false);
  });
});

describe("lookupKeys", () => {
  it("names those of the keys that the ledger of this table holds, with their hashes, in the order asked for", async () => {
    await plant("a", "b", "c");
    await mirror.begin({ table: "sow_drops" });
    await mirror.apply({ table: "sow_drops", upserts: [row("d", "planted")] });
    await mirror.apply({ upserts: [row("c", "changed")] });
    const [changed, planted] = [row("c", "changed"), row("a", "planted")];
    expect(await mirror.lookupKeys(["c", "d", "x", "a"])).toEqual({
      present: [
        { key: "c", hash: changed.hash },
        { key: "a", hash: planted.hash },
      ],
    });
    expect(await mirror.lookupKeys([])).toEqual({ present: [] });
  });

  it("takes as many keys as the protocol says, and not one more", async () => {
    const keys = Array.from({ length: LIMITS.lookupKeys + 1 }, (_, n) => `key ${n}`);
    const bounded = startTestDeployment({ transactionLimits: true });
    expect(await bounded.lookupKeys(keys.slice(1))).toEqual({ present: [] });
    await expectRefusal(bounded.lookupKeys(keys), "BAD_REQUEST");
  });
});

describe("readDocuments", () => {
  it("gives what ledger and table hold of the keys, and says which documents are gone", async () => {
    await plant("a", "b", "c");
    const [first] = await mirror.documents();
    await mirror.wipe(first!._id);
    const { found, covered } = await mirror.readDocuments(["c", "x", "a"]);
    const { hash } = row("a", "planted");
    expect(covered).toBe(3);
    expect(found).toEqual([
      { key: "c", hash, document: { id: "c", status: "planted" } },
      { key: "a", hash, document: null },
    ]);
    expect(await mirror.readDocuments([])).toEqual({ found: [], covered: 0 });
  });

  it("stops where a transaction could not read more, and goes on from there", async () => {
    const wide = startTestDeployment({ transactionLimits: true });
    await wide.begin();
    const keys = Array.from({ length: 20 }, (_, n) => `key ${String(n).padStart(2, "0")}`);
    for (const key of keys) await wide.apply({ upserts: [row(key, "x".repeat(900_000))] });
    const seen: string[] = [];
    let calls = 0;
    while (seen.length < keys.length) {
      const { found, covered } = await wide.readDocuments(keys.slice(seen.length));
      expect(found.map(({ key }) => key)).toEqual(keys.slice(seen.length, seen.length + covered));
      seen.push(...found.map(({ key }) => key));
      calls += 1;
    }
    expect(calls).toBe(3);
  });

  it("takes as many keys as the protocol says, and not one more", async () => {
    const keys = Array.from({ length: LIMITS.lookupKeys + 1 }, (_, n) => `key ${n}`);
    const bounded = startTestDeployment({ transactionLimits: true });
    expect(await bounded.readDocuments(keys.slice(1))).toEqual({ found: [], covered: LIMITS.lookupKeys });
    await expectRefusal(bounded.readDocuments(keys), "BAD_REQUEST");
  });
});

describe.each([0, -1, 1.5, NaN, 10_000_000])("a page limit of %d", (outOfRange) => {
  it("is refused", async () => {
    await expectRefusal(mirror.listLedger(null, outOfRange), "BAD_REQUEST");
    await expectRefusal(mirror.listDocuments(null, outOfRange), "BAD_REQUEST");
    await expectRefusal(mirror.listDocuments(null, 10, outOfRange), "BAD_REQUEST");
    await expectRefusal(mirror.listMissing(null, outOfRange), "BAD_REQUEST");
  });
});

describe("handshake", () => {
  it("tells what the deployment mirrors, and with which fields", async () => {
    const { protocol, mirrors } = await mirror.t.query(functions.handshake, {
      syncKey: SYNC_KEY,
      tables: ["onemap_poles", "no_such_table", "datahubSyncLedger", "constructor"],
      sampleFrom: 0,
    });
    expect(protocol).toBe(PROTOCOL_VERSION);
    expect(mirrors.map(({ table, deployed }) => [table, deployed])).toEqual([
      ["onemap_poles", true],
      ["no_such_table", false],
      ["datahubSyncLedger", false],
      ["constructor", false],
    ]);
    expect(mirrors[0]!.fields).toContain("property_id");
    expect(mirrors[0]!.fields).not.toContain("sync_timestamp");
    expect(mirrors.map(({ indexes }) => indexes)).toEqual([[["property_id"]], [], [], []]);
    expect(mirrors[0]).toMatchObject({ state: null, rows: 0, ledgerSample: "empty", tableEmpty: true });
    expect(mirrors[1]).toMatchObject({
      fields: null,
      state: null,
      rows: 0,
      ledgerSample: "empty",
      tableEmpty: true,
    });
  });

  it("tells a mirror from one wiped behind our back, and from strangers in its table", async () => {
    expect(await mirror.handshake()).toMatchObject({ ledgerSample: "empty", tableEmpty: true });
    const stranger = await mirror.insertStranger("left by an earlier attempt");
    expect(await mirror.handshake()).toMatchObject({ ledgerSample: "empty", tableEmpty: false });
    await plant("a");
    expect(await mirror.handshake()).toMatchObject({ ledgerSample: "present", tableEmpty: false, rows: 1 });
    const planted = (await mirror.documents()).find(({ id }) => id === "a")!;
    await mirror.wipe(planted._id);
    expect(await mirror.handshake()).toMatchObject({ ledgerSample: "missing", tableEmpty: false, rows: 1 });
    await mirror.wipe(stranger);
    expect(await mirror.handshake()).toMatchObject({ ledgerSample: "missing", tableEmpty: true });
  });

  it("covers no more tables than one transaction has index ranges for", async () => {
    const tables = (n: number) => Array.from({ length: n }, (_, i) => `table_${i}`);
    const shake = (n: number) =>
      mirror.t.query(functions.handshake, { syncKey: SYNC_KEY, tables: tables(n), sampleFrom: 0 });
    expect((await shake(LIMITS.mirrors)).mirrors).toHaveLength(LIMITS.mirrors);
    await expectRefusal(shake(LIMITS.mirrors + 1), "BAD_REQUEST");
  });
});
