import { describe, expect, test, vi } from "vitest";
import type { ConvexCallError } from "../../../src/sink/convex-call-error.js";
import { ConvexTransport, nothingMetered } from "../../../src/sink/convex-transport.js";
import {
  functionFailure,
  httpFailure,
  scriptFetch,
  socketFailure,
  success,
  type ScriptedAnswer,
} from "../../support/scripted-fetch.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const SYNC_KEY = "a key that nobody may see";

function transportFor(...answers: ScriptedAnswer[]) {
  const { fetch, requests } = scriptFetch(...answers);
  const clock = new VirtualClock(1, Date.UTC(2026, 7, 1));
  const transport = new ConvexTransport({
    url: "https://user:password@happy-otter-123.convex.cloud/",
    syncKey: SYNC_KEY,
    clock,
    fetch,
  });
  return { transport, requests, clock };
}

/** The error of one mutation that is answered like this. */
async function failureFor(answer: ScriptedAnswer, args: Record<string, unknown> = {}, signal?: AbortSignal) {
  const { transport, clock, requests } = transportFor(answer);
  const meter = nothingMetered();
  const work = transport.mutation("applyBatch", args, { meter, signal });
  const error = await clock.run(work).then(
    () => expect.fail("The call succeeded."),
    (reason: unknown) => reason as ConvexCallError,
  );
  expect(error.name).toBe("ConvexCallError");
  return { error, meter, clock, requests };
}

describe("a call that succeeds", () => {
  test("is Convex's HTTP API, with the key among the arguments", async () => {
    const { transport, requests, clock } = transportFor(
      success({ rows: 3, epoch: { $integer: "BwAAAAAAAAA=" }, used: { read: 420, written: 90 } }),
    );
    const meter = nothingMetered();
    const args = { table: "poles", epoch: 7n };
    const answer = await clock.run(transport.mutation("beginRun", args, { meter }));
    expect(answer).toEqual({ rows: 3, epoch: 7n });
    const { url, text, body, init } = requests[0]!;
    expect(url).toBe("https://user:password@happy-otter-123.convex.cloud/api/mutation");
    expect(body).toEqual({
      path: "datahubSync:beginRun",
      format: "convex_encoded_json",
      args: [{ syncKey: SYNC_KEY, table: "poles", epoch: { $integer: "BwAAAAAAAAA=" } }],
    });
    expect(init.redirect).toBe("manual");
    expect(meter).toEqual({
      calls: 1,
      retries: 0,
      bytesSent: Buffer.byteLength(text),
      bytesRead: 420,
      bytesWritten: 90,
    });
    await clock.runOut();
    expect(clock.now(), "the time limit was lifted").toBe(Date.UTC(2026, 7, 1));
  });

  test("shows no credentials of the URL", () => {
    expect(transportFor(success(null)).transport.host).toBe("happy-otter-123.convex.cloud");
  });

  test("does not queue behind another mutation", async () => {
    const { transport, requests } = transportFor("hang", success(null));
    const controller = new AbortController();
    const first = transport.mutation(
      "applyBatch",
      {},
      { meter: nothingMetered(), signal: controller.signal },
    );
    await transport.mutation("applyBatch", {}, { meter: nothingMetered() });
    expect(requests).toHaveLength(2);
    controller.abort();
    await expect(first).rejects.toMatchObject({ kind: "aborted" });
  });
});

