import { ConvexClient } from "convex/browser";
import { anyApi, queryGeneric } from "convex/server";
import WebSocket from "ws";
import type { Clock } from "../../src/model/clock.js";
import type { Stage } from "./stage.js";

/** Where the step shows itself: a table of eight rows. */
const TABLE = "mohadin_activations";
const CHANGES = 10;
const PAUSE_MS = 200;

/** An app that shows how many rows of the table a team has finished. */
const app = {
  finished: queryGeneric({
    args: {},
    handler: async ({ db }) =>
      Math.max(0, ...(await db.query(TABLE).collect()).map(({ comment }) => Number(comment) || 0)),
  }),
};

/**
 * An app's client is subscribed to a query; a writer changes a row again and again, and `sync --watch` runs.
 * @returns from each commit to the moment that the client was told, in milliseconds
 */
export async function watchLive(stage: Stage, clock: Clock): Promise<number[]> {
  const { stack, sql } = stage;
  stack.deployBeside({ app });
  const watch = stage.start("sync", "--watch", "--min-interval", "0s");
  const client = new ConvexClient(stack.convexUrl, {
    // Node 20 has none of its own.
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
  });
  const committedAt: number[] = [];
  const seenAfter: number[] = [];
  let wake = () => {};
  client.onUpdate(anyApi["app"]!["finished"]!, {}, (latest: unknown) => {
    while (seenAfter.length < Math.min(latest as number, committedAt.length))
      seenAfter.push(clock.now() - committedAt[seenAfter.length]!);
    wake();
  });
  const seen = async (count: number) => {
    while (seenAfter.length < count)
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), watch.failed]);
  };
  try {
    for (let change = 1; change <= CHANGES; change++) {
      await sql`UPDATE ${sql(TABLE)} SET comment = ${String(change)}
                 WHERE id = (SELECT id FROM ${sql(TABLE)} ORDER BY id LIMIT 1)`;
      committedAt.push(clock.now());
      // The first one waits for the program to start.
      if (change === 1) await seen(1);
      await clock.sleep(PAUSE_MS);
    }
    await seen(CHANGES);
    return seenAfter.slice(1);
  } finally {
    await client.close();
    await watch.stop();
  }
}
