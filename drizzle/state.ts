import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { bytea, oid, pgSnapshot, xid8 } from "./column-types.js";

/**
 * What the sync remembers, in the source database itself. Everything about one deployment hangs on a row of
 * `targets`, so one source can feed several. Watermarks are `pg_snapshot`s as text, never numbers.
 */
export const datahubSync = pgSchema("datahub_sync");

/** A key's stand-in in an index, for which a key may be too long. */
const digestOfKey = () =>
  bytea("digest")
    .notNull()
    .generatedAlwaysAs(sql`datahub_sync.key_digest(key)`);

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "string" });

/** One row: the lasting name of this source. Written by the first migration, never again. */
export const source = datahubSync.table("source", {
  singleton: boolean("singleton").primaryKey().default(true),
  id: uuid("id").notNull().defaultRandom(),
  createdAt: moment("created_at").notNull().defaultNow(),
});

/** One row per Convex deployment that this source feeds, by its URL. Written by a deployment's first run. */
export const targets = datahubSync.table(
  "targets",
  {
    id: integer("id").primaryKey().generatedAlwaysAsIdentity(),
    url: text("url").notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
    /** Of the latest run. It only rises, or a fencing token would be used twice. */
    epoch: bigint("epoch", { mode: "bigint" })
      .notNull()
      .default(sql`0`),
    /** The run beside which no other may begin, and until when. */
    exclusiveNonce: text("exclusive_nonce"),
    exclusiveUntil: moment("exclusive_until"),
    /** How much of the plan's write throughput each run has for the moment, by nonce: see src/state/write-shares.ts. */
    writeShares: jsonb("write_shares").notNull().default({}),
  },
  (table) => [uniqueIndex("targets_url").on(table.url)],
);

/**
 * The lease of each mirror. (epoch, nonce) is its run's fencing token, which every write carries, here and in Convex.
 */
export const leases = datahubSync.table(
  "leases",
  {
    targetId: integer("target_id")
      .notNull()
      .references(() => targets.id, { onDelete: "cascade" }),
    epoch: bigint("epoch", { mode: "bigint" }).notNull(),
    nonce: text("nonce").notNull(),
    /** Host and process of the run, for people. */
    holder: text("holder").notNull(),
    acquiredAt: moment("acquired_at").notNull(),
    expiresAt: moment("expires_at").notNull(),
    /** False while a run goes on: an expired lease with `released = false` is a run that crashed. */
    released: boolean("released").notNull().default(false),
    mirror: text("mirror").notNull(),
  },
  (table) => [primaryKey({ columns: [table.targetId, table.mirror] })],
);

/**
 * One row per base table whose changes are logged; another table under the same name is another one. Written by the SQL
 * functions `track` and `untrack` alone.
 */
export const trackedTables = datahubSync.table(
  "tracked_tables",
  {
    id: integer("id").primaryKey().generatedAlwaysAsIdentity(),
    relationOid: oid("relation_oid").notNull(),
    /** As it was called when it was tracked: for people. */
    schemaName: text("schema_name").notNull(),
    tableName: text("table_name").notNull(),
    keyColumns: text("key_columns").array().notNull(),
    /** What the triggers compare: the union of what all targets mirror of the table. */
    comparedColumns: text("compared_columns").array().notNull(),
    /** What `content` leaves out of the content, beside `updated_at`. */
    ignoredColumns: text("ignored_columns").array().notNull(),
    /** `content`: an UPDATE that changes nothing else leaves `updated_at` as it was. */
    updatedAt: text("updated_at_mode", { enum: ["content", "as-written", "none"] }).notNull(),
    /** The table's columns and our triggers as they were: a difference means that changes may go unlogged. */
    columns: jsonb("columns").notNull(),
    triggers: jsonb("triggers").notNull(),
    /** Rises with every call that changed something; a run that began under another generation is void. */
    generation: integer("generation").notNull().default(1),
    trackedAt: moment("tracked_at").notNull().defaultNow(),
  },
  (table) => [uniqueIndex("tracked_tables_relation").on(table.relationOid)],
);

/**
 * What each deployment mirrors of a tracked table: triggers belong to a table, configurations to a deployment. Written
 * by `track`, on behalf of `migrate`.
 */
export const trackingClaims = datahubSync.table(
  "tracking_claims",
  {
    trackedId: integer("tracked_id")
      .notNull()
      .references(() => trackedTables.id, { onDelete: "cascade" }),
    /** The deployment's URL; empty where `migrate` was not told one. */
    target: text("target").notNull(),
    columns: text("columns").array().notNull(),
    ignored: text("ignored").array().notNull(),
    updatedAt: text("updated_at_mode", { enum: ["content", "as-written", "none"] }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.trackedId, table.target] })],
);

/**
 * The change log: append-only, written by triggers in the transaction that changes a row, so that each entry carries the
 * xid that decides which runs see it. A key that was touched and is no longer there is a deletion. Purged by runs, below
 * what every target has passed. The index holds no key, so that no key is too long for it.
 */
