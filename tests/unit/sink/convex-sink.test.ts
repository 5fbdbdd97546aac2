import { describe, expect, test } from "vitest";
import { LIMITS, PROTOCOL_VERSION } from "../../../convex/datahubSyncProtocol.js";
import { SyncError, type ErrorCode } from "../../../src/model/errors.js";
import { ConvexSink } from "../../../src/sink/convex-sink.js";
import { nothingMetered } from "../../../src/sink/convex-transport.js";
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
const page = { table: "poles", after: null, limit: 100 };

function sinkFor(...answers: ScriptedAnswer[]) {
  const { fetch, requests } = scriptFetch(...answers);
  const clock = new VirtualClock();
  clock.random = () => 0;
  const sink = new ConvexSink({
    url: "https://happy-otter-123.convex.cloud",
    syncKey: SYNC_KEY,
    clock,
    fetch,
  });
  return { sink, requests, clock };
}

async function errorOf(work: Promise<unknown>): Promise<SyncError> {
  const error = await work.then(
    () => expect.fail("The call succeeded."),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SyncError);
  return error as SyncError;
}

const handshakeAnswer =
  (protocol = PROTOCOL_VERSION) =>
  (request: { body: { args: [Record<string, unknown>] } }) => {
    const tables = request.body.args[0]["tables"] as string[];
    return success({ protocol, mirrors: tables.map((table) => ({ table, deployed: true })) });
  };

describe("each method calls its function with its arguments", () => {
  const token = { table: "poles", epoch: 7n, nonce: "n", fence: 2n };
  const int64 = { epoch: { $integer: "BwAAAAAAAAA=" }, fence: { $integer: "AgAAAAAAAAA=" } };
  const lastRun = { mode: "delta", outcome: "done", finishedAt: "2026-08-01T00:00:00Z" } as const;
  const counts = { read: 1, inserted: 1, updated: 0, unchanged: 0, deleted: 0, rejected: 0 };
  const begin = { tables: ["poles"], lineage: "l", epoch: 7n, nonce: "n", takeOver: false };
  const end = { nextNonce: "m", highWaterMark: null, position: "5:9:", lastRun: { ...lastRun, ...counts } };
  const finish = {
    ...{ lineage: "l", epoch: 7n, nonce: "n" },
    ends: [{ table: "poles", fence: 2n, priorNonce: null, ...end }],
  };
  const refusedNothing = { results: [{ table: "poles", rows: 4, refused: null }] };
  const batch = { slot: 3, upserts: [], deletions: ["k"], orphans: [], force: false };
  const documents = { table: "poles", cursor: null, maxBytes: 5, limit: 9 };

  const LIKE_ROWS = '"upserts":[]';
  const tricky = {
    key: LIKE_ROWS,
    hash: "$&$1",
    json: `{"a": ${JSON.stringify(LIKE_ROWS)}, "n": 1.50}`,
  };

  test.each<[string, string, (sink: ConvexSink) => Promise<unknown>, Record<string, unknown>]>([
    ["mutation", "beginRuns", (s) => s.beginRuns(begin), { ...begin, epoch: int64.epoch }],
    [
      "mutation",
      "rotateFence",
      (s) => s.rotateFence(token, 3n),
      { ...token, ...int64, nextFence: { $integer: "AwAAAAAAAAA=" } },
    ],
    ["mutation", "applyBatch", (s) => s.applyBatch({ ...token, ...batch }), { ...token, ...int64, ...batch }],
    [
      "mutation",
      "applyBatch",
      // Texts that look like what stands for the rows, and like what a replacement would expand.
      (s) => s.applyBatch({ ...token, ...batch, upserts: [tricky], deletions: [LIKE_ROWS] }),
      {
        ...{ ...token, ...int64, ...batch, deletions: [LIKE_ROWS] },
        upserts: [{ key: LIKE_ROWS, hash: "$&$1", document: { a: LIKE_ROWS, n: 1.5 } }],
      },
    ],
    [
      "mutation",
      "finishRuns",
      (s) => s.finishRuns(finish),
      { ...finish, epoch: int64.epoch, ends: [{ ...finish.ends[0], fence: int64.fence }] },
    ],
    ["query", "listLedger", (s) => s.listLedger(page), page],
    ["query", "listDocuments", (s) => s.listDocuments(documents), documents],
    ["query", "listMissing", (s) => s.listMissing(page), page],
  ])("%s %s", async (type, name, call, args) => {
    const { sink, requests } = sinkFor(success(name.endsWith("Runs") ? refusedNothing : { rows: 4 }));
    await call(sink);
    expect(requests[0]!.url).toBe(`https://happy-otter-123.convex.cloud/api/${type}`);
    expect(requests[0]!.body).toEqual({
      path: `datahubSync:${name}`,
      format: "convex_encoded_json",
      args: [{ syncKey: SYNC_KEY, ...args }],
    });
  });
});

