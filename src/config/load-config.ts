import { resolve } from "node:path";
import type { Budget } from "../model/report.js";
import { toBudget } from "./budget.js";
import { alertConfig, alertSecrets } from "./alerts.js";
import { readConvexUrl } from "./convex-url.js";
import { readDatabaseUrl } from "./database-url.js";
import type { Environment } from "./environment.js";
import { readVariableSources, type VariableSource } from "./env-files.js";
import { OPTION_ROWS, type OptionName, type OptionValues } from "./option-table.js";
import { configError, type Problem } from "./problems.js";
import { readConfigFile } from "./read-config-file.js";
import { resolveOptions, type Flags, type ResolvedOptions } from "./resolve-options.js";
import { pageSizes } from "../model/page-sizes.js";
import { Secret } from "../model/secret.js";
import { selectMirrors } from "./select-mirrors.js";
import type {
  ConvexConfig,
  DatabaseConfig,
  MirrorConfig,
  Settings,
  SourceConfig,
  SyncConfig,
} from "../model/config.js";

/** Convex's smallest plan takes 4 MiB in a sliding second, index entries included. */
const CLOUD_MIB_PER_SECOND = 3.4;
const MIB = 1024 * 1024;

export interface ConfigInput {
  cwd: string;
  environment: Environment;
  /** `--env-file`: read instead of .env.local and .env. */
  envFile: string | null;
  flags: Flags;
  /** `--table`: mirrors or relations; empty for all. */
  tables: readonly string[];
  /** `--allow-deletes`: mirrors or relations among those of `--table`. */
  allowDeletes: readonly string[];
}

export interface Loaded<Config> {
  config: Config;
  /** The mirrors that `--allow-deletes` names. */
  allowDeletes: string[];
  /** What works but should be looked at, a sentence each. */
  warnings: string[];
  /** What no output may contain. */
  secrets: Secret[];
}

/** Which sides a command works on, and so which variables it requires. */
export type Sides = "source" | "both";

const REQUIRED: Record<Sides, ReadonlySet<OptionName>> = {
  source: new Set(["databaseUrl"]),
  both: new Set(["databaseUrl", "convexUrl", "syncKey"]),
};

/** Reads the whole configuration. Throws one SyncError (exit 2) that names everything that is wrong with it. */
export function loadConfig(input: ConfigInput, sides: "source"): Promise<Loaded<SourceConfig>>;
export function loadConfig(input: ConfigInput, sides: "both"): Promise<Loaded<SyncConfig>>;
export async function loadConfig(
  input: ConfigInput,
  sides: Sides,
): Promise<Loaded<SourceConfig | SyncConfig>> {
  const variables = readVariableSources(input.cwd, input.environment, input.envFile);
  const options = resolveOptions(input.flags, variables, REQUIRED[sides]);
  const problems = [...variables.problems, ...options.problems];
  const warnings = [...variables.warnings, ...(await warnOfUnknown(variables.sources))];

  const database = databaseConfig(options, problems, warnings);
  const convex = sides === "both" ? convexConfig(options, problems, warnings) : null;
  const { all, mirrors, allowDeletes, budget } = await fileConfig(input, options.values.configFile, problems);

  const named = options.values.budget === undefined ? null : toBudget(options.values.budget);
  const [first, ...rest] = problems;
  if (first !== undefined) throw configError([first, ...rest]);
  const source: SourceConfig = {
    mirrors,
    allMirrors: all,
    target: readTarget(options),
    database: database!.config,
    settings: settings(options.values as OptionValues, convex, input.cwd),
  };
  return {
    config: convex === null ? source : { ...source, convex, budget: named ?? budget },
    allowDeletes: allowDeletes.map(({ name }) => name),
    warnings,
    secrets: [
      ...database!.secrets,
      ...[options.values.syncKey ?? []].flat().map((key) => new Secret(key)),
      ...alertSecrets(source.settings.alerts),
    ],
  };
}

const OUR_VARIABLES = new Set<string>(OPTION_ROWS.flatMap(([, { variables }]) => variables));

