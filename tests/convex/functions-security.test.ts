import { readdirSync } from "node:fs";
import { defineSchema, defineTable } from "convex/server";
import { v, type JSONValue } from "convex/values";
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { requireSyncKey } from "../../convex/datahubSync/auth.js";
import * as datahubSync from "../../convex/datahubSync.js";
import { datahubSyncTables, defaultMirrorTables } from "../../src/package/convex.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { FunctionFailed } from "../../local/convex/errors.js";
import { readFunctions, type DeployedFunction, type Modules } from "../../local/convex/functions.js";
import { anyValue, argumentsOf } from "../support/arbitrary-arguments.js";

const SYNC_KEY = "k3y-of-the-deployment-that-nobody-may-see";
const TABLE = "sow_poles";
/** What stands in an application's own table beside the mirrors. */
const SECRET = "planted-in-a-table-of-the-application";

/** Mirrored by no one, or not a table at all. */
const FORBIDDEN = [
  "users",
  ...Object.keys(datahubSyncTables),
  "_storage",
  "_scheduled_functions",
  "_system",
  "",
  " ",
  "sow_poles ",
  "SOW_POLES",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "*",
  "%",
];

/** Every public function that a deployment of `convex/` has, found in the modules themselves. */
async function findFunctions(): Promise<DeployedFunction[]> {
  const folder = new URL("../../convex/", import.meta.url);
  const modules: Modules = {};
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of files.filter((file) => file.endsWith(".ts") && !file.startsWith("_generated/"))) {
    modules[name.replace(".ts", "")] = (await import(new URL(name, folder).href)) as Modules[string];
  }
  expect(Object.keys(modules)).toContain("datahubSync/functions");
  // An internal one is for whoever holds the deployment's own key, and for functions of the app.
  const found = [...readFunctions(modules, () => false).values()];
  expect(found.filter(({ visibility }) => visibility === "internal").map(({ path }) => path)).toEqual([
    "datahubSync:freshness",
  ]);
  return found.filter(({ visibility }) => visibility === "public");
}

let functions: DeployedFunction[];
let sound: Map<string, Record<string, JSONValue>>;
beforeAll(async () => {
  functions = await findFunctions();
  sound = new Map(functions.map((each) => [each.path, soundArguments(each)]));
});

/** Arguments that the function takes, and acts upon if it is let. */
function soundArguments({ args }: DeployedFunction): Record<string, JSONValue> {
  const known = { strings: ["a key"], integers: [1n] };
  const [drawn] = fc.sample(argumentsOf(args, known), { numRuns: 1, seed: 1 });
  return drawn as Record<string, JSONValue>;
}

/** A deployment of an application that has a table of its own, and rows in its mirrors. */
async function deploy() {
  const schema = defineSchema({
    ...defaultMirrorTables,
    ...datahubSyncTables,
    users: defineTable({ name: v.string() }),
  });
  const options = { schema, modules: { datahubSync } };
  const deployment = LocalDeployment.create({ ...options, env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY } });
  const user = deployment.insert("users", { name: SECRET });
  const run = { syncKey: SYNC_KEY, table: TABLE, epoch: 1n, nonce: "the run" };
  await deployment.runMutation("datahubSync:beginRuns", {
    syncKey: SYNC_KEY,
    tables: [TABLE],
    epoch: run.epoch,
    nonce: run.nonce,
    lineage: "the source",
    takeOver: false,
  });
  const upserts = ["a", "b"].map((key) => ({ key, hash: key, document: { id: key, comments: SECRET } }));
  await deployment.runMutation("datahubSync:applyBatch", {
    ...run,
    upserts,
    fence: 0n,
    slot: 0,
    deletions: [],
    orphans: [],
    force: false,
  });
  /** The same deployment with another environment. */
  const withEnv = (env: Record<string, string>) => {
    const other = LocalDeployment.create({ ...options, env });
    other.import(deployment.export());
    return other;
  };
  return { deployment, user, withEnv };
}

interface Outcome {
  /** What the caller gets: a value, or a ConvexError's data, or the redacted message. */
  value?: JSONValue;
  data?: JSONValue;
  message?: string;
}

