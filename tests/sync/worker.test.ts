import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { PgBoss } from "pg-boss";
import { enqueue } from "../../src/commands/queue/enqueue.js";
import { FAILED_JOBS, JOBS, openQueue } from "../../src/commands/queue/open-queue.js";
import { work, type WorkOptions } from "../../src/commands/queue/work.js";
import { EXIT, SyncError } from "../../src/model/errors.js";
import type { Deployment, Job } from "../../src/model/job.js";
import { Secret } from "../../src/model/secret.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

/** So that what the library does by the clock is done within a second. */
const HASTY = { superviseIntervalSeconds: 1, monitorIntervalSeconds: 1, queueCacheIntervalSeconds: 1 };

let database: TestDatabase;
beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database.drop());

const DEPLOYMENT: Deployment = { name: "production", directory: "/nowhere", envFile: null, schedules: [] };
const delta = (deployment: string, more: Partial<Job> = {}): Job => ({
  ...{ deployment, kind: "delta" as const, tables: null, each: false },
  ...more,
});

const url = () => new Secret(database.url);
const put = (jobs: readonly Job[]) => enqueue({ url: url(), jobs, warn: () => {} });

/** A look at the queue, which tends nothing by itself. */
async function look(): Promise<PgBoss> {
  const queue = await openQueue({ url: url(), tends: false, warn: () => {} });
  onTestFinished(() => queue.stop({ graceful: false }));
  await queue.deleteAllJobs(JOBS);
  await queue.deleteAllJobs(FAILED_JOBS);
  return queue;
}

interface Seen {
  runs: { job: Job; signal: AbortSignal }[];
  failures: [Job | null, unknown][];
}

/** A worker that does jobs by `run`, until a job has been seen `until` times in all. */
async function workUntil(until: number, given: Partial<WorkOptions> = {}): Promise<Seen> {
  const stop = new AbortController();
  const seen: Seen = { runs: [], failures: [] };
  const count = () => {
    if (seen.runs.length + seen.failures.length >= until) stop.abort(new Error("enough"));
  };
  await work({
    ...{
      url: url(),
      warn: () => {},
      tuning: HASTY,
      deployments: [DEPLOYMENT],
      timezone: "UTC",
      concurrency: 1,
    },
    ready: () => {},
    mirrorsOf: () => Promise.resolve(["a", "b", "c"]),
    signal: stop.signal,
    ...given,
    run: async (job, deployment, signal) => {
      const done = given.run?.(job, deployment, signal);
      seen.runs.push({ job, signal });
      count();
      return (await done) ?? { exitCode: EXIT.done, runId: "a run", summary: "all is well" };
    },
    failed: (job, error) => {
      seen.failures.push([job, error]);
      count();
    },
  });
  return seen;
}

