import { describe, expect, test } from "vitest";
import { LIMITS, PROTOCOL_VERSION } from "../../../convex/datahubSync/protocol.js";
import { SyncError, type ErrorCode } from "../../../src/model/errors.js";
import type { ConvexSink } from "../../../src/sink/convex-sink.js";
import { nothingMetered } from "../../../src/sink/convex-transport.js";
import {
  functionFailure,
  httpFailure,
  socketFailure,
  success,
  type ScriptedAnswer,
} from "../../support/scripted-fetch.js";
import { errorOf, page, sinkFor, SYNC_KEY } from "../../support/sink-fixture.js";

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
    lineage: "l",
    epoch: 7n,
    nonce: "n",
    ends: [{ table: "poles", fence: 2n, priorNonce: null, ...end }],
  };
  const refusedNothing = { results: [{ table: "poles", rows: 4, refused: null }] };
  const batch = { slot: 3, upserts: [], deletions: ["k"], orphans: [], force: false };
  const documents = { cursor: null, maxBytes: 5, limit: 9 };

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
        ...token,
        ...int64,
        ...batch,
        deletions: [LIKE_ROWS],
        upserts: [{ key: LIKE_ROWS, hash: "$&$1", document: { a: LIKE_ROWS, n: 1.5 } }],
      },
    ],
    [
      "mutation",
      "finishRuns",
      (s) => s.finishRuns(finish),
      { ...finish, epoch: int64.epoch, ends: [{ ...finish.ends[0], fence: int64.fence }] },
    ],
    ["query", "listLedger", (s) => s.mirror("poles").listLedger(page), { table: "poles", ...page }],
    [
      "query",
      "listDocuments",
      (s) => s.mirror("poles").listDocuments(documents),
      { table: "poles", ...documents },
    ],
    ["query", "listMissing", (s) => s.mirror("poles").listMissing(page), { table: "poles", ...page }],
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
  await expect(clock.run(sink.mirror("poles").listLedger(page))).resolves.toEqual({
    entries: [],
    done: true,
  });
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

test("an abort ends a call under way, and the run's own reason is told", async () => {
  const controller = new AbortController();
  const { sink } = sinkFor("hang");
  const work = sink.mirror("poles", { signal: controller.signal }).listLedger(page);
  const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
  controller.abort(lost);
  await expect(work).rejects.toBe(lost);
});

test("nothing is tried again after the deadline", async () => {
  const { sink, clock, requests } = sinkFor(httpFailure(500));
  await errorOf(clock.run(sink.mirror("poles", { deadlineAt: 1_500 }).listLedger(page)));
  expect(requests).toHaveLength(2);
});
