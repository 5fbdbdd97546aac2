import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import { expect, test, vi } from "vitest";
import { systemClock, type Clock } from "../../../src/model/clock.js";
import { BatchSender } from "../../../src/sink/batch-sender.js";
import { ConvexSink } from "../../../src/sink/convex-sink.js";
import {
  FIRST_END,
  FIRST_RUN,
  FIRST_TOKEN,
  row,
  startTestDeployment,
  SYNC_KEY,
  TABLE,
} from "../../convex/test-deployment.js";
import { beginRun, finishRun } from "../../support/run-steps.js";
import { functionFailure, socketFailure, success } from "../../support/scripted-fetch.js";

/** convex-test takes real time. So a call has all the time it wants, and a wait is over at once. */
const NO_LIMIT_MS = 1e9;
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === NO_LIMIT_MS ? 2 ** 31 - 1 : 0, signal),
};

/** The sink over the functions of `convex/` themselves. `lose` says which calls never arrive; they are kept. */
function startSink(lose: (path: string) => boolean = () => false) {
  const deployment = startTestDeployment();
  const lost: (() => Promise<Response>)[] = [];
  const serve = async (url: string, { path, args }: { path: string; args: [JSONValue] }) => {
    const decoded = jsonToConvex(args[0]) as Record<string, Value>;
    try {
      const value: unknown = url.endsWith("/query")
        ? await deployment.t.query(makeFunctionReference<"query">(path), decoded)
        : await deployment.t.mutation(makeFunctionReference<"mutation">(path), decoded);
      return success(convexToJson(value as Value));
    } catch (error) {
      return functionFailure(error instanceof ConvexError ? convexToJson(error.data as Value) : undefined);
    }
  };
  const fetch = ((url: string, init: RequestInit) => {
    const body = JSON.parse(init.body as string) as { path: string; args: [JSONValue] };
    if (!lose(body.path)) return serve(url, body);
    lost.push(() => serve(url, body));
    return Promise.reject(socketFailure("ECONNRESET"));
  }) as typeof globalThis.fetch;
  const url = "https://happy-otter-123.convex.cloud";
  const sinkWith = (syncKey: string) =>
    new ConvexSink({ url, syncKey, clock, fetch, callTimeoutMs: NO_LIMIT_MS });
  return { deployment, sink: sinkWith(SYNC_KEY), sinkWith, lost };
}

const BEGIN = { ...FIRST_RUN, lineage: "source", takeOver: false };
const outgoing = (key: string, status: string) => {
  const { document, ...rest } = row(key, status);
  return { ...rest, json: JSON.stringify(document), bytes: 100 };
};

test("a whole run, from the handshake to what the mirror then holds", async () => {
  const { sink } = startSink();
  const { mirrors } = await sink.handshake([TABLE, "no_such_table"]);
  expect(mirrors.map(({ table, deployed }) => [table, deployed])).toEqual([
    [TABLE, true],
    ["no_such_table", false],
  ]);
  await beginRun(sink, BEGIN);
  const sender = new BatchSender({
    sink,
    token: FIRST_TOKEN,
    clock,
    maxBatchRows: 3,
    onRowRefused: () => Promise.reject(new Error("No row of these is bad.")),
  });
  for (const key of ["a", "b", "c", "d"]) await sender.upsert(outgoing(key, "new"));
  await sender.upsert(outgoing("a", "changed"));
  await sender.upsert(outgoing("b", "new"));
  await sender.remove("c");
  await sender.remove("never there");
  await sender.drain();
  expect(sender.counts).toEqual({
    inserted: 4,
    updated: 1,
    unchanged: 1,
    deleted: 1,
    absent: 1,
    refused: 0,
  });
  await finishRun(sink, sender.token, FIRST_END);

  const ledger = await sink.mirror(TABLE).listLedger({ after: null, limit: 100 });
  expect(ledger).toEqual({
    entries: [
      { key: "a", hash: "hash of changed" },
      { key: "b", hash: "hash of new" },
      { key: "d", hash: "hash of new" },
    ],
    done: true,
  });
  const documents = await sink.mirror(TABLE).listDocuments({ cursor: null, maxBytes: 100_000, limit: 100 });
  expect(documents.entries.map(({ document, ledger }) => [document, ledger?.key])).toEqual([
    [{ id: "a", status: "changed" }, "a"],
    [{ id: "b", status: "new" }, "b"],
    [{ id: "d", status: "new" }, "d"],
  ]);
  await expect(sink.mirror(TABLE).listMissing({ after: null, limit: 100 })).resolves.toEqual({
    missing: [],
    after: null,
  });
});

test("a call that was given up and arrives after its row was deleted leaves no ghost", async () => {
  let calls = 0;
  const { deployment, sink, lost } = startSink((path) => path.endsWith("applyBatch") && ++calls === 1);
  await beginRun(sink, BEGIN);
  const sender = new BatchSender({ sink, token: FIRST_TOKEN, clock, onRowRefused: () => Promise.resolve() });
  await sender.upsert(outgoing("ghost", "new"));
  await sender.drain();
  await sender.remove("ghost");
  await sender.drain();
  expect(sender.token.fence).toBe(1n);
  expect(lost).toHaveLength(1);
  await expect((await lost[0]!()).json()).resolves.toMatchObject({ errorData: { code: "STALE_TOKEN" } });
  expect(await deployment.documents()).toEqual([]);
});

test("a row that the deployed schema does not take is set aside with the reason, and the others are written", async () => {
  const { deployment, sink } = startSink();
  const reasons: string[] = [];
  await beginRun(sink, BEGIN);
  const sender = new BatchSender({
    sink,
    token: FIRST_TOKEN,
    clock,
    onRowRefused: (key, { code, message }) => Promise.resolve(void reasons.push(`${key} ${code} ${message}`)),
  });
  const bad = { ...outgoing("bad", "new"), json: JSON.stringify({ id: "bad", status: 42 }) };
  for (const each of [outgoing("a", "new"), bad, outgoing("b", "new")]) await sender.upsert(each);
  await sender.drain();
  expect(reasons).toHaveLength(1);
  expect(reasons[0]).toMatch(/^bad ROW_FAILED /);
  expect((await deployment.documents()).map((document) => document.id)).toEqual(["a", "b"]);
});

test("beginRuns, rotateFence and finishRuns may be repeated when their answer was lost", async () => {
  const { deployment, sink } = startSink();
  for (let twice = 0; twice < 2; twice++) await beginRun(sink, BEGIN);
  for (let twice = 0; twice < 2; twice++) await sink.rotateFence(FIRST_TOKEN, 1n);
  for (let twice = 0; twice < 2; twice++) await finishRun(sink, { ...FIRST_TOKEN, fence: 1n }, FIRST_END);
  await expect(sink.rotateFence(FIRST_TOKEN, 1n), "late").rejects.toMatchObject({ code: "LEASE_LOST" });
  await expect(beginRun(sink, BEGIN), "late").rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(await deployment.state()).toMatchObject({ nonce: "ended", running: false, fence: 1n });
});

test("the key: wrong, or not set on the deployment's side", async () => {
  const { sink, sinkWith } = startSink();
  await expect(sinkWith("another").handshake([TABLE])).rejects.toMatchObject({ code: "WRONG_SYNC_KEY" });
  vi.stubEnv("CONVEX_SYNC_AUTH_KEY", undefined);
  await expect(sink.handshake([TABLE])).rejects.toMatchObject({ code: "SYNC_KEY_UNSET" });
});
