import type { EnqueueReport } from "../../commands/queue/enqueue.js";
import type { Job } from "../../model/job.js";

export function renderEnqueued({ enqueued, waiting }: EnqueueReport): string {
  return [
    ...enqueued.map((job) => `${describeJob(job)}: put into the queue.`),
    ...waiting.map((job) => `${describeJob(job)}: one like it waits there already, and will do.`),
  ].join("\n");
}

/** `production: full run of sow_poles, each by itself`. */
export function describeJob({ deployment, kind, tables, each }: Job): string {
  const of = tables === null ? "" : ` of ${tables.join(", ")}`;
  return `${deployment}: ${kind} run${of}${each ? ", each table by itself" : ""}`;
}
