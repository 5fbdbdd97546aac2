import { convexTest } from "convex-test";
import { makeFunctionReference } from "convex/server";
import { convexToJson, type JSONValue, type Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDeployment, notes, schema } from "./local-fixture.js";

/**
 * The same random calls against the local deployment and against convex-test, Convex's own fake, which
 * shares no code with it. Ids and creation times differ by nature; ids are compared by their first appearance.
 */
type Step =
  | { kind: "query" | "mutation"; name: string; args: Record<string, Value> }
  /** Pages through everything, `numItems` at a time. */
  | { kind: "pages"; order: "asc" | "desc"; numItems: number }
  /** Reads the nth note that exists by its id. */
  | { kind: "get"; nth: number };

const key = fc.constantFrom("a", "b", "ba", "c", "é", "\uffee", "\u{1f600}");
const rank = fc.constantFrom<Value[]>(null, 0, 1, -1.5, 3, 2n, -7n, "x", "");
const order = fc.constantFrom("asc" as const, "desc" as const);
const note = fc
  .record(
    {
      key,
      rank,
      tags: fc.array(fc.constantFrom("x", "y"), { maxLength: 2 }),
      extra: fc.dictionary(fc.constantFrom("p", "q"), fc.integer({ min: 0, max: 3 }), { maxKeys: 2 }),
    },
    { requiredKeys: ["key"], noNullPrototype: true },
  )
  .map((fields) => fields as Record<string, Value>);
/** Notes that the schema refuses, among them. */
const looseNote = fc.oneof(
  { weight: 3, arbitrary: note },
  fc.record({ key: fc.constantFrom<Value[]>(1, null, "a"), stray: fc.boolean() }, { noNullPrototype: true }),
);

const call = <A extends Record<string, Value>>(
  kind: "query" | "mutation",
  name: string,
  args: { [K in keyof A]: fc.Arbitrary<A[K]> },
): fc.Arbitrary<Step> =>
  fc.record(args, { noNullPrototype: true }).map((args) => ({ kind, name, args: args }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: call("mutation", "add", { note }) },
  call("mutation", "add", { note: looseNote }),
  call("mutation", "addLoose", { note: looseNote }),
  call("mutation", "addMany", { notes: fc.array(note, { maxLength: 4 }) }),
  call("mutation", "replaceByKey", { key, note: looseNote }),
  call("mutation", "patchByKey", {
    key,
    patch: fc.record({ key, rank }, { requiredKeys: [], noNullPrototype: true }),
    remove: fc.subarray(["tags", "extra", "key"], { maxLength: 2 }),
  }),
  call("mutation", "removeByKey", { key }),
  call("mutation", "addThenThrow", { key, how: fc.constantFrom("plain", "convex") }),
  call("mutation", "addTwiceInside", { key }),
  call("query", "unique", { key }),
  call("query", "range", {
    rank,
    from: fc.option(key),
    to: fc.option(key),
    order,
    take: fc.integer({ min: 0, max: 4 }),
  }),
  call("query", "above", { rank, order }),
  call("query", "all", { order }),
  call("query", "filtered", { rank: fc.integer({ min: -2, max: 3 }), take: fc.integer({ min: 0, max: 5 }) }),
  call("query", "wrongResult", {}),
  call("query", "unique", { wrong: key }),
  fc.record({ kind: fc.constant("pages" as const), order, numItems: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant("get" as const), nth: fc.nat(20) }),
);

interface Side {
  run(kind: "query" | "mutation", name: string, args: Record<string, Value>): Promise<Value>;
}
interface PageResult {
  page: { _id: string }[];
  isDone: boolean;
  continueCursor: string;
}

function localSide(): Side {
  const deployment = createDeployment();
  return {
    run: (kind, name, args) =>
      kind === "query"
        ? deployment.runQuery(`notes:${name}`, args)
        : deployment.runMutation(`notes:${name}`, args),
  };
}

function referenceSide(): Side {
  const modules = {
    "./_generated/api.js": () => Promise.resolve({}),
    "./notes.ts": () => Promise.resolve(notes),
  };
  const reference = convexTest(schema, modules);
  return {
    run: async (kind, name, args) =>
      kind === "query"
        ? ((await reference.query(makeFunctionReference<"query">(`notes:${name}`), args)) as Value)
        : ((await reference.mutation(makeFunctionReference<"mutation">(`notes:${name}`), args)) as Value),
  };
}

async function play(side: Side, step: Step): Promise<Value> {
  if (step.kind === "pages") {
    const pages: Value[] = [];
    let cursor: string | null = null;
    for (let done = false; !done;) {
      const paginationOpts: Record<string, Value> = { cursor, numItems: step.numItems };
      const result = (await side.run("query", "page", {
        paginationOpts,
        order: step.order,
      })) as unknown as PageResult;
      pages.push(...(result.page as unknown as Value[]));
      cursor = result.continueCursor;
      done = result.isDone;
    }
    return pages;
  }
  if (step.kind === "get") {
    const all = (await side.run("query", "all", { order: "asc" })) as unknown as { _id: string }[];
    if (all.length === 0) return null;
    return side.run("query", "get", { id: all[step.nth % all.length]!._id });
  }
  return side.run(step.kind, step.name, step.args);
}

const FAILURE_KINDS: [kind: string, words: RegExp][] = [
  ["not unique", /unique\(\) query returned more than one result/],
  ["thrown", /after the insert/],
  // convex-test has the same words for arguments, results and documents.
  ["validation", /validation|Validator error|does not match the schema/i],
];

/** What kind of failure it was: the words of the two differ. */
function failureKind(error: unknown): Value {
  const { data, message } = error as { data?: Value; message: string };
  if (data !== undefined) return { convexError: data };
  return FAILURE_KINDS.find(([, words]) => words.test(message))?.[0] ?? message;
}

/** Ids by the order in which they first appear, creation times and insertion order by nothing. */
function normalise(value: Value, ids: Map<string, string>): JSONValue {
  const json = JSON.stringify(convexToJson(value), (name, part: unknown) =>
    name === "_creationTime" ? "time" : part,
  );
  return JSON.parse(
    json.replace(/"(?:[0-9a-hjkmnp-tv-z]{32}|\d+notes)"/g, (id) => {
      if (!ids.has(id)) ids.set(id, `"id ${ids.size}"`);
      return ids.get(id)!;
    }),
  ) as JSONValue;
}

async function outcomes(side: Side, steps: Step[]): Promise<JSONValue[]> {
  const ids = new Map<string, string>();
  const results: JSONValue[] = [];
  for (const step of steps) {
    const result = await play(side, step).then(
      (value): Value => ({ value }),
      (error: unknown): Value => ({ failure: failureKind(error) }),
    );
    results.push(normalise(result, ids));
  }
  results.push(normalise(await side.run("query", "all", { order: "asc" }), ids));
  return results;
}

describe("the local deployment and convex-test", () => {
  it("agree on random calls", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: "max" }), async (steps) => {
        expect(await outcomes(localSide(), steps)).toEqual(await outcomes(referenceSide(), steps));
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
