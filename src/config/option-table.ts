import { PLAN_NAMES } from "./budget.js";
import {
  anyText,
  httpUrl,
  httpUrlOrNone,
  oneOf,
  path,
  postgresUrl,
  rate,
  wholeNumber,
  type Check,
} from "./option-checks.js";

/** One option: everything that the command line, the environment, the reference page and .env.example know about it. */
export interface OptionRow {
  /** As commander writes it. Null: no flag, because the arguments of a process can be read by every user. */
  flag: string | null;
  /** Environment variables; the first is the one that messages name. */
  variables: readonly [string, ...string[]];
  /** Reads the text. */
  check: Check<unknown>;
  /** The text that stands for an absent option; null when there is none. */
  fallback: string | null;
  /** How the reference page and `--help` show the default, where `fallback` alone does not say it. */
  fallbackShown?: string;
  help: string;
  /** Only for options that a command may require: the placeholder in .env.example and where to get the value. */
  required?: { placeholder: string; whereToGet: string };
  /** Which commands show the flag: all, only `sync`, or those of the queue. */
  scope: "all" | "sync" | "queue";
}

/**
 * All options. Flags win over the environment, the environment over .env.local, .env.local over .env.
 * An empty value counts as absent.
 */
export const OPTIONS = {
  databaseUrl: {
    flag: null,
    variables: ["DATABASE_URL", "NEON_DATABASE_URL"],
    check: anyText,
    fallback: null,
    help: "Connection string of the source database. Neon's pooled endpoint is fine.",
    required: {
      placeholder:
        "postgresql://USER:PASSWORD@HOST-pooler.REGION.aws.neon.tech/DATABASE?sslmode=require&channel_binding=require",
      whereToGet: 'Copy the connection string that Neon\'s console shows under "Connect".',
    },
    scope: "all",
  },
  convexUrl: {
    flag: null,
    variables: ["CONVEX_URL"],
    check: anyText,
    fallback: null,
    help: "URL of the Convex deployment.",
    required: {
      placeholder: "https://YOUR-DEPLOYMENT.convex.cloud",
      whereToGet:
        'Copy the deployment URL that Convex\'s dashboard shows under "Settings", "URL & Deploy Key".',
    },
    scope: "all",
  },
  syncKey: {
    flag: null,
    variables: ["CONVEX_SYNC_AUTH_KEY"],
    check: anyText,
    fallback: null,
    help: "The shared key of the sync functions; the deployment has the same value.",
    required: {
      placeholder: "THE-OUTPUT-OF-openssl-rand-hex-32",
      whereToGet:
        "Make one with `openssl rand -hex 32` and give the deployment the same: `npx convex env set CONVEX_SYNC_AUTH_KEY` asks for it.",
    },
    scope: "all",
  },
  convexDeployment: {
    flag: null,
    variables: ["CONVEX_DEPLOYMENT"],
    check: anyText,
    fallback: null,
    fallbackShown: "the host of `CONVEX_URL`",
    help: "Name of the deployment, for display only.",
    scope: "all",
  },
  configFile: {
    flag: "--config <file>",
    variables: ["DATAHUB_SYNC_CONFIG"],
    check: path,
    fallback: null,
    fallbackShown: "`datahub-sync.config.json`, if it exists",
    help: "Configuration file: which tables, keys, columns and encodings.",
    scope: "all",
  },
  logDir: {
    flag: "--log-dir <directory>",
    variables: ["DATAHUB_SYNC_LOG_DIR"],
    check: path,
    fallback: "logs",
    help: "Directory of the log file (JSON lines; a new file from 5 MiB on, five are kept).",
    scope: "all",
  },
  logLevel: {
    flag: "--log-level <level>",
    variables: ["DATAHUB_SYNC_LOG_LEVEL"],
    check: oneOf(["error", "warn", "info", "debug"]),
    fallback: "info",
    help: "What is logged: error, warn, info or debug. `--verbose` means debug.",
    scope: "all",
  },
  callTimeoutSeconds: {
    flag: "--call-timeout-seconds <seconds>",
    variables: ["DATAHUB_SYNC_CALL_TIMEOUT_SECONDS"],
    check: wholeNumber(1, 3600),
    fallback: "60",
    help: "Longest time for one call to Convex, and for connecting to Postgres. A statement there gets ten times as long.",
    scope: "all",
  },
  leaseSeconds: {
    flag: "--lease-seconds <seconds>",
    variables: ["DATAHUB_SYNC_LEASE_SECONDS"],
    check: wholeNumber(1, 3600),
    fallback: "90",
    help: "How long a crashed run keeps others out. A living run renews its lease.",
    scope: "sync",
  },
  runDeadlineMinutes: {
    flag: "--run-deadline-minutes <minutes>",
    variables: ["DATAHUB_SYNC_RUN_DEADLINE_MINUTES"],
    check: wholeNumber(1, 10_080),
    fallback: "180",
    help: "A run that takes longer stops between batches; the next one resumes.",
    scope: "sync",
  },
  maxInFlight: {
    flag: "--max-in-flight <calls>",
    variables: ["DATAHUB_SYNC_MAX_IN_FLIGHT"],
    // Convex runs 16 mutations at once on its smallest plan and makes others wait.
    check: wholeNumber(1, 256),
    fallback: "4",
    help: "Calls to Convex in flight at once, at most. It falls when Convex pushes back.",
    scope: "sync",
  },
  parallel: {
    flag: "--parallel <tables>",
    variables: ["DATAHUB_SYNC_PARALLEL"],
    // Each takes a connection of Postgres, and a share of the memory and the calls of one.
    check: wholeNumber(1, 16),
    fallback: "1",
    help: "Tables that a run works on at the same time. They share the calls in flight, and together take little more memory than one.",
    scope: "sync",
  },
  pageRows: {
    flag: "--page-rows <rows>",
    variables: ["DATAHUB_SYNC_PAGE_ROWS"],
    check: wholeNumber(1, 10_000),
    fallback: "500",
    help: "Rows read from Postgres at once. Fewer rows take less memory.",
    scope: "sync",
  },
  writeMibPerSecond: {
    flag: "--write-mib-per-second <rate>",
    variables: ["DATAHUB_SYNC_WRITE_MIB_PER_SECOND"],
    check: rate(10_000),
    fallback: null,
    fallbackShown: "3.4 for `*.convex.cloud`, else unlimited",
    help: "Bytes written to Convex in a second as it counts them: documents, ledger, all index entries. Its smaller plans allow 4 MiB.",
    scope: "sync",
  },
  queueUrl: {
    flag: "--queue <url>",
    variables: ["DATAHUB_SYNC_QUEUE_URL"],
    check: postgresUrl,
    fallback: null,
    help: "Connection string of the Postgres that holds the queue of workers. Better by the variable: every user can read the arguments of a process.",
    scope: "queue",
  },
  budget: {
    flag: "--budget <plan>",
    variables: ["DATAHUB_SYNC_BUDGET"],
    check: oneOf(PLAN_NAMES),
    fallback: null,
    fallbackShown: "`budget` of the configuration file, else none",
    help: "Plan of Convex that `status` and runs hold their costs against: free, starter or professional.",
    scope: "all",
  },
  waitFor: {
    flag: "--wait-for <sql>",
    variables: ["DATAHUB_SYNC_WAIT_FOR"],
    check: anyText,
    fallback: null,
    fallbackShown: "a run begins at once",
    help: "A run begins once this SELECT gives true, or a number above 0: when another job has ended. It is asked every 30 s.",
    scope: "sync",
  },
  waitMinutes: {
    flag: "--wait-minutes <minutes>",
    variables: ["DATAHUB_SYNC_WAIT_MINUTES"],
    check: wholeNumber(1, 1440),
    fallback: "60",
    help: "How long `--wait-for` waits at most; then the run begins all the same, and says so.",
    scope: "sync",
  },
  metricsFile: {
    flag: "--metrics <file>",
    variables: ["DATAHUB_SYNC_METRICS_FILE"],
    check: path,
    fallback: null,
    fallbackShown: "none",
    help: "File that each run writes for Prometheus, as node_exporter's textfile collector reads it: NAME.prom.",
    scope: "sync",
  },
  pingUrl: {
    flag: null,
    variables: ["DATAHUB_SYNC_PING_URL"],
    check: httpUrl,
    fallback: null,
    fallbackShown: "none",
    help: "A monitor's address, as healthchecks.io has it: asked for when a run succeeds, with /start behind it when it begins and /fail when it needs somebody.",
    scope: "sync",
  },
  pingStartUrl: {
    flag: null,
    variables: ["DATAHUB_SYNC_PING_START_URL"],
    check: httpUrlOrNone,
    fallback: null,
    fallbackShown: "`DATAHUB_SYNC_PING_URL` with /start",
    help: "The address for the start of a run, where it is another one; `none` for no such ping.",
    scope: "sync",
  },
  pingFailUrl: {
    flag: null,
    variables: ["DATAHUB_SYNC_PING_FAIL_URL"],
    check: httpUrlOrNone,
    fallback: null,
    fallbackShown: "`DATAHUB_SYNC_PING_URL` with /fail",
    help: "The address for a run that needs somebody, where it is another one; `none` for no such ping.",
    scope: "sync",
  },
  webhookUrl: {
    flag: null,
    variables: ["DATAHUB_SYNC_WEBHOOK_URL"],
    check: httpUrl,
    fallback: null,
    fallbackShown: "none",
    help: "Address to which the report of a run is posted as JSON; Slack, Mattermost, Teams and Discord show its text.",
    scope: "sync",
  },
  webhookWhen: {
    flag: null,
    variables: ["DATAHUB_SYNC_WEBHOOK_WHEN"],
    check: oneOf(["changes", "always"]),
    fallback: "changes",
    help: "changes: when a run needs somebody for another reason than the one before it, and when all is well again. always: after each run.",
    scope: "sync",
  },
} as const satisfies Record<string, OptionRow>;

export type OptionName = keyof typeof OPTIONS;

/** The checked value of each option. */
export type OptionValues = {
  [Name in OptionName]: Extract<ReturnType<(typeof OPTIONS)[Name]["check"]>, { ok: true }>["value"];
};

/** The rows as one type, for code that walks the table. */
export const OPTION_ROWS = Object.entries(OPTIONS) as [OptionName, OptionRow][];
