import { compareValues, getDocumentSize, type Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareIndexed } from "../../local/convex/order.js";
import { createDeployment } from "./local-fixture.js";

const nested = (levels: number): Value => (levels === 0 ? 1 : { a: nested(levels - 1) });
const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1]));
const MiB = 1 << 20;

describe("limits of documents", () => {
  const add = (value: unknown) =>
    createDeployment().runMutation("notes:addAnything", { value: value as Value });
  const empty = getDocumentSize({ text: "" });

  it.each<[string, unknown, RegExp]>([
    ["over 1 MiB", { text: "x".repeat(MiB - empty + 1) }, /too large/],
    ["over 1 MiB in UTF-8", { text: "é".repeat((MiB - empty) / 2 + 1) }, /too large/],
    ["17 levels deep", nested(17), /too nested/],
    ["1,025 fields in an object", { a: fields(1025) }, /too many fields/],
    ["8,193 items in an array", { a: Array.from({ length: 8193 }, () => null) }, /too long/],
    ["a field that starts with an underscore", { _a: 1 }, /Field name/],
    ["a field that is no identifier", { "a b": 1 }, /Field name/],
    ["a field of 65 characters", { ["a".repeat(65)]: 1 }, /Field name/],
    ["a nested key with a dollar", { a: { $b: 1 } }, /starts with a '\$'/],
    ["a nested key that is not ASCII", { a: { é: 1 } }, /non-control ASCII/],
    ["a nested key of 1,025 characters", { a: { ["k".repeat(1025)]: 1 } }, /maximum field name length/],
    ["a lone surrogate", { a: "\ud800" }, /Unicode/],
    ["its own _id", { _id: "x" }, /cannot set _id|Field name/],
  ])("refuses %s", async (_, value, message) => {
    await expect(add(value)).rejects.toThrow(message);
  });

  it.each<[string, unknown]>([
    ["exactly 1 MiB", { text: "x".repeat(MiB - empty) }],
    ["16 levels", nested(16)],
    ["1,024 fields in an object", { a: fields(1024) }],
    ["8,192 items", { a: Array.from({ length: 8192 }, () => null) }],
    ["a field of 64 characters", { ["a".repeat(64)]: 1 }],
    ["any printable nested key", { a: { "": 1, _b: 2, "c d~": 3 } }],
    ["pairs of surrogates", { a: "\u{1f600}" }],
  ])("accepts %s", async (_, value) => {
    await expect(add(value)).resolves.toBeTypeOf("string");
  });

  it("drops a key __proto__ silently, as Convex's client does", async () => {
    const deployment = createDeployment();
    const value = JSON.parse('{"a": 1, "nested": {"__proto__": 2, "b": 3}}') as Value;
    await deployment.runMutation("notes:addAnything", { value });
    const [document] = deployment.tableDocuments("anything");
    expect(document).toMatchObject({ a: 1, nested: { b: 3 } });
    expect(Object.keys(document!["nested"] as object)).toEqual(["b"]);
  });
});

describe("limits of a call", () => {
  it("refuses arguments and results over 16 MiB", async () => {
    const deployment = createDeployment();
    await expect(deployment.runQuery("notes:echo", { value: "x".repeat(16 * MiB) })).rejects.toThrow(
      "Arguments for notes:echo are too large",
    );
    await expect(deployment.runQuery("notes:echo", { value: nested(64) })).rejects.toThrow("too nested");
    await expect(deployment.runQuery("notes:echo", { value: nested(63) })).resolves.toBeTypeOf("object");
  });

  it("refuses the 4,097th range, the 32,001st document read and the 16,001st written", async () => {
    const deployment = createDeployment();
    await deployment.runQuery("notes:readMany", { count: 4096 });
    await expect(deployment.runQuery("notes:readMany", { count: 4097 })).rejects.toThrow("limit: 4096");

    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `${i}` }));
    for (const size of [8000, 8000, 8000, 8000]) {
      await deployment.runMutation("notes:addMany", { notes: many(size) });
    }
    expect(await deployment.runQuery("notes:all", { order: "asc", count: true })).toBe(32_000);
    await deployment.runMutation("notes:addMany", { notes: many(1) });
    await expect(deployment.runQuery("notes:all", { order: "asc", count: true })).rejects.toThrow(
      "limit: 32000",
    );
    await expect(deployment.runMutation("notes:addTimes", { times: 16_001 })).rejects.toThrow("limit: 16000");
    expect(deployment.tableSize("notes")).toBe(32_001);
  }, 30_000);

  it("refuses to read or write more than 16 MiB", async () => {
    const deployment = createDeployment();
    const text = "x".repeat(1_000_000);
    await expect(deployment.runMutation("notes:addTimes", { times: 17, text })).rejects.toThrow(
      "Too many bytes written",
    );
    await deployment.runMutation("notes:addTimes", { times: 16, text });
    await deployment.runMutation("notes:addTimes", { times: 1, text });
    await expect(deployment.runQuery("notes:all", { order: "asc", count: true })).rejects.toThrow(
      "Too many bytes read",
    );
  });

  it("tells a function what it has used", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:addMany", { notes: [{ key: "a" }, { key: "b" }] });
    const metrics = await deployment.runQuery("notes:metrics");
    expect(metrics).toMatchObject({
      documentsRead: { used: 2, remaining: 31_998 },
      databaseQueries: { used: 1, remaining: 4095 },
      documentsWritten: { used: 0, remaining: 16_000 },
    });
  });

  it("can give a function so much time and no more", async () => {
    let now = 0;
    const clock = {
      now: () => (now += 300),
      random: () => 0,
      uuid: () => crypto.randomUUID(),
      sleep: async () => {},
    };
    const deployment = createDeployment({ clock, userTimeoutMs: 1000 });
    await expect(deployment.runQuery("notes:readMany", { count: 10 })).rejects.toThrow("timed out");
    await expect(deployment.runQuery("notes:readMany", { count: 0 })).resolves.toBeNull();
  });
});

describe("the order of index values", () => {
  it("is that of compareValues", () => {
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b", "\uffff", "\ud7ff", "\u{10000}", "\u{1f600}") }),
      fc.double(),
      fc.constantFrom(0, -0, NaN, null, undefined, true, 1n),
      fc.array(fc.integer()),
    );
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(Math.sign(compareIndexed(a, b))).toBe(Math.sign(compareValues(a, b)));
      }),
      { numRuns: 2000 },
    );
  });
});
