import { afterEach, expect, test } from "vitest";
import { systemClock, type Clock } from "../../src/model/clock.js";
import { randomFaults, type Faults } from "../../local/convex/faults.js";
import { createMirrorDeployment } from "../../local/convex/mirror-deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { BatchSender } from "../../src/sink/batch-sender.js";
import { beginRun } from "../support/run-steps.js";
import { ConvexSink } from "../../src/sink/convex-sink.js";

const TABLE = "sow_poles";
const SYNC_KEY = "a key for tests";
const CALL_TIMEOUT_MS = 60;
/** Calls that are delayed past their time-out are carried out at last, when their sender has long sent others. */
const LONGEST_DELAY_MS = 250;

/** The call's time limit is real; a backoff takes a hundredth of its time, so that late calls come later still. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === CALL_TIMEOUT_MS ? ms : ms / 100, signal),
};

let served: ServedDeployment | undefined;
afterEach(() => served?.close());

async function startSink(faults: Faults) {
  let faulty = true;
  const delays: Promise<void>[] = [];
  const deployment = createMirrorDeployment({
    syncKey: SYNC_KEY,
    faults: (point, request) => (faulty ? faults(point, request) : null),
    clock: {
      ...systemClock,
      sleep: (ms, signal) => {
        const delay = systemClock.sleep(ms, signal);
        delays.push(delay);
        return delay;
      },
    },
  });
  served = await serveLocalDeployment(deployment);
  const sink = new ConvexSink({
    url: served.url,
    syncKey: SYNC_KEY,
    clock,
    callTimeoutMs: CALL_TIMEOUT_MS,
    maxAttempts: 100,
  });
  /** Resolves when the last late call has gone on. */
  const stopFaults = async () => {
    faulty = false;
    await Promise.all(delays);
  };
  return { deployment, sink, stopFaults };
}

test.each([1, 2])(
  "over real connections that break, hang and lie: the mirror holds what was handed over last (seed %i)",
  async (seed) => {
    const { deployment, sink, stopFaults } = await startSink(
      randomFaults(seed, {
        delay: 0.15,
        maxDelayMs: LONGEST_DELAY_MS,
        tooManyRequests: 0.05,
        overloaded: 0.05,
        conflict: 0.05,
        failedAfterCommit: 0.05,
        cutBeforeCall: 0.05,
        cutAfterCommit: 0.05,
        cutMidAnswer: 0.05,
      }),
    );
    const run = { table: TABLE, epoch: 1n, nonce: "first" };
    await beginRun(sink, { ...run, lineage: "source", takeOver: false });
    const sender = new BatchSender({
      sink,
      token: { ...run, fence: 0n },
      clock,
      maxAttempts: 100,
      maxBatchRows: 8,
      onRowRefused: (_, { message }) => Promise.reject(new Error(message)),
    });

    const expected = new Map<string, string>();
    for (let i = 0; i < 400; i++) {
      const key = `k${(i * 7 + Math.floor(i / 50) * 13) % 90}`;
      if (i % 5 === 4) {
        expected.delete(key);
        await sender.remove(key);
      } else {
        const status = `version ${i}`;
        expected.set(key, status);
        await sender.upsert({ key, hash: status, json: JSON.stringify({ id: key, status }), bytes: 100 });
      }
    }
    await sender.drain();
    await stopFaults();

    const { entries } = await sink.mirror(TABLE).listDocuments({ cursor: null, maxBytes: 1e6, limit: 1_000 });
    const mirrored = entries.map(({ document }) => [document["id"], document["status"]] as [string, string]);
    expect(new Map(mirrored)).toEqual(expected);
    expect(entries.length, "one document for each key").toBe(expected.size);
    const ledger = await sink.mirror(TABLE).listLedger({ after: null, limit: 1_000 });
    expect(new Map(ledger.entries.map(({ key, hash }) => [key, hash]))).toEqual(expected);
    const { mirrors } = await sink.handshake([TABLE]);
    expect(mirrors[0]!.rows).toBe(expected.size);
    expect(sender.token.fence, "outcomes were unknown").toBeGreaterThan(0n);
    expect(sink.meter(TABLE).retries).toBeGreaterThan(0);
    expect(deployment.tableSize(TABLE)).toBe(expected.size);
  },
);
