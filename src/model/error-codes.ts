/** What an error code means, as `docs/reference/errors.md` says it. */
interface CodeDescription {
  group: ErrorGroup;
  means: string;
  /** What the operator does; the message of the error itself says it of the case at hand. */
  remedy: string;
  /** A section of `docs/` that says more, by its path there. */
  more?: string;
}

export type ErrorGroup = "Configuration and usage" | "Postgres" | "Convex" | "Runs";

/** Stable codes: scripts may match on them, so a code is never renamed. */
export const ERROR_CODES = {
  CONFIG_MISSING: {
    group: "Configuration and usage",
    means: "A variable is not set, still has the placeholder, or a named file is absent.",
    remedy: "The message lists all of them at once, and where each comes from.",
    more: "reference/options.md",
  },
  CONFIG_INVALID: {
    group: "Configuration and usage",
    means:
      "A value, the configuration file, a column's name or encoding is wrong; there are more than 1,022 columns; or a start-up " +
      "parameter in `DATABASE_URL` is one that the server or the pooler does not take.",
    remedy:
      "The message names the place and what may stand there. For a column of a table the exit code is 1.",
    more: "configuration.md",
  },
  USAGE: {
    group: "Configuration and usage",
    means: "The command line makes no sense.",
    remedy: "`datahub-sync COMMAND --help`.",
    more: "reference/commands.md",
  },
  PACKAGES_MISSING: {
    group: "Configuration and usage",
    means: "`local`, or `worker` and `enqueue`, need packages that are not installed with this one.",
    remedy: "The message has the line to install them.",
  },

  DATABASE_UNREACHABLE: {
    group: "Postgres",
    means: "No connection, after five tries; or no encrypted one that can be relied on.",
    remedy:
      "Is the server up, do host, port and sslmode in `DATABASE_URL` fit, does the network let it through? The message says it of " +
      "certificates and connection limits.",
  },
  DATABASE_AUTH: {
    group: "Postgres",
    means:
      "User, password or database name was refused, by the server or by a pooler; or the role may not log in.",
    remedy: "Correct `DATABASE_URL`, or the role.",
  },
  DATABASE_IN_RECOVERY: {
    group: "Postgres",
    means: "This server is a standby.",
    remedy: "Point `DATABASE_URL` at the primary.",
  },
  DATABASE_FAILED: {
    group: "Postgres",
    means: "A statement failed otherwise.",
    remedy:
      "`--verbose` shows the server's message. Not of the classes 22, 23 and P0, whose messages quote values: look for the code and " +
      "the time in the server's log.",
  },
  ENCODING_UNSUPPORTED: {
    group: "Postgres",
    means: "The database's encoding is SQL_ASCII or MULE_INTERNAL; nothing was created in it.",
    remedy: "Mirror from a database with another encoding: dump, create one with UTF8, restore.",
  },
  MIGRATIONS_MISSING: {
    group: "Postgres",
    means: "The schema `datahub_sync` is absent, or older than this version.",
    remedy: "`datahub-sync migrate`, as the owner.",
    more: "operations.md#updating",
  },
  MIGRATIONS_NEWER: {
    group: "Postgres",
    means: "Another version has migrated this database.",
    remedy: "Update datahub-sync here.",
    more: "operations.md#updating",
  },
  MIGRATIONS_OBSOLETE: {
    group: "Postgres",
    means:
      "A checkout from before the first release has migrated this database; its tracking is in the tables themselves.",
    remedy: "The message has the statement that takes it out; then `migrate`.",
  },
  RELATION_MISSING: {
    group: "Postgres",
    means: "The table or view does not exist.",
    remedy: "Create it, or correct `relation` or `base`.",
    more: "operations.md#changes-of-the-sources-tables",
  },
  RELATION_UNSUPPORTED: {
    group: "Postgres",
    means:
      "A partition, a materialized view, a foreign table, a table of Postgres's own; a view over one, or whose rows don't come one by one.",
    remedy:
      "Mirror an ordinary or partitioned table, or a view over one; of a partition the topmost table, which the message names.",
    more: "limits.md",
  },
  NO_KEY: {
    group: "Postgres",
    means:
      "No primary key, or `key` is none; its NOT NULL is NOT VALID; it is composite, a list or `regclass`; or a view hides it.",
    remedy:
      "Add a primary key, or name NOT NULL columns under one unique index; `VALIDATE CONSTRAINT`; show the key in the view.",
    more: "configuration.md#a-table",
  },
  NOT_TRACKABLE: {
    group: "Postgres",
    means: "`track` refuses a table for another reason.",
    remedy: "The message and its remedy are those of the function.",
  },
  NOT_TRACKED: {
    group: "Postgres",
    means: "The table was never tracked for this deployment, or was untracked.",
    remedy: "`migrate`; the next run compares everything.",
  },
  UPDATED_AT_DISPUTED: {
    group: "Postgres",
    means: "Two mirrors, or two deployments, disagree about what `updated_at` of a table means.",
    remedy: "The same `updatedAt` everywhere.",
    more: "configuration.md#updated_at",
  },
  KEY_DISPUTED: {
    group: "Postgres",
    means: "Two mirrors, or two deployments, identify the rows of a table by different keys.",
    remedy: "The same `key` everywhere.",
    more: "configuration.md#several-deployments",
  },
  PERMISSION_DENIED: {
    group: "Postgres",
    means: "The role may not; the message names the object where the server does.",
    remedy:
      "`migrate` as the owner. A runner needs USAGE on the schemas, SELECT on the relations, and `datahub_sync.grant_runner('role')` " +
      "by the owner. With row-level security: BYPASSRLS, or the owner.",
    more: "security.md#the-runner-needs-less-than-the-owner",
  },
  LOCK_TIMEOUT: {
    group: "Postgres",
    means:
      "Another session held a lock for more than 5 seconds, or other transactions were in the way, several times.",
    remedy: "Nothing was changed; again when no long transaction holds the table.",
  },

  DEPLOYMENT_UNREACHABLE: {
    group: "Convex",
    means: "Nothing answers at `CONVEX_URL`, after tries with growing pauses.",
    remedy: "The URL, the network, whether the deployment runs.",
  },
  DEPLOYMENT_FAILED: {
    group: "Convex",
    means: "A call was refused or failed again and again.",
    remedy:
      "For 429: fewer calls in flight or a lower write rate. For 413: the proxy before a self-hosted deployment must take 16 MiB " +
      "(nginx: `client_max_body_size`). For `SystemTimeoutError`: a quieter time, or fewer calls in flight. Else the deployment's logs.",
  },
  FUNCTIONS_NOT_DEPLOYED: {
    group: "Convex",
    means: "The handshake is not answered: not deployed, replaced by another deploy, or paused.",
    remedy: "Deploy, or merge and deploy the app.",
    more: "merging.md",
  },
  PROTOCOL_MISMATCH: {
    group: "Convex",
    means: "The deployed functions are of another version.",
    remedy: "Deploy those of this version, or update this command; the message says which.",
    more: "operations.md#updating",
  },
  WRONG_SYNC_KEY: {
    group: "Convex",
    means: "The keys differ.",
    remedy: "The same `CONVEX_SYNC_AUTH_KEY` on both sides.",
    more: "security.md#the-sync-key",
  },
  SYNC_KEY_UNSET: {
    group: "Convex",
    means: "The deployment has no key, or one of fewer than 12 characters.",
    remedy: "`npx convex env set CONVEX_SYNC_AUTH_KEY`.",
    more: "security.md#the-sync-key",
  },
  TABLE_NOT_DEPLOYED: {
    group: "Convex",
    means: "The deployment does not mirror a table of this name.",
    remedy: "Add it to `defineDatahubSync` and the schema, deploy.",
    more: "other-tables.md",
  },
  SCHEMA_LAGS: {
    group: "Convex",
    means: "The deployed table lacks fields, before a first load or of columns that were mirrored already.",
    remedy: "Paste the line of the message into the table's definition, deploy; or exclude the columns.",
    more: "other-tables.md",
  },

  LEASE_HELD: {
    group: "Runs",
    means: "Another run is going on (exit 4).",
    remedy: "Let it end; the message says when its lease is free should it have crashed.",
    more: "operations.md#overlapping-and-crashed-runs",
  },
  LEASE_LOST: {
    group: "Runs",
    means: "Another run has begun while this one was frozen or cut off.",
    remedy: "Nothing: the other one does the work, and this one could change nothing any more.",
    more: "operations.md#overlapping-and-crashed-runs",
  },
  LINEAGE_MISMATCH: {
    group: "Runs",
    means: "The mirror was made from another database.",
    remedy: "Check both URLs; `--take-over` if it is meant.",
    more: "operations.md#restores-branches-another-database",
  },
  SYSTEMIC_REFUSAL: {
    group: "Runs",
    means: "So many rows were refused that it is no matter of single rows.",
    remedy: "Does the deployed schema fit? Read the reason; the watermark has not moved.",
  },
  QUEUE_FAILED: {
    group: "Runs",
    means: "The database of the workers' queue cannot be reached, or refused what was asked of it.",
    remedy:
      "Is it up, and does `DATAHUB_SYNC_QUEUE_URL` fit? The role must be allowed to create a schema in it.",
    more: "scale.md#workers",
  },
  INTERRUPTED: {
    group: "Runs",
    means: "A signal, or the deadline (`DATAHUB_SYNC_RUN_DEADLINE_MINUTES`).",
    remedy:
      "Nothing: the next run goes on; `migrate`, `untrack` and `status` stop between two tables. Raise the deadline if a first load " +
      "needs longer.",
  },
  INTERNAL: {
    group: "Runs",
    means: "A bug.",
    remedy: "Report it with the output of `--verbose`.",
  },
} as const satisfies Record<string, CodeDescription>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** For code that walks the table. */
export const ERROR_CODE_ROWS = Object.entries(ERROR_CODES) as [ErrorCode, CodeDescription][];
