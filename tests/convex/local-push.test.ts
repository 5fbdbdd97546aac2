import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { NOTHING_DEPLOYED } from "../../local/convex/nothing-deployed.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { ConvexCli } from "../e2e/convex-cli.js";

const post = async (path: string) => {
  const response = await fetch(`${served.url}${path}`, { method: "POST" });
  return { status: response.status, body: await response.text() };
};

/** Asks nothing of TypeScript, which takes as long as all the rest. */
const DEPLOY = ["deploy", "--typecheck", "disable", "--codegen", "disable"];

let deployment: LocalDeployment;
let served: ServedDeployment;
let cli: ConvexCli;
beforeAll(async () => {
  deployment = LocalDeployment.create({ ...NOTHING_DEPLOYED, redact: false });
  served = await serveLocalDeployment(deployment);
  cli = await ConvexCli.create({ url: served.url, adminKey: deployment.adminKey });
});
afterAll(async () => {
  await served.close();
  await cli.remove();
});

const SCHEMA = `
  import { defineSchema, defineTable } from "convex/server";
  import { v } from "convex/values";
  export default defineSchema({ notes: defineTable({ text: v.string() }).index("by_text", ["text"]) });`;

const NOTES = `
  import { mutationGeneric, queryGeneric } from "convex/server";
  import { v } from "convex/values";
  import { shout } from "./lib/shout";
  export const add = mutationGeneric({
    args: { text: v.string() },
    handler: async ({ db }, { text }) => { await db.insert("notes", { text: shout(text) }); },
  });
  export const list = queryGeneric({
    args: {},
    handler: async ({ db }) => (await db.query("notes").withIndex("by_text").collect()).map(({ text }) => text),
  });
  export const globals = queryGeneric({
    args: {},
    handler: async () => ({
      node: ["Buffer", "require", "module", "setImmediate", "__dirname"].filter((name) => name in globalThis),
      version: typeof process.version,
      greeting: process.env["GREETING"] ?? null,
    }),
  });
  export const chatty = queryGeneric({ args: {}, handler: async () => { console.log("said", { n: 1 }); console.warn("careful"); } });
  export const wait = queryGeneric({ args: {}, handler: async () => { setTimeout(() => {}, 1); } });`;

const SHOUT = `export const shout = (text) => text.toUpperCase() + "!";`;

