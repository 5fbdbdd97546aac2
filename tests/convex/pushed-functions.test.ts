import { build } from "esbuild";
import { ConvexError, v } from "convex/values";
import { defineSchema, defineTable } from "convex/server";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { evaluateModules, type EvaluatedModules } from "../../local/convex/push/pushed-modules.js";

const HEAD = `
  import { mutationGeneric, queryGeneric } from "convex/server";
  import { ConvexError, v } from "convex/values";`;

const APP = `${HEAD}
  export const add = mutationGeneric({ args: { text: v.string() }, handler: ({ db }, { text }) => db.insert("notes", { text }) });
  export const count = queryGeneric({ args: {}, handler: async ({ db }) => (await db.query("notes").collect()).length });
  export const texts = queryGeneric({
    args: {},
    handler: async ({ db }) => {
      const found = [];
      for await (const { text } of db.query("notes").withIndex("by_text").order("desc")) found.push(text);
      return found;
    },
  });
  const loops = {
    atOnce: () => { for (;;); },
    afterReading: async ({ db }) => { await db.query("notes").first(); for (;;); },
    ofMicrotasks: async () => { for (;;) await null; },
    caught: () => { for (;;) try { for (;;); } catch {} },
    ofAnExpression: () => /^(a+)+$/.test("a".repeat(40) + "b"),
    asleep: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    forNothing: () => new Promise(() => {}),
    afterWriting: async ({ db }) => { await db.insert("notes", { text: "never" }); for (;;); },
  };
  export const loop = mutationGeneric({ args: { name: v.string() }, handler: (ctx, { name }) => loops[name](ctx) });
  export const remember = mutationGeneric({ args: {}, handler: async ({ db }) => {
    const kept = [];
    for (;;) { kept.push(Array.from({ length: 1000 }, (_, n) => ({ n, text: "x" + n }))); await db.query("notes").first(); }
  } });
  export const digest = queryGeneric({ args: {}, handler: async () => {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("a"));
    return [...new Uint8Array(bytes)].slice(0, 4);
  } });
  export const refuse = queryGeneric({ args: {}, handler: () => { throw new ConvexError({ code: "NO", at: 5n }); } });
  export const nested = mutationGeneric({ args: {}, handler: async (ctx) => {
    try { await ctx.runQuery("app:refuse"); } catch (error) {
      return { isOurs: error instanceof ConvexError, data: error.data, count: await ctx.runQuery("app:count") };
    }
  } });
  export const wrongIndex = queryGeneric({ args: {}, handler: async ({ db }) => {
    try { return await db.query("notes").withIndex("nowhere").collect(); } catch (error) { return [error instanceof Error, error.message]; }
  } });
  export const ids = queryGeneric({ args: { id: v.string() }, handler: ({ db }, { id }) => [db.normalizeId("notes", id), db.normalizeId("others", id)] });
  export const together = mutationGeneric({ args: { count: v.number() }, handler: async ({ db }, { count }) => {
    const ids = await Promise.all(Array.from({ length: count }, (_, n) => db.insert("notes", { text: "t" + n })));
    const read = await Promise.all(ids.map((id) => db.get(id)));
    await Promise.all(ids.map((id) => db.delete(id)));
    return read.map(({ text }) => text).join() === ids.map((_, n) => "t" + n).join();
  } });`;

/** As the CLI bundles it. */
async function bundle(contents: string): Promise<{ path: string; source: string; environment: "isolate" }> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd(), loader: "ts" },
    ...{ bundle: true, write: false, format: "esm", platform: "browser" },
  });
  return { path: "app.js", source: outputFiles[0]!.text, environment: "isolate" };
}

const schema = defineSchema({
  notes: defineTable({ text: v.string() }).index("by_text", ["text"]),
  others: defineTable({}),
});

/** Time is by the clock: where it is not what is looked at, a busy machine must not matter. */
const PATIENT = { maxOwnMs: 60_000 };

