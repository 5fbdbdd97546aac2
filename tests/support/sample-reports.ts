import type { VerifyReport } from "../../src/model/verify-report.js";
import type { DoctorReport } from "../../src/model/doctor-report.js";
import { EXIT } from "../../src/model/errors.js";
import type { RunReport, StatusReport, TableCounts, TableReport } from "../../src/model/report.js";
import type { DryRunReport } from "../../src/commands/dry-run-report.js";
import type { MigrateReport } from "../../src/commands/migrate.js";
import type { MigrationPlan } from "../../src/commands/migration-plan.js";

export const NOTHING: TableCounts = {
  read: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  rejected: 0,
  heldBack: 0,
  calls: 0,
  retries: 0,
  bytesSent: 0,
  bytesRead: 0,
  bytesWritten: 0,
};

/** A run that found nothing to do. */
/** A table of which something was sent. */
export const TABLE: TableReport = {
  ...NOTHING,
  table: "sow_poles",
  mode: "delta",
  firstLoad: false,
  outcome: "done",
  durationMs: 120,
  read: 12,
  inserted: 2,
  updated: 10,
  calls: 2,
  watermark: { position: "700:700:", at: "2025-11-22T10:15:00.000Z" },
  tracking: "intact",
  waiting: [],
  notices: [],
};

export const RUN: RunReport = {
  ok: true,
  mode: "delta",
  runId: "5f0c2f6e",
  startedAt: "2025-11-22T10:15:00.000Z",
  finishedAt: "2025-11-22T10:15:00.400Z",
  durationMs: 400,
  exitCode: EXIT.done,
  tables: [],
  totals: { ...NOTHING, calls: 1 },
  notices: [],
};

/** What a run would do that has something of everything. */
export const DRY_RUN: DryRunReport = {
  dryRun: true,
  ok: false,
  exitCode: EXIT.failed,
  foreseenExitCode: EXIT.failed,
  mode: "delta",
  startedAt: "2025-11-22T10:15:00.000Z",
  durationMs: 400,
  tables: [
    {
      table: "sow_poles",
      run: "delta",
      mode: "delta",
      tracking: "intact",
      waiting: [],
      setAside: [],
      read: 12,
      inserted: 2,
      updated: 10,
      unchanged: 0,
      deleted: 0,
      rejected: 0,
      heldBack: 40,
      calls: 3,
      bytesSent: 9_000,
      bytesRead: 40_000,
      bytesWritten: 30_000,
      notices: [{ code: "DELETIONS_HELD_BACK", message: "40 documents would be deleted." }],
    },
    {
      table: "sow_drops",
      run: "load",
      mode: "full",
      tracking: "intact",
      waiting: [],
      notices: [],
      read: 5_000,
      inserted: 4_998,
      updated: 0,
      unchanged: 0,
      deleted: 0,
      rejected: 2,
      heldBack: 0,
      calls: 20,
      bytesSent: 9_000_000,
      bytesRead: 4_000,
      bytesWritten: 10_000_000,
      setAside: [{ code: "INVALID_UNICODE", column: "comments", rows: 2 }],
    },
    {
      table: "nokia_exports",
      run: "nothing",
      mode: "delta",
      tracking: "intact",
      waiting: [],
      read: 0,
      inserted: 0,
      updated: 0,
      unchanged: 0,
      deleted: 0,
      rejected: 0,
      heldBack: 0,
      calls: 0,
      bytesSent: 0,
      bytesRead: 0,
      bytesWritten: 0,
      notices: [],
      setAside: [],
    },
    {
      table: "onemap_poles",
      run: "refused",
      mode: "delta",
      tracking: null,
      waiting: [],
      read: 0,
      inserted: 0,
      updated: 0,
      unchanged: 0,
      deleted: 0,
      rejected: 0,
      heldBack: 0,
      calls: 0,
      bytesSent: 0,
      bytesRead: 0,
      bytesWritten: 0,
      notices: [],
      setAside: [],
      error: { code: "NOT_TRACKED", message: "Changes are not being tracked.", remedy: "Run migrate." },
    },
  ],
  totals: {
    read: 5_012,
    inserted: 5_000,
    updated: 10,
    unchanged: 0,
    deleted: 0,
    rejected: 2,
    heldBack: 40,
    calls: 26,
    bytesSent: 9_010_000,
    bytesRead: 45_000,
    bytesWritten: 10_030_000,
  },
  notices: [{ code: "RUN_GOES_ON", message: "A run is going on." }],
};

export const STATUS: StatusReport = {
  ok: true,
  deployment: "127.0.0.1",
  exitCode: EXIT.done,
  tables: [],
  running: [],
  horizon: null,
  changeLog: { entries: 0, bytes: 0 },
  costs: {
    month: "2025-11",
    calls: 912,
    bytesRead: 398_700_000,
    bytesWritten: 22_900_000,
    projected: { calls: 1_140, bytes: 575_200_000 },
    storage: { documents: 189_300_000, ledger: 8_330_000, indexes: 206_000_000 },
    unsized: [],
    budget: null,
  },
  recentRuns: [],
  notices: [],
};

/** What a first `migrate` did to two tables, one of which was tracked already. */
export const TRACKING: MigrateReport = {
  ok: true,
  exitCode: EXIT.done,
  applied: ["0000_state", "0001_track"],
  tables: [
    { table: "sow_poles", relation: "sow_poles", base: "sharepoint_hld_pole", outcome: "tracked" },
    { table: "sow_drops", relation: "sow_drops", base: "sow_drops", outcome: "already-tracked" },
  ],
  notices: [
    { code: "UPDATED_AT_FOLLOWS_CONTENT", message: "updated_at of sow_poles is going to move less often." },
  ],
};

/** What a `migrate` would do that has something of everything. */
export const PLAN: MigrationPlan = {
  dryRun: true,
  ok: false,
  exitCode: EXIT.failed,
  pending: ["0011_more"],
  statements: [
    { migration: null, table: null, sql: "SELECT pg_advisory_xact_lock(1)", changes: true },
    { migration: "0011_more", table: null, sql: "CREATE TABLE datahub_sync.more ();\n", changes: true },
    {
      migration: "0011_more",
      table: null,
      sql: "INSERT INTO datahub_sync.migrations VALUES (1)",
      changes: true,
    },
    { migration: null, table: "sow_poles", sql: "SELECT datahub_sync.track('sow_poles')", changes: true },
    { migration: null, table: "sow_drops", sql: "SELECT datahub_sync.track('sow_drops')", changes: false },
  ],
  tables: [
    { table: "sow_poles", relation: "sow_poles", base: "sow_poles", outcome: "tracked" },
    { table: "sow_drops", relation: "sow_drops", base: "sow_drops", outcome: "already-tracked" },
    {
      table: "onemap_poles",
      relation: "onemap_poles",
      base: "onemap_poles",
      outcome: "failed",
      error: { code: "NO_KEY", message: "onemap_poles has no primary key.", remedy: "Add one." },
    },
  ],
  effects: [{ code: "TABLES_TRACKED", message: "sow_poles gets triggers." }],
};

export const DOCTOR: DoctorReport = {
  ok: true,
  exitCode: 0,
  checks: [{ area: "here", name: "Node", outcome: "ok", finding: "version 20.0.0", remedy: null }],
};

export const VERIFIED: VerifyReport = {
  ok: true,
  exitCode: 0,
  deployment: "happy-otter-123",
  estimate: { documents: 0, calls: 1, bytesRead: 0 },
  dryRun: false,
  tables: [],
};
