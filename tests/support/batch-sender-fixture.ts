import { BatchSender, type BatchSenderOptions } from "../../src/sink/batch-sender.js";
import { ModelConvex } from "./model-convex.js";
import { VirtualClock } from "./virtual-clock.js";

export const TOKEN = { table: "poles", epoch: 3n, nonce: "run", fence: 0n };

export const row = (key: string, hash = `hash of ${key}`, bytes = 100) => ({
  key,
  hash,
  bytes,
  json: "{}",
});
/** k0, k1, k2 and so on. */
export const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

/** A sender to a model of Convex without jitter: a wait is the shortest that the backoff allows. */
export function startBatchSender(options: Partial<BatchSenderOptions> = {}, clock = new VirtualClock()) {
  clock.random = () => 0;
  const convex = new ModelConvex(clock, { ...TOKEN });
  const refused: string[] = [];
  const settled: string[] = [];
  const sender = new BatchSender({
    sink: convex.sink,
    token: TOKEN,
    clock,
    maxBatchRows: 2,
    onRowRefused: (key, { code }) => {
      refused.push(`${key}: ${code}`);
      return Promise.resolve();
    },
    onSettled: (done) => settled.push(...done),
    ...options,
  });
  /** Hands rows over and drains, while time passes. */
  const send = (...rows: ReturnType<typeof row>[]) =>
    clock.run(
      (async () => {
        for (const each of rows) await sender.upsert(each);
        await sender.drain();
      })(),
    );
  return { clock, convex, sender, send, refused, settled };
}

/** The keys of each batch that was sent, a deletion's with a minus. */
export const shapes = (convex: ModelConvex) =>
  convex.batches.map(({ upserts, deletions }) => [
    ...upserts.map((u) => u.key),
    ...deletions.map((k) => `-${k}`),
  ]);
