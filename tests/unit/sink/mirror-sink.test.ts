import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../convex/datahubSync/protocol.js";
import { functionFailure, httpFailure, success, type ScriptedAnswer } from "../../support/scripted-fetch.js";
import { errorOf, page, sinkFor } from "../../support/sink-fixture.js";

test("lookupKeys asks for as many keys at once as the protocol allows, and joins the answers", async () => {
  const keys = Array.from({ length: 2 * LIMITS.lookupKeys + 1 }, (_, i) => `key ${i}`);
  const { sink, requests } = sinkFor((request: { body: { args: [Record<string, unknown>] } }) => {
    const asked = request.body.args[0]["keys"] as string[];
    return success({ present: [{ key: asked[0]!, hash: `hash of ${asked[0]!}` }] });
  });
  const found = [keys[0]!, keys[LIMITS.lookupKeys]!, keys[2 * LIMITS.lookupKeys]!];
  expect(await sink.mirror("poles").lookupKeys(keys)).toEqual(
    new Map(found.map((key) => [key, `hash of ${key}`])),
  );
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
  const found = await sink.mirror("poles").lookupKeys(keys);
  expect(found).toEqual(new Map(keys.map((key) => [key, `hash of ${key}`])));
  expect(asked).toEqual([1_000, 500, 250, 250, 250, 250, 100]);
});

describe("a page that is too much for one transaction", () => {
  const answerUpTo =
    (most: number): ScriptedAnswer =>
    ({ body }) =>
      (body.args[0]["limit"] as number) <= most ? success({ entries: [], done: false }) : functionFailure();

  test("is asked for at half its length, until it passes", async () => {
    const { sink, requests } = sinkFor(answerUpTo(13));
    await expect(sink.mirror("poles").listLedger(page)).resolves.toEqual({ entries: [], done: false });
    expect(requests.map(({ body }) => body.args[0]["limit"])).toEqual([100, 50, 25, 13]);
  });

  test("stays halved for the pages that follow, of this function and table", async () => {
    const { sink, requests } = sinkFor(answerUpTo(50));
    const poles = sink.mirror("poles");
    await poles.listLedger(page);
    await poles.listLedger({ ...page, after: "a" });
    await sink.mirror("drops").listLedger(page);
    await poles.listMissing({ ...page, limit: 10 });
    expect(requests.map(({ body }) => body.args[0]["limit"])).toEqual([100, 50, 50, 100, 50, 10]);
  });

  test("because its database time passed 15 s is halved, and asked for again where there is nothing to halve", async () => {
    let left = 9;
    const { sink, requests, clock } = sinkFor(() =>
      left-- > 0 ? httpFailure(400, "SystemTimeoutError") : success({ entries: [], done: true }),
    );
    await expect(clock.run(sink.mirror("poles").listLedger(page))).resolves.toEqual({
      entries: [],
      done: true,
    });
    expect(requests.map(({ body }) => body.args[0]["limit"])).toEqual([100, 50, 25, 13, 7, 4, 2, 1, 1, 1]);
    expect(sink.meter("poles").retries).toBe(2);
  });

  test("is an error when not even one entry passes", async () => {
    const { sink, requests } = sinkFor(answerUpTo(0));
    expect((await errorOf(sink.mirror("poles").listMissing(page))).code).toBe("DEPLOYMENT_FAILED");
    expect(requests.at(-1)!.body.args[0]["limit"]).toBe(1);
  });

  test("is not asked for again when something else is wrong", async () => {
    const { sink, requests } = sinkFor(functionFailure({ code: "WRONG_SYNC_KEY", message: "" }));
    expect((await errorOf(sink.mirror("poles").listLedger(page))).code).toBe("WRONG_SYNC_KEY");
    expect(requests).toHaveLength(1);
  });
});