describe("workers and their queue", () => {
  test("a job is done once, and the queue keeps what it came to", async () => {
    const queue = await look();
    expect(await put([delta("production")])).toMatchObject({ enqueued: [{ kind: "delta" }], waiting: [] });
    const { runs } = await workUntil(1);
    expect(runs.map(({ job }) => job)).toEqual([delta("production")]);
    expect(await queue.findJobs(JOBS)).toMatchObject([
      { state: "completed", output: { exitCode: 0, runId: "a run", summary: "all is well" } },
    ]);
  });

  test("one like it that waits already will do; one that is under way will not", async () => {
    await look();
    await put([delta("production")]);
    expect(await put([delta("production"), delta("production", { kind: "full" })])).toMatchObject({
      enqueued: [{ kind: "full" }],
      waiting: [{ kind: "delta" }],
    });
    const again: Promise<unknown>[] = [];
    const { runs } = await workUntil(3, {
      run: async ({ kind }) => {
        if (kind === "delta" && again.length === 0) again.push(put([delta("production")]));
        await again[0];
        return { exitCode: EXIT.done, runId: "a run", summary: "" };
      },
    });
    expect(runs.map(({ job }) => job.kind)).toEqual(["delta", "full", "delta"]);
  });

  test("a job for each table becomes one for each", async () => {
    await look();
    await put([delta("production", { kind: "full", each: true })]);
    const { runs } = await workUntil(3, { concurrency: 2 });
    expect(runs.map(({ job }) => job.tables).sort()).toEqual([["a"], ["b"], ["c"]]);
    expect(runs.every(({ job }) => job.kind === "full" && !job.each)).toBe(true);
  });

  test("many tables are dealt out to a few jobs", async () => {
    await look();
    const names = Array.from({ length: 300 }, (_, n) => `a_table_with_a_rather_long_name_${n}`);
    await put([delta("production", { kind: "full", each: true })]);
    const { runs } = await workUntil(16, { mirrorsOf: () => Promise.resolve(names) });
    expect(runs.flatMap(({ job }) => job.tables!).sort()).toEqual([...names].sort());
    expect(runs.map(({ job }) => job.tables!.length).every((count) => count === 18 || count === 19)).toBe(
      true,
    );
  });

  test("what fails is tried again, and kept among the failed ones in the end, without causes", async () => {
    const queue = await look();
    await queue.updateQueue(JOBS, { retryDelay: 0, retryLimit: 2, retryBackoff: false });
    onTestFinished(() => queue.updateQueue(JOBS, { retryDelay: 5, retryLimit: 15, retryBackoff: true }));
    await put([delta("production", { tables: ["a"] })]);
    const error = new SyncError({
      code: "LEASE_HELD",
      message: "Another run is going on.",
      remedy: "Let it end.",
      cause: new Error("a row's value"),
    });
    const { failures } = await workUntil(6, { run: () => Promise.reject(error) });
    expect(failures.map(([job, why]) => [job?.tables, why])).toEqual(Array(3).fill([["a"], error]));
    const [failed] = await queue.findJobs(FAILED_JOBS);
    expect(failed).toMatchObject({ data: delta("production", { tables: ["a"] }), sourceName: JOBS });
    expect(JSON.stringify(failed)).toContain("Another run is going on. Let it end.");
    expect(JSON.stringify(failed)).not.toContain("a row's value");
  });

  test("jobs of nobody, and of a deployment that this worker does not know, are said, and left", async () => {
    const queue = await look();
    await queue.send(JOBS, { deployment: 7 });
    await put([delta("another")]);
    const { failures, runs } = await workUntil(2);
    expect(runs).toEqual([]);
    expect(failures.map(([job]) => job?.deployment ?? null)).toEqual([null, "another"]);
    expect(failures[1]![1]).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("another") as string,
    });
    expect((await queue.findJobs(JOBS)).map(({ state }) => state)).toEqual(["retry", "retry"]);
  });

  test("a worker that is stopped lets go of its job, which another one does", async () => {
    const queue = await look();
    await queue.updateQueue(JOBS, { retryDelay: 0, retryBackoff: false });
    onTestFinished(() => queue.updateQueue(JOBS, { retryDelay: 5, retryBackoff: true }));
    await put([delta("production")]);
    const { runs } = await workUntil(1, {
      run: (_job, _deployment, signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
    });
    expect(runs[0]!.signal.aborted).toBe(true);
    expect((await workUntil(1)).runs).toHaveLength(1);
  });

  test("a worker that died: its job is another's once its heartbeat is missed", async () => {
    const queue = await look();
    await queue.updateQueue(JOBS, { retryDelay: 0, retryBackoff: false });
    onTestFinished(() => queue.updateQueue(JOBS, { retryDelay: 5, retryBackoff: true }));
    await put([delta("production")]);
    const [taken] = await queue.fetch(JOBS);
    expect(taken?.heartbeatSeconds).toBe(30);
    await queue
      .getDb()
      .executeSql(
        "UPDATE datahub_sync_queue.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'",
      );
    expect((await workUntil(1)).runs).toHaveLength(1);
  });

  test("schedules are those of the file: what is taken out of it ends", async () => {
    const queue = await look();
    const scheduled = (...crons: string[]): Deployment => ({
      ...DEPLOYMENT,
      schedules: crons.map((cron) => ({ cron, job: delta("production") })),
    });
    await put([delta("production")]);
    await workUntil(1, { deployments: [scheduled("0 */4 * * *", "30 3 * * 0")], timezone: "Europe/Berlin" });
    const shown = async () =>
      (await queue.getSchedules(JOBS)).map(({ key, cron, timezone }) => ({ key, cron, timezone }));
    expect(await shown()).toEqual([
      { key: "production-1", cron: "0 */4 * * *", timezone: "Europe/Berlin" },
      { key: "production-2", cron: "30 3 * * 0", timezone: "Europe/Berlin" },
    ]);
    await put([delta("production")]);
    await workUntil(1, { deployments: [scheduled("0 1 * * *")] });
    expect(await shown()).toEqual([{ key: "production-1", cron: "0 1 * * *", timezone: "UTC" }]);
    for (const [cron, timezone] of [
      ["every day", "UTC"],
      ["0 1 * * *", "Mars/Olympus"],
    ] as const)
      await expect(workUntil(1, { deployments: [scheduled(cron)], timezone })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        exitCode: EXIT.usage,
        message: expect.stringContaining(cron) as string,
      });
  });

  test("a queue that cannot be reached is said, without its password", async () => {
    const away = new Secret("postgresql://worker:a-secret@127.0.0.1:1/queue");
    const error = await enqueue({ url: away, jobs: [], warn: () => {} }).catch((why: unknown) => why);
    expect(error).toMatchObject({
      code: "QUEUE_FAILED",
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
    expect(JSON.stringify(error) + String(error)).not.toContain("a-secret");
  });
});
