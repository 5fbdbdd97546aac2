import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, type JSONValue, type Value } from "convex/values";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { createDeployment } from "./local-fixture.js";

interface Answer {
  status: number;
  body: { status?: string; value?: JSONValue; errorMessage?: string; errorData?: JSONValue; code?: string };
}

describe("the local deployment over HTTP", () => {
  const deployment = createDeployment({ redact: true });
  let served: ServedDeployment;
  beforeAll(async () => {
    served = await serveLocalDeployment(deployment);
  });
  afterAll(() => served.close());

  const post = async (
    endpoint: string,
    body: unknown,
    headers: Record<string, string> = { "Content-Type": "application/json" },
  ): Promise<Answer> => {
    const response = await fetch(`${served.url}${endpoint}`, {
      method: "POST",
      headers,
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  };
  const json = { "Content-Type": "application/json" };

  it("takes arguments bare or in an array, and answers in the format asked for", async () => {
    const value = { $integer: "AQAAAAAAAAA=" };
    const format = "convex_encoded_json";
    for (const args of [{ value }, [{ value }]]) {
      expect(await post("/api/query", { path: "notes:echo", args, format })).toEqual({
        status: 200,
        body: { status: "success", value },
      });
    }
    expect((await post("/api/query", { path: "notes:echo", args: { value } })).body.value).toBe("1");
    const asClient = await post(
      "/api/query",
      { path: "notes:echo", args: { value } },
      { ...json, "Convex-Client": "npm-1.48.0" },
    );
    expect(asClient.body.value).toEqual(value);
  });

  it("gives every Convex value back as it came", async () => {
    const client = new ConvexHttpClient(served.url);
    const echo = makeFunctionReference<"query">("notes:echo");
    const leaf = fc.oneof(
      fc.double(),
      fc.constant(-0),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.string({ unit: "grapheme" }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array().map((bytes) => bytes.slice().buffer),
    );
    const key = fc
      .string({ unit: "grapheme-ascii", minLength: 1 })
      .filter((key) => !/^\$|^__proto__$/.test(key));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie("value")), fc.dictionary(key, tie("value"))),
    }));
    await fc.assert(
      fc.asyncProperty(value, async (value: unknown) => {
        const back = (await client.query(echo, { value })) as Value;
        expect(convexToJson(back)).toEqual(convexToJson(value as Value));
      }),
      { numRuns: 60 },
    );
  });

  it("answers a failed function with 200, redacted but for a ConvexError's data", async () => {
    const plain = await post("/api/mutation", {
      path: "notes:addThenThrow",
      args: { key: "a", how: "plain" },
    });
    expect(plain.status).toBe(200);
    expect(plain.body.errorMessage).toMatch(/^\[Request ID: [0-9a-f]{16}\] Server Error$/);
    expect(plain.body).not.toHaveProperty("errorData");
    const thrown = await post("/api/mutation", {
      path: "notes:addThenThrow",
      args: { key: "a", how: "convex" },
    });
    expect(thrown.body.errorMessage).toMatch(/^\[Request ID: [0-9a-f]{16}\] Server Error$/);
    expect(thrown.body.errorData).toEqual({ code: "AFTER_INSERT", count: "1" });

    const client = new ConvexHttpClient(served.url);
    const failing = makeFunctionReference<"mutation">("notes:addThenThrow");
    const error: unknown = await client
      .mutation(failing, { key: "a", how: "convex" })
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConvexError);
    expect((error as ConvexError<never>).data).toEqual({ code: "AFTER_INSERT", count: 1n });
  });

  it.each([
    ["an unknown function", { path: "notes:nothing", args: {} }],
    ["an internal function", { path: "notes:internalCount", args: {} }],
    ["arguments that don't fit", { path: "notes:unique", args: { key: 1 } }],
    ["two arguments", { path: "notes:unique", args: [{ key: "a" }, {}] }],
    ["a mutation called as a query", { path: "notes:add", args: { note: { key: "a" } } }],
  ])("answers %s with 200 and an error", async (_, body) => {
    const answer = await post("/api/query", body);
    expect(answer.status).toBe(200);
    expect(answer.body.status).toBe("error");
  });

  it.each<[string, unknown, Record<string, string>, number, string]>([
    ["no content type", "{}", {}, 400, "BadJsonBody"],
    ["another content type", "{}", { "Content-Type": "text/plain" }, 400, "BadJsonBody"],
    ["a body that is no JSON", "{", json, 400, "BadJsonBody"],
    ["a body that is no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), json, 400, "BadJsonBody"],
    [
      "a lone surrogate",
      String.raw`{"path":"notes:echo","args":{"value":"\ud800"}}`,
      json,
      400,
      "BadJsonBody",
    ],
    ["no path", { args: {} }, json, 400, "BadJsonBody"],
    ["no arguments", { path: "notes:echo" }, json, 400, "BadJsonBody"],
    ["an unknown format", { path: "notes:echo", args: {}, format: "xml" }, json, 400, "BadFormat"],
    ["a body over 16 MiB", `"${"x".repeat(16 * 1024 * 1024)}"`, json, 400, "BadJsonBody"],
    ["a wrong admin key", {}, { ...json, Authorization: "Convex wrong" }, 401, "BadAdminKey"],
    ["a user's token", {}, { ...json, Authorization: "Bearer a.b.c" }, 401, "NoAuthProvider"],
  ])("refuses %s", async (_, body, headers, status, code) => {
    const answer = await post("/api/query", body, headers);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ code, message: expect.any(String) as string });
  });

  it("runs any kind of function for the CLI, and for nobody without the admin key", async () => {
    const body = { path: "notes:internalCount", args: {} };
    expect((await post("/api/function", body)).status).toBe(403);
    const admin = { ...json, Authorization: `Convex ${deployment.adminKey}` };
    expect((await post("/api/function", body, admin)).body).toEqual({ status: "success", value: 0 });
    expect((await post("/api/query", body, admin)).body).toEqual({ status: "success", value: 0 });
  });

  it("meters, and resets the meter with a POST", async () => {
    const url = `${served.url}/_local/usage`;
    await fetch(url, { method: "POST" });
    await post("/api/mutation", { path: "notes:add", args: { note: { key: "metered" } } });
    const usage = (await (await fetch(url)).json()) as Record<string, unknown>;
    expect(usage).toMatchObject({ calls: 1, mutations: 1, documentsWritten: 1, byTable: { notes: {} } });
    expect(await (await fetch(url, { method: "POST" })).json()).toEqual(usage);
    expect(await (await fetch(url)).json()).toMatchObject({ calls: 0, documentsWritten: 0, byTable: {} });
  });

  it("tells its version and name", async () => {
    expect((await fetch(`${served.url}/version`)).status).toBe(200);
    expect(await (await fetch(`${served.url}/instance_name`)).text()).toBe(deployment.name);
  });

  it("sends a subscribed query's new result when what it read has changed, and only then", async () => {
    const client = new ConvexClient(served.url, {
      webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    });
    try {
      const results: unknown[] = [];
      let wake: () => void = () => undefined;
      client.onUpdate(makeFunctionReference<"query">("notes:unique"), { key: "live" }, (note) => {
        results.push(note);
        wake();
      });
      const next = () => new Promise<void>((resolve) => (wake = resolve));
      await next();
      expect(results).toEqual([null]);
      const add = makeFunctionReference<"mutation">("notes:add");
      await client.mutation(add, { note: { key: "elsewhere" } });
      expect(results).toHaveLength(1);
      const arrived = next();
      await client.mutation(add, { note: { key: "live" } });
      await arrived;
      expect(results).toHaveLength(2);
      expect(results[1]).toMatchObject({ key: "live" });
    } finally {
      await client.close();
    }
  });
});
