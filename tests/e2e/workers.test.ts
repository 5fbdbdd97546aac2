import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { PgBoss } from "pg-boss";
import { SOURCE_TABLES } from "../../local/data/source-tables.js";
import { readBothSides } from "./both-sides.js";
import type { Running } from "./cli-process.js";
import { localStack } from "./local-stack.js";
import { setUpScene } from "./scene.js";

const NAMES = SOURCE_TABLES.map(({ name }) => name);
const JOBS = "datahub-sync";

/** Invariants 3, 4 and 5, with processes that die in the middle of what they do. */
describe("workers that take runs from a queue", () => {
  const scene = setUpScene(localStack, {
    scale: 0.05,
    prepare: async ({ cli }) => void expect(await cli.run(["migrate"])).toMatchObject({ code: 0 }),
  });

  /** Resolves when it says that it waits for jobs. */
  async function startWorker(variables: Record<string, string>): Promise<Running> {
    const worker = scene.cli.start(["worker", "--deployments", "fleet.json"], variables);
    onTestFinished(() => void worker.child.kill("SIGKILL"));
    for await (const line of createInterface(worker.child.stderr!))
      if (line.includes("waiting for jobs")) break;
    worker.child.stderr!.resume();
    return worker;
  }

  it("half of them are killed in first loads: the others do the rest, and nothing is written twice", async () => {
    const { stack, cli } = scene;
    const queueDatabase = await stack.createDatabase();
    await writeFile(
      join(cli.folder, "fleet.json"),
      JSON.stringify({ deployments: { production: { schedules: [{ cron: "0 */4 * * *" }] } } }),
    );
    const variables = { DATAHUB_SYNC_QUEUE_URL: queueDatabase.url, DATAHUB_SYNC_LEASE_SECONDS: "1" };
    const enqueue = (...flags: string[]) =>
      cli.run(["enqueue", "--deployments", "fleet.json", "--json", ...flags], variables);
    const workers = await Promise.all([1, 2, 3, 4].map(() => startWorker(variables)));
    const queue = new PgBoss({
      connectionString: queueDatabase.url,
      schema: "datahub_sync_queue",
      supervise: false,
      schedule: false,
    });
    await queue.start();
    onTestFinished(() => queue.stop({ graceful: false }));
    await queue.updateQueue(JOBS, { retryDelay: 0, retryBackoff: false, retryLimit: 200 });

    const hold = stack.gate.hold("datahubSync:applyBatch", 6);
    expect(await enqueue("--each")).toMatchObject({ code: 0 });
    await hold.reached;
    const dead = workers.slice(0, 2);
    for (const { child } of dead) child.kill("SIGKILL");
    await Promise.all(dead.map(({ finished }) => finished));
    hold.release();

    // The library misses a worker after half a minute; also those of the living are taken for dead, and done twice.
    const { sql } = queueDatabase;
    for (let left = 1; left > 0;) {
      await sql`SELECT pg_sleep(0.5)`;
      await sql`UPDATE datahub_sync_queue.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'`;
      await queue.supervise(JOBS);
      const [row] = await sql<{ left: number }[]>`
        SELECT count(*)::int AS left FROM datahub_sync_queue.job WHERE name = ${JOBS} AND state IN ('created', 'retry', 'active')`;
      left = row!.left;
    }
    const states = await sql`SELECT DISTINCT state FROM datahub_sync_queue.job WHERE name = ${JOBS}`;
    expect(states.map(({ state }) => state as string)).toEqual(["completed"]);

    const { byTable } = await stack.usage!();
    for (const name of NAMES) {
      const both = await readBothSides(stack.databaseUrl, stack.convex, name);
      expect(both.convex).toEqual(both.postgres);
      expect(byTable[name]?.documentsWritten ?? 0).toBe(Object.keys(both.postgres).length);
    }
    for (const { child, finished } of workers.slice(2)) {
      child.kill("SIGTERM");
      await once(child, "close");
      expect((await finished).code).toBe(0);
    }
    expect(cli.transcript.join("")).not.toContain(queueDatabase.url);
    expect(await cli.run(["verify"])).toMatchObject({ code: 0 });
  }, 180_000);
});