/** One call as a client makes it, and whether it has read or written anything. */
async function call(deployment: LocalDeployment, { path, kind }: DeployedFunction, args: JSONValue) {
  deployment.resetUsage();
  const { version } = deployment;
  const outcome = await deployment.call(kind, path, args, { requestId: "0123456789abcdef" }).then(
    ({ value }): Outcome => ({ value }),
    (error: unknown): Outcome => {
      if (!(error instanceof FunctionFailed)) throw error;
      return { message: error.message, ...(error.data !== undefined && { data: error.data }) };
    },
  );
  // Looking at an empty range counts, too.
  const { documentsWritten, largest } = deployment.usage();
  const touched = largest.databaseQueries + documentsWritten > 0 || deployment.version !== version;
  return { ...outcome, touched };
}

function withTable(args: Record<string, JSONValue>, table: string): Record<string, JSONValue> {
  if ("tables" in args) return { ...args, tables: [table] };
  if (!("ends" in args)) return { ...args, table };
  const [end] = args["ends"] as Record<string, JSONValue>[];
  return { ...args, ends: [{ ...end, table }] };
}

const refusal = (code: string) => ({ data: { code, message: expect.any(String) as string }, touched: false });
/** What production says of arguments that do not fit, and of any other error that is not a ConvexError. */
const REDACTED = "[Request ID: 0123456789abcdef] Server Error";

describe("invariant 11: every public function", () => {
  test("is one of datahubSync, takes the key, and names its tables", () => {
    expect(functions.map(({ path, visibility }) => [path.split(":")[0], visibility])).toEqual(
      Object.keys(datahubSync)
        .filter((name) => name !== "freshness")
        .map(() => ["datahubSync", "public"]),
    );
    for (const { path, args } of functions) {
      if (args.type !== "object") throw new Error(`${path} takes anything`);
      expect([path, args.value["syncKey"]]).toEqual([
        path,
        { fieldType: { type: "string" }, optional: false },
      ]);
      expect([path, ["table", "tables", "ends"].some((name) => name in args.value)]).toEqual([path, true]);
    }
  });

  test("with a wrong key, refuses in the same words whatever the key, and touches nothing", async () => {
    const { deployment } = await deploy();
    const other = SYNC_KEY.at(-1) === "x" ? "y" : "x";
    const wrong = {
      "is empty": "",
      "has the same length": "x".repeat(SYNC_KEY.length),
      "is shorter": SYNC_KEY.slice(0, -1),
      "is longer": `${SYNC_KEY}x`,
      "differs in the last character": SYNC_KEY.slice(0, -1) + other,
      "differs in the first character": other + SYNC_KEY.slice(1),
      "differs in its case": SYNC_KEY.toUpperCase(),
      "has a space behind it": `${SYNC_KEY} `,
      "is a megabyte": SYNC_KEY.repeat(25_000),
    };
    for (const each of functions) {
      for (const [how, syncKey] of Object.entries(wrong)) {
        for (const table of [TABLE, "users", "no_such_table"]) {
          const args = { ...withTable(sound.get(each.path)!, table), syncKey };
          const outcome = await call(deployment, each, args);
          expect([each.path, how, table, outcome]).toMatchObject([
            each.path,
            how,
            table,
            refusal("WRONG_SYNC_KEY"),
          ]);
          expect(outcome.message).not.toContain(SYNC_KEY.slice(0, 8));
        }
      }
    }
  });

  test("without a key, or with one that is no text, does not run", async () => {
    const { deployment } = await deploy();
    const noTexts: JSONValue[] = [null, 1, true, [SYNC_KEY], { key: SYNC_KEY }, { $bytes: btoa(SYNC_KEY) }];
    for (const each of functions) {
      const { syncKey: _, ...without } = withTable(sound.get(each.path)!, TABLE);
      for (const args of [without, ...noTexts.map((syncKey) => ({ ...without, syncKey }))]) {
        const outcome = await call(deployment, each, args);
        expect([each.path, outcome]).toEqual([each.path, { message: REDACTED, touched: false }]);
      }
    }
  });

  test.each([
    ["unset", {}],
    ["empty", { CONVEX_SYNC_AUTH_KEY: "" }],
    ["blank", { CONVEX_SYNC_AUTH_KEY: " " }],
    ["too short", { CONVEX_SYNC_AUTH_KEY: "hunter2-abc" }],
  ])("of a deployment whose key is %s refuses everybody", async (_, env: Record<string, string>) => {
    const deployment = (await deploy()).withEnv(env);
    for (const each of functions) {
      for (const syncKey of [env["CONVEX_SYNC_AUTH_KEY"] ?? "undefined", "", SYNC_KEY]) {
        const args = { ...withTable(sound.get(each.path)!, TABLE), syncKey };
        expect([each.path, await call(deployment, each, args)]).toMatchObject([
          each.path,
          refusal("SYNC_KEY_UNSET"),
        ]);
      }
    }
  });

  test("with the right key, refuses what is not mirrored like what does not exist, and touches nothing", async () => {
    const { deployment } = await deploy();
    for (const each of functions) {
      const outcomes = [];
      for (const table of ["no_such_table", ...FORBIDDEN]) {
        const args = { ...withTable(sound.get(each.path)!, table), syncKey: SYNC_KEY };
        const { touched, ...outcome } = await call(deployment, each, args);
        expect([each.path, table, touched]).toEqual([each.path, table, false]);
        // The handshake answers: such a table is not deployed. It repeats the name that it was asked for.
        outcomes.push(JSON.stringify(outcome).replaceAll(JSON.stringify(table), '"the table"'));
      }
      expect([each.path, new Set(outcomes)]).toEqual([each.path, new Set([outcomes[0]])]);
      expect(outcomes[0]).toMatch(each.path.endsWith("handshake") ? /"deployed":false/ : /UNKNOWN_TABLE/);
    }
  });
});