describe("npx convex deploy", () => {
  beforeAll(async () => {
    await cli.write({ "schema.ts": SCHEMA, "notes.ts": NOTES, "lib/shout.js": SHOUT });
    const { exitCode, output } = await cli.attempt(...DEPLOY);
    expect(output).toContain("[+] notes.by_text");
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
  }, 120_000);

  test("what was pushed is what runs", async () => {
    await deployment.runMutation("notes:add", { text: "hello" });
    expect(await deployment.runQuery("notes:list")).toEqual(["HELLO!"]);
  });

  test("in a context that has Convex's globals and none of Node's", async () => {
    const seen = await deployment.runQuery("notes:globals");
    expect(seen).toEqual({ node: [], version: "undefined", greeting: null });
    await expect(deployment.runQuery("notes:wait")).rejects.toThrow("Can't use setTimeout in queries");
  });

  test("variables are set, listed, shown and removed, and functions see them at once", async () => {
    await cli.run("env", "set", "GREETING", "hello there");
    expect(await deployment.runQuery("notes:globals")).toMatchObject({ greeting: "hello there" });
    expect(await cli.run("env", "list")).toContain("GREETING=hello there");
    expect((await cli.run("env", "get", "GREETING")).trim()).toBe("hello there");
    await cli.run("env", "remove", "GREETING");
    expect(await deployment.runQuery("notes:globals")).toMatchObject({ greeting: null });
  }, 120_000);

  test("npx convex logs shows what functions log, and how they end, also while it is watched", async () => {
    await cli.run("run", "notes:chatty");
    const logs = cli.start("logs", "--history", "1", "--success");
    const lines = createInterface(logs.stdout!)[Symbol.asyncIterator]();
    const next = async () =>
      ((await lines.next()) as { value: string }).value.replace(/^.*?\[CONVEX/, "[CONVEX");
    try {
      expect(await next()).toBe("[CONVEX Q(notes:chatty)] [LOG] 'said' { n: 1 }");
      expect(await next()).toBe("[CONVEX Q(notes:chatty)] [WARN] 'careful'");
      expect(await next()).toMatch(/^\[CONVEX Q\(notes:chatty\)\] Function executed in \d+ ms$/);
      await cli.attempt("run", "notes:wait");
      expect(await next()).toMatch(/^\[CONVEX Q\(notes:wait\)\] .*(Server Error|Can't use setTimeout)/);
    } finally {
      logs.kill();
    }
  });

  test("npx convex dev pushes what is changed while it watches", async () => {
    const dev = cli.start("dev", "--typecheck", "disable", "--codegen", "disable");
    const lines = createInterface(dev.stderr!)[Symbol.asyncIterator]();
    const isReady = async () => {
      for (let line = ""; !line.includes("Convex functions ready");) {
        const next = (await lines.next()) as { value: string; done?: boolean };
        if (next.done) throw new Error("It has ended.");
        line = next.value;
      }
    };
    try {
      await isReady();
      await cli.write({ "lib/shout.js": SHOUT.replace("!", "?") });
      await isReady();
      await deployment.runMutation("notes:add", { text: "again" });
      expect(await deployment.runQuery("notes:list")).toContain("AGAIN?");
    } finally {
      dev.kill();
      await cli.write({ "lib/shout.js": SHOUT });
    }
    await cli.run(...DEPLOY);
  });

  test("a push that is refused leaves everything as it was", async () => {
    await deployment.runMutation("notes:add", { text: "kept" });
    const before = await deployment.runQuery("notes:list");
    const broken = async (files: Record<string, string>, why: string | RegExp) => {
      await cli.write(files);
      const { exitCode, output } = await cli.attempt(...DEPLOY);
      expect(output).toMatch(why);
      expect(output).not.toContain("Retrying");
      expect(exitCode).toBe(1);
      expect(await deployment.runQuery("notes:list")).toEqual(before);
      await cli.write({ "schema.ts": SCHEMA, "notes.ts": NOTES });
    };
    await broken(
      { "schema.ts": SCHEMA.replace("text: v.string()", "text: v.number()") },
      /Schema validation failed[\s\S]*in table "notes"/,
    );
    await broken(
      { "notes.ts": `${NOTES}\nthrow new RangeError("at the top");` },
      /notes.js: RangeError: at the top/,
    );
    await broken(
      { "notes.ts": `"use node";\n${NOTES}` },
      /"use node"\), which the local deployment does not run/,
    );
  }, 240_000);

  test("one over documents that match changes functions and indexes, and keeps the documents", async () => {
    await cli.write({
      "schema.ts": SCHEMA.replace('.index("by_text", ["text"])', '.index("by_time_and_text", ["text"])'),
      "notes.ts": NOTES.replace('"by_text"', '"by_time_and_text"').replace(".map(", ".slice(-1).map("),
    });
    const { output } = await cli.attempt(...DEPLOY);
    expect(output).toContain("[-] notes.by_text");
    expect(output).toContain("[+] notes.by_time_and_text");
    expect(await deployment.runQuery("notes:list")).toEqual(["KEPT!"]);
  }, 120_000);

  test("without the deployment's key is refused", async () => {
    const stranger = await ConvexCli.create({ url: served.url, adminKey: "someone-else|0123" });
    try {
      await stranger.write({ "schema.ts": SCHEMA });
      const { exitCode, output } = await stranger.attempt(...DEPLOY);
      expect(exitCode).toBe(1);
      expect(output).toContain("admin key");
    } finally {
      await stranger.remove();
    }
  }, 120_000);

  test("what is not there is said in one sentence, at once", async () => {
    const { status, body } = await post("/api/streaming_import/import_airbyte_records");
    expect(status).toBe(400);
    expect(body).toContain(
      "The local deployment does not answer POST /api/streaming_import/import_airbyte_records",
    );
  });
});
