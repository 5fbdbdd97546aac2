import { once } from "node:events";
import type { Job as QueuedJob, PgBoss } from "pg-boss";
import type { Deployment, Job, JobSchedule } from "../../model/job.js";
import { SyncError, type ExitCode } from "../../model/errors.js";
import { dealOut, nameOf, putJob, readJob } from "./jobs.js";
import { JOBS, openQueue, queueFailed, type QueueOptions } from "./open-queue.js";

/** What a job came to, as the queue keeps it. */
export interface JobOutcome {
  exitCode: ExitCode;
  runId: string;
  summary: string;
}

export interface WorkOptions extends Omit<QueueOptions, "tends"> {
  deployments: readonly Deployment[];
  timezone: string;
  /** Jobs at the same time. */
  concurrency: number;
  /** Aborted when the worker is to end: what it works on is left to others. */
  signal: AbortSignal;
  /** Does a job. What it throws has it tried again, by whichever worker is free. */
  run: (job: Job, deployment: Deployment, signal: AbortSignal) => Promise<JobOutcome>;
  /** The mirrors that a job for each table stands for. */
  mirrorsOf: (job: Job, deployment: Deployment) => Promise<string[]>;
  /** Told when it has begun to look for jobs. */
  ready: () => void;
  /** Told of a job that failed and is tried again, or is kept among the failed ones. */
  failed: (job: Job | null, error: unknown) => void;
}

/** How often an idle worker looks, in seconds. */
const POLL_SECONDS = 2;

/** How long the jobs that are under way may take to put down what they hold. */
const STOP_MS = 30_000;

/**
 * Takes jobs from the queue and does them until it is told to end. The queue only hands out: leases, fencing tokens and watermarks
 * decide, so that a job that is done twice, or by a worker that was thought to be dead, changes nothing.
 * @throws SyncError QUEUE_FAILED where the queue cannot be opened
 */
export async function work(options: WorkOptions): Promise<void> {
  const { signal, concurrency, ready } = options;
  const queue = await openQueue({ ...options, tends: true });
  try {
    await putSchedules(queue, options);
    for (let place = 0; place < concurrency; place++) await takeJobs(queue, options);
    ready();
    if (!signal.aborted) await once(signal, "abort");
  } catch (error) {
    throw error instanceof SyncError ? error : queueFailed(error);
  } finally {
    await queue.stop({ graceful: true, timeout: STOP_MS }).catch(() => undefined);
  }
}

/** One job after the other, without a pause while there are any. */
async function takeJobs(queue: PgBoss, options: WorkOptions): Promise<void> {
  const id = await queue.work<unknown>(JOBS, { pollingIntervalSeconds: POLL_SECONDS }, async ([job]) => {
    try {
      return await doJob(queue, job!, options);
    } finally {
      queue.notifyWorker(id);
    }
  });
}

async function doJob(
  queue: PgBoss,
  { data, signal: ofJob }: QueuedJob<unknown>,
  options: WorkOptions,
): Promise<JobOutcome | { jobs: number }> {
  let job: Job | null = null;
  try {
    job = readJob(data);
    const deployment = find(options.deployments, job);
    const signal = AbortSignal.any([options.signal, ofJob]);
    if (!job.each) return await options.run(job, deployment, signal);
    const jobs = dealOut(job, await options.mirrorsOf(job, deployment));
    for (const dealt of jobs) await putJob(queue, dealt);
    return { jobs: jobs.length };
  } catch (error) {
    options.failed(job, error);
    throw forQueue(error);
  }
}

function find(deployments: readonly Deployment[], { deployment: name }: Job): Deployment {
  const deployment = deployments.find((of) => of.name === name);
  if (deployment !== undefined) return deployment;
  throw new SyncError({
    code: "CONFIG_INVALID",
    message: `This worker knows no deployment ${name}.`,
    remedy: "Give all workers the same file of deployments.",
  });
}

/** What the queue keeps of an error: for people, without causes, which may quote what nobody should read. */
function forQueue(error: unknown): Error {
  if (!(error instanceof SyncError)) return new Error(error instanceof Error ? error.name : "unknown");
  const { code, message, remedy, table } = error;
  return Object.assign(new Error(`${message} ${remedy}`), { code, ...(table !== undefined && { table }) });
}

/** The schedules of the file, and none beside: what was taken out of it ends. */
async function putSchedules(
  queue: PgBoss,
  { deployments, timezone }: Pick<WorkOptions, "deployments" | "timezone">,
): Promise<void> {
  const wanted = new Map<string, JobSchedule>(
    deployments.flatMap(({ schedules }) =>
      schedules.map(({ cron, job }, place) => [`${job.deployment}-${place + 1}`, { cron, job }] as const),
    ),
  );
  for (const [key, { cron, job }] of wanted) {
    try {
      await queue.schedule(JOBS, cron, job, { key, tz: timezone, singletonKey: nameOf(job) });
    } catch (error) {
      throw badSchedule(job.deployment, cron, timezone, error);
    }
  }
  for (const { key } of await queue.getSchedules(JOBS))
    if (!wanted.has(key)) await queue.unschedule(JOBS, key);
}

function badSchedule(deployment: string, cron: string, timezone: string, cause: unknown): SyncError {
  return new SyncError({
    code: "CONFIG_INVALID",
    message: `The schedule ${JSON.stringify(cron)} of ${deployment} in ${timezone} makes no sense (${cause instanceof Error ? cause.message : "unknown"}).`,
    remedy:
      'Write five fields as cron has them, such as "0 */4 * * *", and a time zone such as "Europe/Berlin".',
    cause,
  });
}
