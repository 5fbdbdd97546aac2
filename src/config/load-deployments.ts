import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { OWN_DEPLOYMENT, type Deployment } from "../model/job.js";
import { Secret } from "../model/secret.js";
import type { LogLevel } from "../model/config.js";
import type { DeploymentsFile } from "./deployments-schema.js";
import type { ConfigInput } from "./load-config.js";
import { readVariableSources } from "./env-files.js";
import { configError, type Problem } from "./problems.js";
import { resolveOptions } from "./resolve-options.js";

const DEFAULT_FILE = "datahub-sync.deployments.json";
const SEE_ALSO = 'docs/scale.md explains the file; its "$schema" lets an editor show what may stand where.';

/** What workers, and whoever gives them work, need to know. */
export interface WorkConfig {
  queueUrl: Secret;
  deployments: Deployment[];
  /** Of the schedules. */
  timezone: string;
  settings: { logDir: string; logLevel: LogLevel };
}

export interface LoadedWork {
  config: WorkConfig;
  secrets: Secret[];
  warnings: string[];
}

/**
 * The queue, and the deployments that it is for: those of the file, or else the one that the variables here are of.
 * @param file as it was named; null: the usual one, if it is there
 * @throws SyncError (exit 2) that names everything that is wrong
 */
export async function loadDeployments(
  input: Pick<ConfigInput, "cwd" | "environment" | "envFile" | "flags">,
  file: string | null,
): Promise<LoadedWork> {
  const { cwd, environment, envFile, flags } = input;
  const variables = readVariableSources(cwd, environment, envFile);
  const { values, problems: found } = resolveOptions(flags, variables, new Set(["queueUrl"]));
  const read = await readDeployments(cwd, envFile, file);
  const [first, ...rest] = [...variables.problems, ...found, ...read.problems];
  if (first !== undefined) throw configError([first, ...rest]);
  const queueUrl = new Secret(values.queueUrl!);
  return {
    config: {
      queueUrl,
      deployments: read.deployments,
      timezone: read.timezone,
      settings: { logDir: resolve(cwd, values.logDir!), logLevel: values.logLevel! },
    },
    secrets: [queueUrl, ...passwordOf(values.queueUrl!)],
    warnings: variables.warnings,
  };
}

interface ReadDeployments {
  deployments: Deployment[];
  timezone: string;
  problems: Problem[];
}

async function readDeployments(
  cwd: string,
  envFile: string | null,
  file: string | null,
): Promise<ReadDeployments> {
  const absolute = resolve(cwd, file ?? DEFAULT_FILE);
  if (!existsSync(absolute)) {
    if (file !== null) {
      const message = `There is no file of deployments ${file}.`;
      return failed([{ kind: "missing", message, remedy: `It was looked for in ${cwd}.` }]);
    }
    const own = { name: OWN_DEPLOYMENT, directory: cwd, envFile, schedules: [] };
    return { deployments: [own], timezone: "UTC", problems: [] };
  }
  const { deploymentsFileSchema } = await import("./deployments-schema.js");
  const { parseJsonFile } = await import("./json-file.js");
  const text = readFileSync(absolute, "utf8").replace(/^\uFEFF/, "");
  const parsed = parseJsonFile(text, file ?? DEFAULT_FILE, deploymentsFileSchema, SEE_ALSO);
  if (!parsed.ok) return failed(parsed.problems);
  const { timezone, deployments } = parsed.data;
  return {
    deployments: Object.entries(deployments).map(([name, of]) => toDeployment(dirname(absolute), name, of)),
    timezone,
    problems: [],
  };
}

function toDeployment(
  folder: string,
  name: string,
  { directory, envFile, schedules }: DeploymentsFile["deployments"][string],
): Deployment {
  return {
    name,
    directory: resolve(folder, directory),
    envFile: envFile ?? null,
    schedules: schedules.map(({ cron, kind, tables, each }) => ({
      cron,
      job: { deployment: name, kind, tables: tables ?? null, each },
    })),
  };
}

function passwordOf(url: string): Secret[] {
  const password = URL.canParse(url) ? new URL(url).password : "";
  return password === "" ? [] : [new Secret(password), new Secret(decodeURIComponent(password))];
}

function failed(problems: Problem[]): ReadDeployments {
  return { deployments: [], timezone: "UTC", problems };
}