test("lookupKeys asks for as many keys at once as the protocol allows, and joins the answers", async () => {
  const keys = Array.from({ length: 2 * LIMITS.lookupKeys + 1 }, (_, i) => `key ${i}`);
  const { sink, requests } = sinkFor((request: { body: { args: [Record<string, unknown>] } }) => {
    const asked = request.body.args[0]["keys"] as string[];
    return success({ present: [{ key: asked[0]!, hash: `hash of ${asked[0]!}` }] });
  });
  const found = [keys[0]!, keys[LIMITS.lookupKeys]!, keys[2 * LIMITS.lookupKeys]!];
  expect(await sink.lookupKeys("poles", keys)).toEqual(new Map(found.map((key) => [key, `hash of ${key}`])));
  expect(requests.map((request) => request.body)).toMatchObject([
    { path: "datahubSync:lookupKeys", args: [{ table: "poles", keys: keys.slice(0, LIMITS.lookupKeys) }] },
    {},
    {},
  ]);
  expect(requests).toHaveLength(3);
});

test("keys that are too many for one look-up are looked up by halves, and none is left out", async () => {
  const asked: number[] = [];
  const { sink } = sinkFor((request: { body: { args: [Record<string, unknown>] } }) => {
    const keys = request.body.args[0]["keys"] as string[];
    asked.push(keys.length);
    if (keys.length > 300) return httpFailure(400, "SystemTimeoutError");
    return success({ present: keys.map((key) => ({ key, hash: `hash of ${key}` })) });
  });
  const keys = Array.from({ length: LIMITS.lookupKeys + 100 }, (_, i) => `key ${i}`);
  const found = await sink.lookupKeys("poles", keys);
  expect(found).toEqual(new Map(keys.map((key) => [key, `hash of ${key}`])));
  expect(asked).toEqual([1_000, 500, 250, 250, 250, 250, 100]);
});