export const changes = datahubSync.table(
  "changes",
  {
    xid: xid8("xid")
      .notNull()
      .default(sql`pg_current_xact_id()`),
    /** Orders the entries of a transaction. */
    id: bigint("id", { mode: "bigint" }).notNull().generatedAlwaysAsIdentity({ cache: 64 }),
    trackedId: integer("tracked_id").notNull(),
    /**
     * `i`nserted (or come under this key), `u`pdated, `t`imestamp alone (nothing but `updated_at` differs), `d`eleted, `c`leared by TRUNCATE; for
     * people and statistics: what is to be done depends on the key alone.
     */
    kind: text("kind", { enum: ["i", "u", "t", "d", "c"] }).notNull(),
    /** The canonical key text; null where it is not known: everything has to be compared. */
    key: text("key"),
  },
  (table) => [index("changes_order").on(table.trackedId, table.xid, table.id)],
);

/** One row per mirror and target: the watermark, and the run in progress. Written by runs under their lease. */
export const mirrors = datahubSync.table(
  "mirrors",
  {
    targetId: integer("target_id")
      .notNull()
      .references(() => targets.id, { onDelete: "cascade" }),
    name: text("name").notNull(),
    trackedId: integer("tracked_id").notNull(),

    /** The snapshot that the last finished run began with. Null: never finished, or void. */
    watermark: pgSnapshot("watermark"),
    watermarkAt: moment("watermark_at"),
    /** What that run saw of the catalog: see `Sight` in src/model/sight.ts. */
    seen: jsonb("seen"),
    /** The name that both sides gave the end of that run. */
    nonce: text("nonce"),

    /** The run that has begun and not ended; null when none has. */
    runNonce: text("run_nonce"),
    /** The nonce that Convex held when that run began: the run may have ended before Convex heard of it. */
    runPriorNonce: text("run_prior_nonce"),
    runMode: text("run_mode", { enum: ["delta", "full", "deep"] }),
    runSnapshot: pgSnapshot("run_snapshot"),
    runSnapshotAt: moment("run_snapshot_at"),
    runSeen: jsonb("run_seen"),
    /** Which history of the database that run saw: see `SourceIdentity.history`. */
    runHistory: text("run_history"),
    /** Up to where that run's rows are acknowledged. */
    runCursor: jsonb("run_cursor"),
    /** Written before Convex is told the end, so that a crash between the two is no disagreement. */
    runFinalNonce: text("run_final_nonce"),

    lastDeltaAt: moment("last_delta_at"),
    lastDeltaOutcome: text("last_delta_outcome"),
    lastFullAt: moment("last_full_at"),
    lastFullOutcome: text("last_full_outcome"),

    /** Entries of the change log that finished runs have read, and how many of them were of a timestamp alone. */
    changesRead: bigint("changes_read", { mode: "number" }).notNull().default(0),
    timestampsRead: bigint("timestamps_read", { mode: "number" }).notNull().default(0),

    /** Mean size of a document, as Convex counts it, and of a key's text. Null before rows were sent. */
    documentBytes: doublePrecision("document_bytes"),
    keyBytes: doublePrecision("key_bytes"),
  },
  (table) => [primaryKey({ columns: [table.targetId, table.name] })],
);

/** Deletions that a run has found and not yet made: written before the guard decides, removed when acknowledged. */
export const pendingDeletions = datahubSync.table(
  "pending_deletions",
  {
    targetId: integer("target_id")
      .notNull()
      .references(() => targets.id, { onDelete: "cascade" }),
    mirror: text("mirror").notNull(),
    /**
     * `key`: a row that is gone. `document`: a document in Convex that no row accounts for, by its id.
     * `stranger`: such a document that was there before the mirror's first load.
     */
    kind: text("kind", { enum: ["key", "document", "stranger"] }).notNull(),
    key: text("key").notNull(),
    digest: digestOfKey(),
    /** The nonce of the last run that found it. */
    foundBy: text("found_by").notNull(),
    /** When the first one did, for people. */
    foundAt: moment("found_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.targetId, table.mirror, table.kind, table.digest] })],
);

/** Rows that are set aside, since they cannot be mirrored losslessly, with the reason; never a value. Removed when mended. */
export const setAsideRows = datahubSync.table(
  "rejected_rows",
  {
    targetId: integer("target_id")
      .notNull()
      .references(() => targets.id, { onDelete: "cascade" }),
    mirror: text("mirror").notNull(),
    key: text("key").notNull(),
    digest: digestOfKey(),
    code: text("code").notNull(),
    column: text("column_name"),
    reason: text("reason").notNull(),
    firstAt: moment("first_at").notNull().defaultNow(),
    lastAt: moment("last_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.targetId, table.mirror, table.digest] })],
);

/** The history of runs, for people: the report of each, as `--json` prints it. */
export const runs = datahubSync.table(
  "runs",
  {
    id: uuid("id").primaryKey(),
    targetId: integer("target_id")
      .notNull()
      .references(() => targets.id, { onDelete: "cascade" }),
    mode: text("mode").notNull(),
    startedAt: moment("started_at").notNull(),
    finishedAt: moment("finished_at"),
    exitCode: integer("exit_code"),
    report: jsonb("report"),
    /** What Convex counted for it: see `TableCounts`. Here as well, so that a month is added up without reading reports. */
    calls: integer("calls"),
    bytesRead: bigint("bytes_read", { mode: "number" }),
    bytesWritten: bigint("bytes_written", { mode: "number" }),
    /** It loaded a table for the first time, which no later run does. */
    loaded: boolean("loaded"),
  },
  (table) => [index("runs_started").on(table.targetId, table.startedAt)],
);