describe("a call that fails", () => {
  test("with a ConvexError of ours carries its code and our sentences", async () => {
    const data = { code: "ROW_FAILED", message: "A row was refused.", reason: "Too large.", key: "k" };
    const { error } = await failureFor(functionFailure(data));
    expect(error).toMatchObject({
      kind: "function",
      code: "ROW_FAILED",
      detail: "A row was refused. Too large.",
      requestId: "1f2e3d4c",
    });
  });

  test.each([
    ["a redacted error", undefined],
    ["another ConvexError", { code: "NO_CREDIT", message: "Ann Smith has no credit" }],
    ["a ConvexError that is a text", "Ann Smith has no credit"],
    ["a ConvexError that is null", null],
  ])("with %s is FUNCTION_FAILED, and the message stays behind", async (_name, data) => {
    const { error } = await failureFor(functionFailure(data));
    expect(error).toMatchObject({ kind: "function", code: "FUNCTION_FAILED", detail: null });
    expect(error.message).toBe("datahubSync:applyBatch failed: function, FUNCTION_FAILED, request 1f2e3d4c");
  });

  test("with another status carries the status and Convex's code", async () => {
    const { error } = await failureFor(httpFailure(503, "WorkerOverloaded"));
    expect(error).toMatchObject({ kind: "http", status: 503, code: "WorkerOverloaded", retryAfterMs: null });
    expect(error.message).toBe("datahubSync:applyBatch failed: HTTP 503, WorkerOverloaded");
  });

  test("of a proxy has a status and no code", async () => {
    const { error } = await failureFor(httpFailure(502));
    expect(error).toMatchObject({ kind: "http", status: 502, code: null });
  });

  test.each([
    ["7", 7_000],
    ["0", 0],
    ["Sat, 01 Aug 2026 00:00:30 GMT", 30_000],
    ["Sat, 01 Aug 1999 00:00:30 GMT", 0],
    ["soon", null],
  ])("says how long to wait: Retry-After %s", async (value, expected) => {
    const { error } = await failureFor(httpFailure(429, "TooManyWrites", { "retry-after": value }));
    expect(error.retryAfterMs).toBe(expected);
  });

  test("with 560 is a function's failure like any other", async () => {
    const answer = new Response(await functionFailure({ code: "STALE_TOKEN", message: "m" }).text(), {
      status: 560,
    });
    expect((await failureFor(answer)).error).toMatchObject({ kind: "function", code: "STALE_TOKEN" });
  });

  test("for its connection carries the socket's code", async () => {
    expect((await failureFor(socketFailure("ECONNREFUSED"))).error).toMatchObject({
      kind: "network",
      code: "ECONNREFUSED",
    });
    expect((await failureFor(new TypeError("fetch failed"))).error).toMatchObject({
      kind: "network",
      code: null,
    });
  });

  test("with a 200 that is not JSON did not come from Convex", async () => {
    const { error } = await failureFor(new Response("<html>Sign in to the airport's network</html>"));
    expect(error).toMatchObject({ kind: "network", code: "BAD_ANSWER" });
  });

  test("when its time is up, to the millisecond", async () => {
    const { error, clock } = await failureFor("hang");
    expect(error.kind).toBe("timeout");
    expect(clock.now() - Date.UTC(2026, 7, 1)).toBe(30_000);
  });

  test("when the caller aborts", async () => {
    const controller = new AbortController();
    queueMicrotask(() => controller.abort());
    expect((await failureFor("hang", {}, controller.signal)).error.kind).toBe("aborted");
    const { error, requests } = await failureFor("hang", {}, AbortSignal.abort());
    expect(error.kind).toBe("aborted");
    expect(requests.every(({ init }) => init.signal!.aborted)).toBe(true);
  });

  test("leaves nothing behind at the caller's signal", async () => {
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    const added = vi.spyOn(signal, "addEventListener");
    await failureFor(httpFailure(500), {}, signal);
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls[0]).toEqual(added.mock.calls[0]!.slice(0, 2));
  });

  test("before it is sent, when Convex has no such value", async () => {
    const { error, meter, requests } = await failureFor(success(null), { value: new Date(0) });
    expect(error.kind).toBe("unsendable");
    expect(requests).toEqual([]);
    expect(meter.calls).toBe(0);
  });

  test("before it is sent, when it is longer than Convex takes", async () => {
    const { error, requests } = await failureFor(success(null), { value: "x".repeat(16 * 1024 * 1024) });
    expect(error).toMatchObject({ kind: "unsendable", code: "REQUEST_TOO_LARGE" });
    expect(requests).toEqual([]);
  });
});

describe("invariant 11: neither the key nor a value reaches an error", () => {
  const secrets = { value: "the row's own words" };
  const echo = `${SYNC_KEY} ${secrets.value}`;

  test.each<[string, ScriptedAnswer]>([
    [
      "an unredacted validation error",
      functionFailure(undefined, `Server Error ArgumentValidationError ${echo}`),
    ],
    ["a ConvexError that is not ours", functionFailure({ code: echo, message: echo })],
    ["a code that is no code", httpFailure(400, echo)],
    ["a text instead of JSON", new Response(echo, { status: 500 })],
    ["JSON that is not Convex's", Response.json({ [echo]: echo })],
    ["a socket's message", new TypeError(echo, { cause: new Error(echo) })],
  ])("%s", async (_name, answer) => {
    const { error } = await failureFor(answer, secrets);
    const all = [error.message, error.stack, JSON.stringify(error), String(error.cause)].join();
    expect(all).not.toContain(SYNC_KEY);
    expect(all).not.toContain(secrets.value);
  });

  test("not even a key that our own function would quote", async () => {
    const { error } = await failureFor(
      functionFailure({ code: "WRONG_SYNC_KEY", message: `Not ${SYNC_KEY}.` }),
    );
    expect(error.detail).toBe("Not [sync key].");
  });

  test("nothing is printed", async () => {
    const spies = (["log", "info", "warn", "error", "debug"] as const).map((m) => vi.spyOn(console, m));
    await failureFor(Response.json({ status: "error", errorMessage: echo, logLines: [echo] }), secrets);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });
});
