import { execFile } from "node:child_process";
import { webcrypto } from "node:crypto";
import { readdir } from "node:fs/promises";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createContext, Script } from "node:vm";
import { build } from "esbuild";
import { convexToJson, type Value } from "convex/values";
import { beforeAll, describe, expect, it } from "vitest";
import { PROTOCOL_VERSION } from "../../convex/datahubSync/protocol.js";

/**
 * Queries and mutations run in Convex's V8 isolate, without Node. This bundles `convex/` the way the `convex`
 * command does and runs it in a context that has only what Convex's runtime gives a query or a mutation
 * (`npm-packages/udf-runtime` of get-convex/convex-backend).
 */
const directory = fileURLToPath(new URL("../../convex/", import.meta.url));
/** What apps import into theirs. */
const packageDirectory = fileURLToPath(new URL("../../src/package/", import.meta.url));

async function bundle(entry: string) {
  return await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: "browser",
    conditions: ["convex", "module"],
    target: "esnext",
    format: "iife",
    globalName: "entry",
    logLevel: "silent",
  });
}

type Syscalls = Record<string, (args: Record<string, unknown>) => unknown>;

/** Answers of an empty database in which nothing can be found. */
const emptyDatabase: Syscalls = {
  "1.0/queryStream": () => ({ queryId: 1 }),
  "1.0/queryStreamNext": () => ({ value: null, done: true }),
  "1.0/queryCleanup": () => ({}),
  "1.0/queryPage": () => ({ page: [], isDone: true, continueCursor: "end" }),
  "1.0/insert": () => ({ _id: "new document" }),
  "1.0/get": () => null,
  "1.0/getTransactionMetrics": () => ({ bytesRead: { used: 7 }, bytesWritten: { used: 5 } }),
};

/** A fresh context, as Convex gives to every call, with the functions of `convex/datahubSync.ts` in it. */
function startIsolate(source: string, env: Record<string, string>, syscalls: Syscalls = emptyDatabase) {
  const answer = (op: string, args: string) => {
    const syscall = syscalls[op];
    if (syscall === undefined) throw new Error(`unexpected syscall ${op}`);
    return JSON.stringify(syscall(JSON.parse(args) as Record<string, unknown>));
  };
  const globals = {
    process: { env },
    console: {},
    crypto: { subtle: { digest: webcrypto.subtle.digest.bind(webcrypto.subtle) } },
    TextEncoder,
    TextDecoder,
    URL,
    URLSearchParams,
    structuredClone,
    atob,
    btoa,
    Convex: {
      syscall: answer,
      // eslint-disable-next-line @typescript-eslint/require-await -- a failed syscall is a rejection
      asyncSyscall: async (op: string, args: string) => answer(op, args),
    },
  };
  const context = createContext(globals, { codeGeneration: { strings: false, wasm: false } });
  new Script(source).runInContext(context);
  const functions = (globals as unknown as { entry: Record<string, Invocable> }).entry;
  return {
    globals: () => new Script("Object.getOwnPropertyNames(globalThis)").runInContext(context) as string[],
    call: async (name: string, args: Record<string, Value>): Promise<unknown> => {
      const { invokeQuery, invokeMutation } = functions[name]!;
      const result = await (invokeQuery ?? invokeMutation)!(JSON.stringify([convexToJson(args)]));
      return JSON.parse(result);
    },
  };
}
interface Invocable {
  invokeQuery?: (args: string) => Promise<string>;
  invokeMutation?: (args: string) => Promise<string>;
}