describe("the handshake", () => {
  test("asks for as many tables at once as the protocol allows, in order", async () => {
    const { sink, requests } = sinkFor(handshakeAnswer());
    const tables = Array.from({ length: 2 * LIMITS.mirrors + 1 }, (_, i) => `table_${i}`);
    const { mirrors } = await sink.handshake(tables);
    expect(mirrors.map((mirror) => mirror.table)).toEqual(tables);
    expect(requests).toHaveLength(3);
  });

  test.each([
    [PROTOCOL_VERSION - 1, "Deploy the functions"],
    [PROTOCOL_VERSION + 1, "Update datahub-sync"],
  ])("refuses version %i of the protocol", async (version, remedy) => {
    const error = await errorOf(sinkFor(handshakeAnswer(version)).sink.handshake(["poles"]));
    expect(error.code).toBe("PROTOCOL_MISMATCH");
    expect(error.remedy).toContain(remedy);
  });

  test("takes any failure that is not one of ours for functions that are not there", async () => {
    for (const answer of [
      functionFailure(),
      functionFailure(undefined, "[Request ID: 1f2e3d4c] Server Error\nCould not find public function for …"),
      functionFailure({ code: "OF_ANOTHER_APP" }),
    ]) {
      const { sink, requests } = sinkFor(answer);
      const error = await errorOf(sink.handshake(["poles"]));
      expect(error.code).toBe("FUNCTIONS_NOT_DEPLOYED");
      expect(error.message).toContain("request 1f2e3d4c");
      expect(error.remedy).toContain("npx convex deploy");
      expect(requests).toHaveLength(1);
    }
  });

  test("tells soon that nobody is there", async () => {
    const { sink, requests, clock } = sinkFor(socketFailure("ENOTFOUND"));
    const error = await errorOf(clock.run(sink.handshake(["poles"])));
    expect(error.code).toBe("DEPLOYMENT_UNREACHABLE");
    expect(error.message).toContain("happy-otter-123.convex.cloud");
    expect(error.message).toContain("ENOTFOUND");
    expect(error.remedy).toContain("CONVEX_URL");
    expect(requests).toHaveLength(4);
    expect(clock.sleeps.filter((ms) => ms < 30_000)).toEqual([1_000, 1_000, 1_000]);
  });
});

test.each<[string, ScriptedAnswer, ErrorCode, RegExp]>([
  [
    "no key there",
    functionFailure({ code: "SYNC_KEY_UNSET", message: "" }),
    "SYNC_KEY_UNSET",
    /convex env set/,
  ],
  [
    "another key",
    functionFailure({ code: "WRONG_SYNC_KEY", message: "" }),
    "WRONG_SYNC_KEY",
    /convex env set/,
  ],
  [
    "a strange table",
    functionFailure({ code: "UNKNOWN_TABLE", message: "" }),
    "TABLE_NOT_DEPLOYED",
    /schema/,
  ],
  [
    "a stranger's mirror",
    functionFailure({ code: "LINEAGE_MISMATCH", message: "" }),
    "LINEAGE_MISMATCH",
    /--take-over/,
  ],
  ["a newer run", functionFailure({ code: "EPOCH_BEHIND", message: "" }), "LEASE_LOST", /overlapping/],
  ["a newer run's token", functionFailure({ code: "STALE_TOKEN", message: "" }), "LEASE_LOST", /overlapping/],
  ["a bug there", functionFailure(), "DEPLOYMENT_FAILED", /dashboard/],
  ["a gate before it", httpFailure(403, "Forbidden"), "DEPLOYMENT_FAILED", /proxy or access rule/],
  [
    "too slow for anything",
    httpFailure(400, "SystemTimeoutError"),
    "DEPLOYMENT_FAILED",
    /15 s.*quieter time/,
  ],
  ["pushing back for ever", httpFailure(429, "TooManyWrites"), "DEPLOYMENT_FAILED", /write rate/],
  ["an outage", httpFailure(500, "InternalServerError"), "DEPLOYMENT_FAILED", /dashboard/],
  ["a wrong address", httpFailure(404), "DEPLOYMENT_UNREACHABLE", /CONVEX_URL/],
  ["silence", "hang", "DEPLOYMENT_UNREACHABLE", /network/],
])("the error names cause, table and remedy: %s", async (_name, answer, code, remedy) => {
  const { sink, clock } = sinkFor(answer);
  const token = { table: "poles", epoch: 7n, nonce: "n", fence: 0n };
  const error = await errorOf(clock.run(sink.rotateFence(token, 1n)));
  expect(error).toMatchObject({ code, table: "poles", exitCode: 1 });
  expect(error.remedy).toMatch(remedy);
  expect(JSON.stringify([error.message, error.remedy, error.stack])).not.toContain(SYNC_KEY);
});