/** A variable of ours that is misspelt would be left out without a word. */
async function warnOfUnknown(sources: readonly VariableSource[]): Promise<string[]> {
  const unknown = sources.flatMap(({ label, values }) =>
    Object.keys(values)
      .filter((name) => name.startsWith("DATAHUB_SYNC_") && !OUR_VARIABLES.has(name))
      .map((name) => ({ name, label })),
  );
  if (unknown.length === 0) return [];
  const { didYouMean } = await import("./did-you-mean.js");
  return unknown.map(({ name, label }) =>
    [
      `${name} (from ${label}) is no variable of datahub-sync, and is left out.`,
      didYouMean(name, [...OUR_VARIABLES]),
    ]
      .filter((part) => part !== null)
      .join(" "),
  );
}

function databaseConfig(
  { values, names }: ResolvedOptions,
  problems: Problem[],
  warnings: string[],
): { config: DatabaseConfig; secrets: Secret[] } | null {
  if (values.databaseUrl === undefined) return null;
  const result = readDatabaseUrl(values.databaseUrl, names.databaseUrl);
  if (!result.ok) {
    problems.push(result.problem);
    return null;
  }
  warnings.push(...result.warnings);
  const secrets = [new Secret(values.databaseUrl), result.database.url, ...result.secrets];
  return { config: result.database, secrets };
}

function convexConfig(
  { values, names }: ResolvedOptions,
  problems: Problem[],
  warnings: string[],
): ConvexConfig | null {
  if (values.convexUrl === undefined) return null;
  const result = readConvexUrl(values.convexUrl, names.convexUrl);
  if (!result.ok) {
    problems.push(result.problem);
    return null;
  }
  warnings.push(...result.warnings);
  if (values.syncKey === undefined) return null;
  return {
    url: result.url,
    syncKey: new Secret(values.syncKey),
    deployment: values.convexDeployment ?? result.host,
  };
}

/** What works on Postgres alone still has to know for whom; a URL that is wrong is for the other commands to refuse. */
function readTarget({ values, names }: ResolvedOptions): string {
  if (values.convexUrl === undefined) return "";
  const result = readConvexUrl(values.convexUrl, names.convexUrl);
  return result.ok ? result.url : "";
}

async function fileConfig(
  input: ConfigInput,
  configFile: string | undefined,
  problems: Problem[],
): Promise<{
  all: MirrorConfig[];
  mirrors: MirrorConfig[];
  allowDeletes: MirrorConfig[];
  budget: Budget | null;
}> {
  const all = await readConfigFile(input.cwd, configFile);
  problems.push(...all.problems);
  // Without tables every name would be unknown, which is not what is wrong.
  if (all.problems.length > 0) return { all: [], mirrors: [], allowDeletes: [], budget: null };
  const chosen = await selectMirrors(all.mirrors, input.tables, "--table");
  const allowed = await selectMirrors(all.mirrors, input.allowDeletes, "--allow-deletes");
  problems.push(...chosen.problems, ...allowed.problems);
  const mirrors = input.tables.length === 0 ? all.mirrors : chosen.selected;
  for (const { name: mirror } of allowed.selected.filter((mirror) => !mirrors.includes(mirror))) {
    problems.push({
      kind: "usage",
      message: `--allow-deletes ${mirror}: this run leaves the table out.`,
      remedy: `Add --table ${mirror}, or drop the --allow-deletes.`,
    });
  }
  return { all: all.mirrors, mirrors, allowDeletes: allowed.selected, budget: all.budget };
}

function settings(values: OptionValues, convex: ConvexConfig | null, cwd: string): Settings {
  const inCloud = convex !== null && new URL(convex.url).hostname.endsWith(".convex.cloud");
  const mibPerSecond = values.writeMibPerSecond ?? (inCloud ? CLOUD_MIB_PER_SECOND : Infinity);
  return {
    leaseSeconds: values.leaseSeconds,
    maxInFlight: values.maxInFlight,
    parallel: values.parallel,
    ...pageSizes(values.pageRows, values.parallel),
    writeBytesPerSecond: mibPerSecond * MIB,
    callTimeoutMs: values.callTimeoutSeconds * 1000,
    runDeadlineMs: values.runDeadlineMinutes * 60_000,
    logDir: resolve(cwd, values.logDir),
    logLevel: values.logLevel,
    waitFor:
      values.waitFor === undefined ? null : { sql: values.waitFor, maxMs: values.waitMinutes * 60_000 },
    metricsFile: values.metricsFile === undefined ? null : resolve(cwd, values.metricsFile),
    alerts: alertConfig(values),
  };
}