describe("convex/ in the runtime of Convex", () => {
  let source: string;
  beforeAll(async () => {
    const { outputFiles } = await bundle(`${directory}datahubSync.ts`);
    source = outputFiles[0]!.text;
  });
  const env = { CONVEX_SYNC_AUTH_KEY: "a key for tests" };
  const syncKey = "a key for tests";
  const run = { table: "sow_poles", epoch: 1n, nonce: "first" };

  it("is bundled without a module of Node's, file by file", async () => {
    const files = await Promise.all(
      [directory, packageDirectory].map(async (folder) =>
        (await readdir(folder, { recursive: true }))
          .filter((name) => name.endsWith(".ts") && !name.startsWith("_generated/"))
          .map((name) => folder + name),
      ),
    );
    expect(files.map(({ length }) => length > 3)).toEqual([true, true]);
    for (const file of files.flat()) {
      const { metafile } = await bundle(file);
      const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
      expect(imports.map(({ path }) => path)).toEqual([]);
      const inputs = Object.keys(metafile.inputs).map((path) => path.replace(/^\(disabled\):/, ""));
      expect(inputs.filter((path) => path.startsWith("node:") || builtinModules.includes(path))).toEqual([]);
      expect(inputs.filter((path) => /^src\/(?!package\/)/.test(path))).toEqual([]);
    }
  });

  it("type-checks without the types of Node and of browsers", async () => {
    const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
    for (const folder of [directory, packageDirectory]) {
      await expect(promisify(execFile)("node", [tsc, "-p", folder])).resolves.toMatchObject({ stdout: "" });
    }
  });

  it("has none of Node's globals there", () => {
    const names = startIsolate(source, env).globals();
    for (const name of ["require", "module", "Buffer", "global", "setImmediate", "fetch", "setTimeout"]) {
      expect(names).not.toContain(name);
    }
    expect(names).toContain("entry");
  });

  it("compares keys", async () => {
    const isolate = startIsolate(source, env);
    expect(await isolate.call("handshake", { syncKey, tables: ["sow_poles"], sampleFrom: 0 })).toMatchObject({
      protocol: PROTOCOL_VERSION,
      mirrors: [{ table: "sow_poles", deployed: true, rows: 0, ledgerSample: "empty", tableEmpty: true }],
    });
    const wrong = isolate.call("handshake", { syncKey: "b key for tests", tables: [], sampleFrom: 0 });
    await expect(wrong).rejects.toMatchObject({ data: expect.stringContaining("WRONG_SYNC_KEY") as string });
    const unset = startIsolate(source, {}).call("handshake", { syncKey, tables: [], sampleFrom: 0 });
    await expect(unset).rejects.toMatchObject({ data: expect.stringContaining("SYNC_KEY_UNSET") as string });
  });

  it("runs every other function as far as an empty database lets it", async () => {
    const isolate = startIsolate(source, env);
    const from = { syncKey, table: "sow_poles", limit: 10 };
    const { table, ...named } = run;
    const begun = { syncKey, ...named, tables: [table], lineage: "l", takeOver: false };
    expect(await isolate.call("beginRuns", begun)).toMatchObject({
      results: [{ table, rows: 0, refused: null }],
      used: { read: 7 },
    });
    expect(await isolate.call("listLedger", { ...from, after: null })).toMatchObject({
      entries: [],
      done: true,
    });
    expect(await isolate.call("listMissing", { ...from, after: null })).toMatchObject({
      missing: [],
      after: null,
    });
    const keys = { syncKey, table: "sow_poles", keys: ["a"] };
    expect(await isolate.call("lookupKeys", keys)).toEqual({ present: [], used: { read: 7, written: 5 } });
    expect(await isolate.call("listDocuments", { ...from, cursor: null, maxBytes: 1_000 })).toMatchObject({
      entries: [],
      cursor: null,
      done: true,
    });
    const stale = { data: expect.stringContaining("STALE_TOKEN") as string };
    const token = { syncKey, ...run, fence: 0n };
    const batch = { slot: 0, upserts: [], deletions: [], orphans: [], force: false };
    await expect(isolate.call("applyBatch", { ...token, ...batch })).rejects.toMatchObject(stale);
    await expect(isolate.call("rotateFence", { ...token, nextFence: 1n })).rejects.toMatchObject(stale);
    const end = {
      table,
      fence: 0n,
      priorNonce: null,
      nextNonce: "n",
      highWaterMark: null,
      position: null,
      lastRun: null,
    };
    const finished = { syncKey, ...named, lineage: "l", ends: [end] };
    expect(await isolate.call("finishRuns", finished)).toMatchObject({
      results: [{ table, refused: { code: "STALE_TOKEN" } }],
    });
  });

  it("tells no costs where the backend does not know the metrics", async () => {
    const { "1.0/getTransactionMetrics": _, ...older } = emptyDatabase;
    const isolate = startIsolate(source, env, older);
    const keys = { syncKey, table: "sow_poles", keys: ["a"] };
    expect(await isolate.call("lookupKeys", keys)).toEqual({ present: [], used: null });
  });
});