test("what may be repeated is repeated, and counted for its table", async () => {
  const { sink, requests, clock } = sinkFor(
    httpFailure(503, "ExpiredInQueue"),
    socketFailure("ECONNRESET"),
    success({ entries: [], done: true, used: { read: 7, written: 0 } }),
  );
  await expect(clock.run(sink.listLedger(page))).resolves.toEqual({ entries: [], done: true });
  const bytesSent = requests.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  expect(sink.meter("poles")).toEqual({ calls: 3, retries: 2, bytesSent, bytesRead: 7, bytesWritten: 0 });
  expect(sink.meter("drops")).toEqual(nothingMetered());
});

test("a batch is tried once: what follows is for its sender to decide", async () => {
  const { sink, requests } = sinkFor(httpFailure(503, "ExpiredInQueue"));
  const token = { table: "poles", epoch: 7n, nonce: "n", fence: 2n };
  const batch = { ...token, slot: 0, upserts: [], deletions: ["k"], orphans: [], force: false };
  await expect(sink.applyBatch(batch)).rejects.toMatchObject({ name: "ConvexCallError", status: 503 });
  expect(requests).toHaveLength(1);
});

describe("a page that is too much for one transaction", () => {
  const answerUpTo =
    (most: number): ScriptedAnswer =>
    ({ body }) =>
      (body.args[0]["limit"] as number) <= most ? success({ entries: [], done: false }) : functionFailure();

  test("is asked for at half its length, until it passes", async () => {
    const { sink, requests } = sinkFor(answerUpTo(13));
    await expect(sink.listLedger(page)).resolves.toEqual({ entries: [], done: false });
    expect(requests.map(({ body }) => body.args[0]["limit"])).toEqual([100, 50, 25, 13]);
  });

  test("stays halved for the pages that follow, of this function and table", async () => {
    const { sink, requests } = sinkFor(answerUpTo(50));
    await sink.listLedger(page);
    await sink.listLedger({ ...page, after: "a" });
    await sink.listLedger({ ...page, table: "drops" });
    await sink.listMissing({ ...page, limit: 10 });
    expect(requests.map(({ body }) => body.args[0]["limit"])).toEqual([100, 50, 50, 100, 50, 10]);
  });

  test("because its database time passed 15 s is halved, and asked for again where there is nothing to halve", async () => {
    let left = 9;
    const { sink, requests, clock } = sinkFor(() =>
      left-- > 0 ? httpFailure(400, "SystemTimeoutError") : success({ entries: [], done: true }),
    );
    await expect(clock.run(sink.listLedger(page))).resolves.toEqual({ entries: [], done: true });
    expect(requests.map(({ body }) => body.args[0]["limit"])).toEqual([100, 50, 25, 13, 7, 4, 2, 1, 1, 1]);
    expect(sink.meter("poles").retries).toBe(2);
  });

  test("is an error when not even one entry passes", async () => {
    const { sink, requests } = sinkFor(answerUpTo(0));
    expect((await errorOf(sink.listMissing(page))).code).toBe("DEPLOYMENT_FAILED");
    expect(requests.at(-1)!.body.args[0]["limit"]).toBe(1);
  });

  test("is not asked for again when something else is wrong", async () => {
    const { sink, requests } = sinkFor(functionFailure({ code: "WRONG_SYNC_KEY", message: "" }));
    expect((await errorOf(sink.listLedger(page))).code).toBe("WRONG_SYNC_KEY");
    expect(requests).toHaveLength(1);
  });
});

test("an abort ends a call under way, and the run's own reason is told", async () => {
  const controller = new AbortController();
  const { sink } = sinkFor("hang");
  const work = sink.listLedger(page, { signal: controller.signal });
  const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
  controller.abort(lost);
  await expect(work).rejects.toBe(lost);
});

test("nothing is tried again after the deadline", async () => {
  const { sink, clock, requests } = sinkFor(httpFailure(500));
  await errorOf(clock.run(sink.listLedger(page, { deadlineAt: 1_500 })));
  expect(requests).toHaveLength(2);
});
