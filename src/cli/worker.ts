import { InvalidArgumentError, Option, type Command } from "commander";
import { addQueueFlags, type QueueFlags } from "./enqueue.js";

export interface WorkerFlags extends QueueFlags {
  concurrency: number;
}

export function defineWorker(command: Command): Command {
  command
    .description("take runs of many deployments from a queue in Postgres, and do them, until it is stopped")
    .addOption(
      new Option("--concurrency <jobs>", "runs at the same time, in the memory of one")
        .argParser(readConcurrency)
        .default(1),
    );
  return addQueueFlags(command).addHelpText(
    "after",
    `
Needs the package pg-boss. Start as many as you like, on as many machines: docs/scale.md.

Examples:
  $ export DATAHUB_SYNC_QUEUE_URL=postgresql://...
  $ datahub-sync worker                                for the deployment of this directory's .env
  $ datahub-sync worker --deployments fleet.json       for many, with their schedules
  $ datahub-sync enqueue --full --each                 gives them something to do`,
  );
}

function readConcurrency(text: string): number {
  const jobs = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  if (jobs >= 1 && jobs <= 16) return jobs;
  throw new InvalidArgumentError("It must be a whole number from 1 to 16.");
}
