import type { Job } from "../../model/job.js";
import { openQueue, queueFailed, type QueueOptions } from "./open-queue.js";
import { putJob } from "./jobs.js";

export interface EnqueueOptions extends Omit<QueueOptions, "tends"> {
  jobs: readonly Job[];
}

export interface EnqueueReport {
  ok: true;
  /** Put into the queue. */
  enqueued: Job[];
  /** One like it waits there already, and will do. */
  waiting: Job[];
}

/** @throws SyncError QUEUE_FAILED */
export async function enqueue({ jobs, ...options }: EnqueueOptions): Promise<EnqueueReport> {
  const queue = await openQueue({ ...options, tends: false });
  const report: EnqueueReport = { ok: true, enqueued: [], waiting: [] };
  try {
    for (const job of jobs) report[(await putJob(queue, job)) ? "enqueued" : "waiting"].push(job);
    return report;
  } catch (error) {
    throw queueFailed(error);
  } finally {
    await queue.stop({ graceful: false });
  }
}