/** What no call may change or show: all but the mirrors and what the sync keeps of them. */
function readBystanders(deployment: LocalDeployment): unknown {
  const isMirror = (table: unknown) => Object.hasOwn(defaultMirrorTables, table as string);
  return deployment
    .tableNames()
    .filter((table) => !isMirror(table))
    .map((table) => [...deployment.tableDocuments(table)].filter((document) => !isMirror(document["table"])));
}

describe("arguments at random", () => {
  const known = (ids: string[]) => ({
    strings: [TABLE, "nokia_exports", "a", "b", "the run", "the source", ...FORBIDDEN, ...ids],
    integers: [0n, 1n, 2n, -1n],
  });

  test("with a wrong key end in the refusal, or do not fit", async () => {
    const { deployment, user } = await deploy();
    for (const each of functions) {
      const drawn = argumentsOf(each.args, known([user])) as fc.Arbitrary<Record<string, JSONValue>>;
      const broken = fc
        .tuple(drawn, fc.dictionary(fc.constantFrom(...Object.keys(sound.get(each.path)!)), anyValue))
        .map(([args, others]) => ({ ...args, ...others }));
      await fc.assert(
        fc.asyncProperty(fc.oneof(drawn, broken, anyValue), async (args) => {
          const outcome = await call(deployment, each, args);
          expect(outcome.touched).toBe(false);
          if (outcome.data === undefined) expect(outcome).toEqual({ message: REDACTED, touched: false });
          else expect(outcome).toMatchObject(refusal("WRONG_SYNC_KEY"));
        }),
        { numRuns: 60 },
      );
    }
  });

  test("with the right key touch the mirrors at most, and no error shows a value, a key or a stack", async () => {
    const { deployment, user } = await deploy();
    const ids = [user, ...[...deployment.tableDocuments(TABLE)].map(({ _id }) => _id)];
    const before = readBystanders(deployment);
    let succeeded = 0;
    for (const each of functions) {
      const drawn = argumentsOf(each.args, known(ids)) as fc.Arbitrary<Record<string, JSONValue>>;
      await fc.assert(
        fc.asyncProperty(drawn, async (args) => {
          const { value, ...failed } = await call(deployment, each, { ...args, syncKey: SYNC_KEY });
          expect(readBystanders(deployment)).toEqual(before);
          if (value !== undefined) return void succeeded++;
          const shown = JSON.stringify(failed);
          for (const secret of [SYNC_KEY, SECRET]) expect(shown).not.toContain(secret);
          expect(shown).not.toMatch(/\\n\s+at /);
          if (failed.data === undefined) expect(failed.message).toBe(REDACTED);
        }),
        { numRuns: 100 },
      );
    }
    expect(succeeded).toBeGreaterThan(0);
  });
});

test("keys are compared as digests, both whole, however much they have in common", async () => {
  vi.stubEnv("CONVEX_SYNC_AUTH_KEY", SYNC_KEY);
  const digest = vi.spyOn(crypto.subtle, "digest");
  const text = (data: unknown) => new TextDecoder().decode(data as Uint8Array);
  for (const key of ["", "x", SYNC_KEY.slice(0, -1), `${SYNC_KEY}x`, `x${SYNC_KEY.slice(1)}`, SYNC_KEY]) {
    digest.mockClear();
    await requireSyncKey(key).catch(() => undefined);
    expect(digest.mock.calls.map(([algorithm, data]) => [algorithm, text(data)])).toEqual([
      ["SHA-256", key],
      ["SHA-256", SYNC_KEY],
    ]);
  }
});
