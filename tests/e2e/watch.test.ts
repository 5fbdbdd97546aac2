import { once } from "node:events";
import { createInterface } from "node:readline";
import { ConvexClient } from "convex/browser";
import { anyApi, queryGeneric } from "convex/server";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import * as datahubSync from "../../convex/datahubSync.js";
import schema from "../../convex/schema.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { serveLocalDeployment } from "../../local/convex/serve.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { createTestDatabase } from "../support/postgres.js";
import { CliProcess } from "./cli-process.js";

const SYNC_KEY = "the-sync-key-of-this-test-which-is-long";

/** An app that shows a row. */
const app = {
  statuses: queryGeneric({
    args: {},
    handler: async ({ db }) =>
      (await db.query("sow_poles").collect()).filter(({ status }) => status === "seen live").length,
  }),
};

test("a row that changes is in the app a moment later: its client is told, and asks nothing", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await createSourceTables(database.sql);
  await fillSourceTables(database.sql, { seed: 1, scale: 0.005 });
  const deployment = LocalDeployment.create({
    ...{ schema, modules: { datahubSync, app }, env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY } },
  });
  const served = await serveLocalDeployment(deployment);
  onTestFinished(() => served.close());
  const cli = await CliProcess.create({
    ...{ DATABASE_URL: database.url, CONVEX_URL: served.url, CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
  });
  onTestFinished(() => cli.remove());
  expect(await cli.run(["migrate"])).toMatchObject({ code: 0 });

  const watching = cli.start(["sync", "--watch", "--min-interval", "0s", "--json"]);
  const lines = createInterface(watching.child.stdout!)[Symbol.asyncIterator]();
  await lines.next(); // the first load

  const client = new ConvexClient(served.url, { webSocketConstructor: WebSocket as never });
  onTestFinished(() => client.close());
  const seen: number[] = [];
  let wake = () => {};
  client.onUpdate(anyApi["app"]!["statuses"]!, {}, (count: unknown) => {
    seen.push(count as number);
    wake();
  });
  /** Nobody looks: the client is told. */
  const until = async (count: number) => {
    while (seen.at(-1) !== count) await new Promise<void>((resolve) => (wake = resolve));
  };
  await until(0);
  await database.sql`UPDATE sow_poles SET status = 'seen live' WHERE id IN (SELECT id FROM sow_poles ORDER BY id LIMIT 3)`;
  await until(3);
  await database.sql`DELETE FROM sow_poles WHERE id IN (SELECT id FROM sow_poles ORDER BY id LIMIT 1)`;
  await until(2);

  watching.child.kill("SIGTERM");
  const [code] = (await once(watching.child, "exit")) as [number];
  expect(code).toBe(0);
  const { stderr } = await watching.finished;
  expect(stderr).toMatch(/watching 7 tables.*\n(.*\n)*.*the watch has ended\n/);
  expect(await cli.run(["verify"])).toMatchObject({ code: 0 });
}, 120_000);
