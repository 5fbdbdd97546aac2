import { expect } from "vitest";
import { SyncError } from "../../src/model/errors.js";
import { ConvexSink } from "../../src/sink/convex-sink.js";
import { scriptFetch, type ScriptedAnswer } from "./scripted-fetch.js";
import { VirtualClock } from "./virtual-clock.js";

export const SYNC_KEY = "a key that nobody may see";
/** The first page of a list. */
export const page = { after: null, limit: 100 };

/** A sink whose calls are answered by a script, in time that passes by itself. */
export function sinkFor(...answers: ScriptedAnswer[]) {
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

/** What the work failed with. */
export async function errorOf(work: Promise<unknown>): Promise<SyncError> {
  const error = await work.then(
    () => expect.fail("The call succeeded."),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SyncError);
  return error as SyncError;
}
