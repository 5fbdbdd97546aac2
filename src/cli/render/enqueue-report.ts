import type { EnqueueReport } from "../../commands/queue/enqueue.js";
import type { Job } from "../../model/job.js";

export function renderEnqueued({ enqueued, waiting }: EnqueueReport): string {
  return [
    ...enqueued.map((job) => `${describeJob(job)}: put into the queue.`),
    ...waiting.map((job) => `${describeJob(job)}: one like it waits there already, and will do.`),
  ].join("\n");
}

function showSome(tables: readonly string[]): string {
  return tables.length <= 3
    ? tables.join(", ")
    : `${tables.slice(0, 2).join(", ")} and ${tables.length - 2} more`;
}

/** `production: full run of sow_poles, each by itself`. */
export function describeJob({ deployment, kind, tables, each }: Job): string {
  const of = tables === null ? "" : ` of ${showSome(tables)}`;
  return `${deployment}: ${kind} run${of}${each ? ", each table by itself" : ""}`;
}