let deployment: LocalDeployment;
/** The same data and functions, which are ended after a second. */
let strict: EvaluatedModules;
let patient: EvaluatedModules;
beforeAll(async () => {
  const modules = [await bundle(APP)];
  patient = await evaluateModules(modules, () => ({}), PATIENT);
  strict = await evaluateModules(modules, () => ({}), { maxOwnMs: 1000 });
  deployment = LocalDeployment.create({ schema, modules: patient.modules, redact: false });
});
afterAll(() => {
  patient.retire();
  strict.retire();
});

describe("a pushed function", () => {
  test("reads and writes as one that runs in this process", async () => {
    const id = await deployment.runMutation("app:add", { text: "one" });
    await deployment.runMutation("app:add", { text: "two" });
    expect(await deployment.runQuery("app:texts")).toEqual(["two", "one"]);
    expect(await deployment.runQuery("app:ids", { id })).toEqual([id, null]);
    expect(await deployment.runMutation("app:together", { count: 300 })).toBe(true);
    expect(await deployment.runQuery("app:digest")).toEqual([202n, 151n, 129n, 18n].map(Number));
  });

  test("catches what its deployment refuses, and a nested function's ConvexError with its data", async () => {
    const [isError, message] = (await deployment.runQuery("app:wrongIndex")) as [boolean, string];
    expect(isError).toBe(true);
    expect(message).toContain("nowhere");
    const count = await deployment.runQuery("app:count");
    expect(await deployment.runMutation("app:nested")).toEqual({
      ...{ isOurs: true, data: { code: "NO", at: 5n }, count },
    });
    const refused = await deployment.runQuery("app:refuse").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConvexError);
    expect((refused as ConvexError<{ code: string }>).data.code).toBe("NO");
  });

  test.each([
    ["atOnce", "afterReading"],
    ["ofMicrotasks", "caught"],
    ["ofAnExpression", "asleep"],
    ["forNothing", "afterWriting"],
  ])("that never ends is ended, and stops nobody: %s, %s", async (...names) => {
    deployment.deploy({ schema, modules: strict.modules });
    onTestFinished(() => deployment.deploy({ schema, modules: patient.modules }));
    const before = await deployment.runQuery("app:count");
    const ends = Promise.allSettled(names.map((name) => deployment.runMutation("app:loop", { name })));
    expect(await deployment.runQuery("app:count")).toBe(before);
    const message: unknown = expect.stringContaining("timed out (maximum duration: 1000ms)");
    const ended = { status: "rejected", reason: expect.objectContaining({ message }) as unknown };
    expect(await ends).toEqual([ended, ended]);
    expect(await deployment.runQuery("app:count")).toBe(before);
  });

  test("that keeps too much is ended, and nobody with it", async () => {
    const id = await deployment.runMutation("app:add", { text: "kept" });
    await expect(deployment.runMutation("app:remember")).rejects.toThrow("ran out of memory");
    expect(await deployment.runQuery("app:ids", { id })).toEqual([id, null]);
  });
});

test.each([
  ["loops", "for (;;);", /Failed to analyze app.js: .*timed out/],
  ["keeps too much", "const kept = []; for (;;) kept.push({ n: [1, 2, 3] });", /ran out of memory|timed out/],
  ["fails", "throw new RangeError('at the top')", "Failed to analyze app.js: RangeError: at the top"],
  [
    "has crons",
    "import { cronJobs } from 'convex/server'; export default cronJobs();",
    "app.js exports crons, which the local deployment does not run.",
  ],
  [
    "has routes",
    "import { httpRouter } from 'convex/server'; export default httpRouter();",
    "app.js exports HTTP routes, which",
  ],
])("a module that %s as it is imported is refused", async (_, source, why) => {
  const module = await bundle(source);
  await expect(evaluateModules([module], () => ({}), { maxOwnMs: 1000 })).rejects.toThrow(why);
});
