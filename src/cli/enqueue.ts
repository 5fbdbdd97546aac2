import { Option, type Command } from "commander";
import { addOptionFlags, VERBOSE, type ParsedFlags } from "./flags.js";

export interface QueueFlags extends ParsedFlags {
  /** The file of deployments. */
  deployments?: string;
}

export interface EnqueueFlags extends QueueFlags {
  deployment?: string[];
  full?: boolean;
  deep?: boolean;
  each?: boolean;
}

export function defineEnqueue(command: Command): Command {
  command
    .description("put runs into the queue that `worker` takes them from")
    .option("-d, --deployment <name...>", "for this deployment of the file; may be repeated (default: all)")
    .option("-t, --table <name...>", "only this table, by mirror or relation; may be repeated")
    .option("--full", "runs that compare everything")
    .addOption(new Option("--deep", "runs that read the documents as well").conflicts("full"))
    .option("--each", "a job for each table, of 16 jobs at most, so that several workers share them");
  return addQueueFlags(command).addHelpText(
    "after",
    `
A job like one that waits already is not put in again.

Examples:
  $ datahub-sync enqueue                               what changed, of each deployment
  $ datahub-sync enqueue -d production --full --each   a comparison of each of its tables`,
  );
}

/** What both commands of the queue have. */
export function addQueueFlags(command: Command): Command {
  command
    .option(
      "--deployments <file>",
      "the deployments, with their schedules (default: datahub-sync.deployments.json, or the one of the variables here)",
    )
    .option("--json", "print JSON on standard output, an object on a line, and nothing else there")
    .option("--env-file <file>", "read variables from this file instead of .env.local and .env")
    .option(...VERBOSE);
  return addOptionFlags(command, "queue", ["logDir", "logLevel"]);
}
