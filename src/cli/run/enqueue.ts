import { didYouMean } from "../../config/did-you-mean.js";
import { loadConfig } from "../../config/load-config.js";
import { loadDeployments } from "../../config/load-deployments.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { Deployment, Job } from "../../model/job.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { EnqueueFlags } from "../enqueue.js";
import { optionFlags } from "../flags.js";
import { renderEnqueued } from "../render/enqueue-report.js";
import { runSession } from "../session.js";

export async function runEnqueue(flags: EnqueueFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const { cwd, environment } = io;
  const input = { cwd, environment, envFile: flags.envFile ?? null, flags: optionFlags(flags) };
  const loaded = await loadDeployments(input, flags.deployments ?? null);
  const deployments = chosen(loaded.config.deployments, flags.deployment);
  return runSession({ io, flags, loaded }, async ({ log, print, hide }) => {
    for (const deployment of deployments) {
      // What is wrong is heard at once, and not by a worker's log.
      const { secrets, warnings } = await loadFor(deployment, io, flags.table ?? []);
      hide(secrets);
      for (const warning of warnings) log.warn(`${deployment.name}: ${warning}`);
    }
    const jobs = deployments.map(({ name }): Job => ({
      deployment: name,
      kind: flags.deep ? "deep" : flags.full ? "full" : "delta",
      tables: flags.table ?? null,
      each: flags.each ?? false,
    }));
    const url = loaded.config.queueUrl;
    const report = await commands.enqueue({ url, jobs, warn: (message) => log.warn(message) });
    print(report, () => renderEnqueued(report));
    return EXIT.done;
  });
}

function chosen(all: readonly Deployment[], names: readonly string[] | undefined): readonly Deployment[] {
  return (
    names?.map((name) => {
      const deployment = all.find((of) => of.name === name);
      if (deployment !== undefined) return deployment;
      const known = all.map((of) => of.name);
      throw new SyncError({
        code: "USAGE",
        message: `--deployment ${name}: there is none of this name.`,
        remedy: didYouMean(name, known) ?? `There ${known.length === 1 ? "is" : "are"} ${known.join(", ")}.`,
      });
    }) ?? all
  );
}

/** The configuration of a deployment, as it is now. Variables of the worker's own are those of its own deployment alone. */
export function loadFor({ directory, envFile }: Deployment, io: CliIo, tables: readonly string[]) {
  const environment = directory === io.cwd ? io.environment : {};
  return loadConfig({ cwd: directory, environment, envFile, flags: {}, tables, allowDeletes: [] }, "both");
}
