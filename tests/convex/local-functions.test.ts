import { defineSchema, defineTable } from "convex/server";
import { ConvexError, v } from "convex/values";
import { describe, expect, it } from "vitest";
import { DeployRefused } from "../../local/convex/errors.js";
import { createDeployment, notes, pause, schema } from "./local-fixture.js";

const withoutSystemFields = ({ _id, _creationTime, ...fields }: Record<string, unknown>) => fields;

describe("the local deployment runs functions", () => {
  it("inserts, reads by index, patches, replaces and deletes", async () => {
    const deployment = createDeployment();
    const id = (await deployment.runMutation("notes:add", {
      note: { key: "a", rank: 1, tags: ["x"] },
    })) as string;
    expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{32}$/);
    const read = async () =>
      withoutSystemFields((await deployment.runQuery("notes:get", { id })) as Record<string, unknown>);
    expect(await read()).toEqual({ key: "a", rank: 1, tags: ["x"] });
    await deployment.runMutation("notes:patchByKey", { key: "a", patch: { rank: 2n }, remove: ["tags"] });
    expect(await read()).toEqual({ key: "a", rank: 2n });
    await deployment.runMutation("notes:replaceByKey", { key: "a", note: { key: "b" } });
    expect(await read()).toEqual({ key: "b" });
    expect(await deployment.runMutation("notes:removeByKey", { key: "b" })).toBe(1);
    expect(await deployment.runQuery("notes:get", { id })).toBeNull();
  });

  it("gives rising creation times and ids that tell their table", async () => {
    const deployment = createDeployment();
    const keys = Array.from({ length: 100 }, (_, index) => ({ key: `${index}` }));
    await deployment.runMutation("notes:addMany", { notes: keys });
    const documents = [...deployment.tableDocuments("notes")];
    const times = documents.map((document) => document._creationTime);
    expect(new Set(times).size).toBe(100);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const id = documents[0]!._id;
    const normalize = (table: string, id: string) => deployment.runQuery("notes:normalize", { table, id });
    expect(await normalize("notes", id)).toBe(id);
    expect(await normalize("authors", id)).toBeNull();
    expect(await normalize("nowhere", id)).toBeNull();
    const misspelt = (id.startsWith("0") ? "1" : "0") + id.slice(1);
    expect(await normalize("notes", misspelt)).toBeNull();
    expect(await normalize("notes", "not an id")).toBeNull();
  });

  it("orders indexes as Convex does: undefined, null, int64, number, string", async () => {
    const deployment = createDeployment();
    const ranks = ["text", 2, 1n, null, undefined, -1, 5n, "a"];
    for (const rank of ranks) {
      await deployment.runMutation("notes:add", { note: { key: "k", ...(rank !== undefined && { rank }) } });
    }
    const above = async (order: string) =>
      ((await deployment.runQuery("notes:above", { rank: null, order })) as { rank?: unknown }[]).map(
        ({ rank }) => rank,
      );
    expect(await above("asc")).toEqual([1n, 5n, -1, 2, "a", "text"]);
    expect(await above("desc")).toEqual(["text", "a", 2, -1, 5n, 1n]);
  });

  it("rolls a failed mutation back, and passes a ConvexError's data on", async () => {
    const deployment = createDeployment();
    const failing = (how: string) => deployment.runMutation("notes:addThenThrow", { key: "a", how });
    await expect(failing("plain")).rejects.toThrow("Uncaught Error: after the insert");
    const error = await failing("convex").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConvexError);
    expect((error as ConvexError<never>).data).toEqual({ code: "AFTER_INSERT", count: 1n });
    expect(deployment.tableSize("notes")).toBe(0);
    expect(deployment.usage().documentsWritten).toBe(0);
  });

  it("rolls a failed nested mutation back alone", async () => {
    const deployment = createDeployment();
    expect(await deployment.runMutation("notes:addTwiceInside", { key: "a" })).toBe(1);
    expect(deployment.tableSize("notes")).toBe(1);
  });

  it("pages through an index and ends", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:addMany", { notes: ["a", "b", "c"].map((key) => ({ key })) });
    const page = async (cursor: string | null, order = "asc") =>
      (await deployment.runQuery("notes:page", { paginationOpts: { cursor, numItems: 2 }, order })) as {
        page: { key: string }[];
        isDone: boolean;
        continueCursor: string;
      };
    const first = await page(null);
    expect(first.page.map(({ key }) => key)).toEqual(["a", "b"]);
    expect(first.isDone).toBe(false);
    const second = await page(first.continueCursor);
    expect(second.page.map(({ key }) => key)).toEqual(["c"]);
    expect(second.isDone).toBe(true);
    expect((await page(second.continueCursor)).page).toEqual([]);
    await expect(page(first.continueCursor, "desc")).rejects.toThrow("InvalidCursor");
    await expect(
      deployment.runQuery("notes:twoPages", { paginationOpts: { cursor: null, numItems: 1 } }),
    ).rejects.toThrow("multiple paginated queries");
  });

  it("ends a page early where it has read all that it may", async () => {
    const deployment = createDeployment();
    const page = async (options: Record<string, number>, cursor: string | null = null) =>
      (await deployment.runQuery("notes:page", {
        paginationOpts: { cursor, numItems: 100, ...options },
        order: "asc",
      })) as { page: unknown[]; isDone: boolean; pageStatus: string | null; continueCursor: string };
    const text = "x".repeat(1_000_000);
    await deployment.runMutation("notes:addTimes", { times: 16, text });
    await deployment.runMutation("notes:addTimes", { times: 4, text });
    const first = await page({});
    expect(first).toMatchObject({ isDone: false, pageStatus: "SplitRequired" });
    expect(first.page).toHaveLength(16);
    const rest = await page({}, first.continueCursor);
    expect(rest).toMatchObject({ isDone: true, pageStatus: null });
    expect(rest.page).toHaveLength(4);
    expect(await page({ maximumRowsRead: 3 })).toMatchObject({
      page: [{}, {}, {}],
      pageStatus: "SplitRequired",
    });
    expect((await page({ maximumBytesRead: 1_500_000 })).page).toHaveLength(2);
    expect(await page({ numItems: 5 })).toMatchObject({ page: [{}, {}, {}, {}, {}], pageStatus: null });
    await expect(page({ numItems: 0 })).rejects.toThrow("at least 1 document");
    await expect(page({ numItems: 32_001 })).rejects.toThrow("Requested too many items");
  });

  it("keeps the environments of several deployments apart", async () => {
    const one = createDeployment({ env: { SECRET: "one" } });
    const two = createDeployment({ env: { SECRET: "two" } });
    const [first, second] = await Promise.all([one, two].map((each) => each.runQuery("notes:environment")));
    expect(first).toEqual({ before: "one", after: "one", path: null });
    expect(second).toEqual({ before: "two", after: "two", path: null });
    expect(process.env["SECRET"]).toBeUndefined();
    expect(process.env["PATH"]).toBeTruthy();
  });

  it("hides internal functions from all but admins", async () => {
    const deployment = createDeployment();
    await expect(deployment.runQuery("notes:internalCount")).rejects.toThrow(
      "Could not find public function for 'notes:internalCount'",
    );
    expect(await deployment.runQuery("notes:internalCount", {}, { admin: true })).toBe(0);
    await expect(deployment.runQuery("notes:add")).rejects.toThrow("Trying to execute notes:add as Query");
    await expect(deployment.runQuery("nowhere:nothing")).rejects.toThrow("Could not find public function");
  });

  it("validates arguments, results and documents", async () => {
    const deployment = createDeployment();
    const authors = deployment.insert("authors", { name: "A" });
    const add = (note: unknown) => deployment.runMutation("notes:add", { note: note as never });
    await add({ key: "a", author: authors, extra: { x: 1 } });
    await expect(add({ key: 1 })).rejects.toThrow(
      /ArgumentValidationError: .*v.string\(\)\.\nPath: \.note\.key/s,
    );
    await expect(add({})).rejects.toThrow("missing the required field `key`");
    await expect(add({ key: "a", other: 1 })).rejects.toThrow("extra field `other`");
    await expect(add({ key: "a", author: "x" })).rejects.toThrow('v.id("authors")');
    await expect(add({ key: "a", extra: { x: "1" } })).rejects.toThrow("Path: .note.extra.x");
    await expect(add({ key: "a", tags: ["1", 2] })).rejects.toThrow("Path: .note.tags[1]");
    await expect(deployment.runMutation("notes:addLoose", { note: { key: 1 } })).rejects.toThrow(
      'Failed to insert or update a document in table "notes" because it does not match the schema',
    );
    await expect(deployment.runQuery("notes:wrongResult")).rejects.toThrow("ReturnsValidationError");
    expect(deployment.tableSize("notes")).toBe(1);
  });

  it("gives no identity, and refuses what it does not support by name", async () => {
    const deployment = createDeployment();
    expect(await deployment.runQuery("notes:identity")).toBeNull();
  });

  it("refuses a deploy that existing documents contradict, and changes nothing then", async () => {
    const deployment = createDeployment();
    await deployment.runMutation("notes:add", { note: { key: "a" } });
    const numbers = defineSchema({ notes: defineTable({ key: v.number() }) });
    expect(() => deployment.deploy({ schema: numbers, modules: {} })).toThrow(DeployRefused);
    expect(await deployment.runQuery("notes:unique", { key: "a" })).not.toBeNull();

    const wider = defineSchema({
      ...schema.tables,
      more: defineTable({ x: v.number() }).index("by_x", ["x"]),
    });
    deployment.deploy({ schema: wider, modules: { other: { unique: notes.unique } } });
    expect(await deployment.runQuery("other:unique", { key: "a" })).not.toBeNull();
    await expect(deployment.runQuery("notes:unique", { key: "a" })).rejects.toThrow("Could not find");

    const without = defineSchema({ notes: defineTable({ key: v.string() }) });
    deployment.deploy({ schema: without, modules: { notes } });
    await expect(deployment.runQuery("notes:unique", { key: "a" })).rejects.toThrow(
      "Index notes.by_key not found",
    );
    deployment.deploy({ schema, modules: { notes } });
    expect(await deployment.runQuery("notes:unique", { key: "a" })).not.toBeNull();
  });

  it.each([
    ["a reserved index", defineTable({ a: v.string() }).index("by_id" as never, ["a"])],
    ["a field twice", defineTable({ a: v.string() }).index("i", ["a", "a"] as never)],
    ["an index with an underscore", defineTable({ a: v.string() }).index("_i" as never, ["a"])],
  ])("refuses to deploy %s", (_, table) => {
    expect(() => createDeployment({ schema: defineSchema({ t: table }) })).toThrow(DeployRefused);
  });

  it("runs a mutation again when another has written what it read", async () => {
    const deployment = createDeployment();
    let proceed!: () => void;
    pause.current = new Promise((resolve) => (proceed = resolve));
    const slow = deployment.runMutation("notes:countThenAdd", { key: "a" });
    const other = deployment.runMutation("notes:countThenAdd", { key: "b" });
    await deployment.runMutation("notes:add", { note: { key: "a" } });
    pause.current = Promise.resolve();
    proceed();
    expect(await slow).toBe(1);
    expect(await other).toBe(0);
    expect(deployment.tableSize("notes")).toBe(3);
  });

  it("edits by hand, exports and imports", async () => {
    const deployment = createDeployment();
    const id = deployment.insert("notes", { key: "a", rank: 1 });
    const saved = deployment.export();
    deployment.patch(id, { rank: undefined, tags: ["t"] });
    expect(withoutSystemFields(deployment.get(id)!)).toEqual({ key: "a", tags: ["t"] });
    deployment.insert("notes", { key: "b" });
    deployment.import(saved);
    expect([...deployment.tableDocuments("notes")].map(withoutSystemFields)).toEqual([{ key: "a", rank: 1 }]);
    expect(await deployment.runQuery("notes:get", { id })).toMatchObject({ key: "a", _id: id });
    deployment.remove(id);
    deployment.insert("notes", { key: "c" });
    deployment.clearTable("notes");
    expect(deployment.tableSize("notes")).toBe(0);
    expect(await deployment.runQuery("notes:unique", { key: "c" })).toBeNull();
    expect(deployment.usage().documentsWritten).toBe(0);
    expect(() => deployment.insert("notes", { key: 1 })).toThrow("does not match the schema");
  });
});
