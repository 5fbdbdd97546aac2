import { loadDeployments } from "../../config/load-deployments.js";
import type { SyncConfig } from "../../model/config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { Job } from "../../model/job.js";
import { shareSettings } from "../../model/share-settings.js";
import type { RunReport } from "../../model/report.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { optionFlags } from "../flags.js";
import { logCauses } from "../progress.js";
import { describeJob } from "../render/enqueue-report.js";
import { renderSummary } from "../render/run-report.js";
import { runSession, type Session } from "../session.js";
import type { WorkerFlags } from "../worker.js";
import { loadFor } from "./enqueue.js";
import { waitUntilReady } from "./wait-until-ready.js";
import { watchedRun } from "./watched-run.js";

/** `worker`: until it is stopped, which is how it is meant to end. */
export async function runWorker(flags: WorkerFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const { cwd, environment } = io;
  const input = { cwd, environment, envFile: flags.envFile ?? null, flags: optionFlags(flags) };
  const loaded = await loadDeployments(input, flags.deployments ?? null);
  const { queueUrl: url, deployments, timezone } = loaded.config;
  return runSession({ io, flags, loaded }, async (session) => {
    const { context, log, hide } = session;
    const { concurrency } = flags;
    warnOfNode((message) => log.warn(message));
    await commands.work({
      ...{ url, deployments, timezone, concurrency },
      signal: context.signal,
      warn: (message) => log.warn(message),
      ready: () =>
        log.info(`waiting for jobs of ${deployments.map(({ name }) => name).join(", ")}; Ctrl-C ends it`),
      mirrorsOf: async (job, deployment) => {
        const of = await loadFor(deployment, io, job.tables ?? []);
        hide(of.secrets);
        return of.config.mirrors.map(({ name }) => name);
      },
      run: async (job, deployment, signal) => {
        const of = await loadFor(deployment, io, job.tables ?? []);
        hide(of.secrets);
        // Jobs at the same time take the memory, and the calls in flight, of one.
        const config = { ...of.config, settings: shareSettings(of.config.settings, concurrency) };
        warnOfSleeper(url.reveal(), config, (message) => log.warn(message));
        const report = await runJob(session, commands, { job, config, signal });
        if (flags.json) session.print(report, () => "");
        return { exitCode: report.exitCode, runId: report.runId, summary: renderSummary(report) };
      },
      failed: (job, error) => {
        const what = job === null ? "a job" : describeJob(job);
        const why =
          error instanceof SyncError ? `${error.message} ${error.remedy}` : "something unexpected happened";
        log.warn(`${what}: ${why} It is tried again, by whichever worker is free.`, {
          code: error instanceof SyncError ? error.code : "INTERNAL",
        });
      },
    });
    log.info("the worker has ended");
    return EXIT.done;
  });
}

async function runJob(
  session: Session,
  commands: Commands,
  { job, config, signal }: { job: Job; config: SyncConfig; signal: AbortSignal },
): Promise<RunReport> {
  const { context, log } = session;
  const progress = {
    showsProgress: false,
    tableStarted: () => {},
    tableProgress: () => {},
    tableFailed: logCauses(log),
    tableFinished: () => {},
    notice: () => {},
  };
  const own = { ...context, signal };
  const report = await watchedRun(session, config, async () => {
    await waitUntilReady({ ...session, context: own }, config, commands);
    return commands.sync({ ...own, config, mode: job.kind, allowDeletes: [], takeOver: false, progress });
  });
  const line = `${describeJob(job)}: ${renderSummary(report)}`;
  if (report.exitCode === EXIT.done) log.info(line, { report });
  else log.warn(line, { report });
  const first = report.tables.find(({ error }) => error !== undefined);
  // The queue tries it again; what is done is not done twice.
  if (first?.error !== undefined) throw new SyncError({ ...first.error, table: first.table });
  return report;
}

/** Workers ask the queue's database all the time: it never sleeps. */
function warnOfSleeper(queueUrl: string, { database }: SyncConfig, warn: (message: string) => void): void {
  const host = new URL(queueUrl).hostname.replace("-pooler.", ".");
  if (!host.endsWith(".neon.tech") || database.host.replace("-pooler.", ".") !== host) return;
  warn(
    "The queue is in the source's own Neon project, whose compute it keeps awake. Put it into another Postgres.",
  );
}

/** What the queue's library asks for. It works on older ones, as our tests have it, but its authors do not say so. */
const NODE_OF_QUEUE = [22, 12] as const;

function warnOfNode(warn: (message: string) => void): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [wanted, least] = NODE_OF_QUEUE;
  if (major > wanted || (major === wanted && minor >= least)) return;
  warn(
    `The queue's library asks for Node ${wanted}.${least} or newer; this is ${process.versions.node}. Everything else runs here as ever.`,
  );
}
