/** What says a notice, as docs/reference/notices.md groups them. */
export type NoticeGroup =
  | "Of a run"
  | "Of what it costs"
  | "Of `status`"
  | "Of `migrate`"
  | "Of a dry run"
  | "Of `migrate --dry-run`";

interface NoticeDescription {
  group: NoticeGroup;
  means: string;
  /** A section of `docs/` that says more, by its path there. */
  more?: string;
}

const SHAPE = "operations.md#changes-of-the-sources-tables";
const COSTS = "reading-a-run.md#what-it-costs-in-convex";

/** Stable codes of what a person should know though nothing failed: scripts may match on them. */
export const NOTICE_CODES = {
  BECAME_FULL: {
    group: "Of a run",
    means: "The run of this table compares everything, and says why.",
  },
  RESUMED: { group: "Of a run", means: "It goes on where an interrupted run stopped." },
  LEASE_TAKEN_OVER: {
    group: "Of a run",
    means: "The run that held the lease before has crashed; its time has run out.",
    more: "operations.md#overlapping-and-crashed-runs",
  },
  WAITS_FOR_RUN: {
    group: "Of a run",
    means:
      "A full run of everything, or one that takes over, goes on beside no other: it waits for half a minute, and exits 4 then.",
    more: "operations.md#overlapping-and-crashed-runs",
  },
  MIRROR_BUSY: {
    group: "Of a run",
    means: "Another run works on this table and brings it up to date; this one has left it out.",
    more: "operations.md#overlapping-and-crashed-runs",
  },
  TRACKING_MENDED: {
    group: "Of a run",
    means: "The source's table had changed its shape, and was tracked anew.",
    more: SHAPE,
  },
  TRACKING_UNMENDED: {
    group: "Of a run",
    means: "Its tracking could not be mended, and says why: each run compares everything until it is.",
    more: SHAPE,
  },
  COLUMNS_WAIT: {
    group: "Of a run",
    means: "Columns are not mirrored until the deployment has fields for them; with the line to paste.",
    more: SHAPE,
  },
  CATALOG_CHANGED: {
    group: "Of a run",
    means: "The table was changed while the run went on: the next one compares everything.",
    more: SHAPE,
  },
  ROWS_SET_ASIDE: {
    group: "Of a run",
    means: "Convex cannot hold some rows without loss; `status` names them.",
    more: "operations.md#rows-that-are-set-aside",
  },
  DELETIONS_HELD_BACK: {
    group: "Of a run",
    means: "So many documents would be deleted that it looks like an accident.",
    more: "operations.md#deletions-held-back",
  },
  DOCUMENTS_ADOPTED: {
    group: "Of a run",
    means:
      "Documents that were there before became the mirror's; what no row accounts for stays until somebody decides.",
    more: "operations.md#documents-that-were-there-before",
  },
  DOCUMENTS_MENDED: { group: "Of a run", means: "A deep run mended what was edited or removed by hand." },
  ENTRIES_MISSING: {
    group: "Of a run",
    means: "The ledger in Convex was damaged, or documents are gone: this run compares everything.",
  },
  LEDGER_SHORT: {
    group: "Of a run",
    means: "Somebody removed entries of the ledger: this run reads the documents, too.",
  },
  ISOLATION_SERIALIZABLE: {
    group: "Of a run",
    means:
      "The role's default isolation is SERIALIZABLE: what is read could make transactions of others fail.",
  },
  RUN_NOT_RECORDED: {
    group: "Of a run",
    means: "The run is done, and its report could not be kept in `datahub_sync.runs`.",
  },

  BUDGET_IO: {
    group: "Of what it costs",
    means: "The month's database I/O is beyond the budget, or will be; of a run: before it begins.",
    more: COSTS,
  },
  BUDGET_CALLS: { group: "Of what it costs", means: "The same of function calls.", more: COSTS },
  BUDGET_STORAGE: { group: "Of what it costs", means: "The same of what is stored.", more: COSTS },

  CHANGES_KEPT: {
    group: "Of `status`",
    means: "A mirror without runs keeps the change log from being purged.",
    more: "operations.md#what-grows-and-what-is-purged",
  },
  CHANGES_UNREAD: { group: "Of `status`", means: "A table is tracked that nobody mirrors." },
  TIMESTAMPS_ALONE: {
    group: "Of `status`",
    means: "Most changes of the table are of `updated_at` alone; with the line to write.",
    more: "configuration.md#updated_at",
  },

  UPDATED_AT_FOLLOWS_CONTENT: {
    group: "Of `migrate`",
    means: "`updated_at` is going to move only when the content changes; said before anything is changed.",
    more: "configuration.md#updated_at",
  },

  RUN_GOES_ON: {
    group: "Of a dry run",
    means: "Another run is going on, which a dry run does not wait for.",
    more: "operations.md#dry-runs",
  },

  SCHEMA_CREATED: {
    group: "Of `migrate --dry-run`",
    means: "The schema `datahub_sync` would be created, and default tables that exist tracked.",
  },
  SCHEMA_UPDATED: {
    group: "Of `migrate --dry-run`",
    means: "Migrations would be applied: older versions refuse this database from then on.",
  },
  TABLES_TRACKED: {
    group: "Of `migrate --dry-run`",
    means:
      "Tables would get triggers, which note each change of a mirrored column. Writers wait 5 s at most.",
  },
  TRIGGERS_REPLACED: {
    group: "Of `migrate --dry-run`",
    means: "Triggers would be made anew. Writers wait meanwhile, 5 s at most.",
  },
  COLUMNS_WATCHED: {
    group: "Of `migrate --dry-run`",
    means: "Columns would count as a change from then on.",
  },
  COLUMNS_UNWATCHED: {
    group: "Of `migrate --dry-run`",
    means: "Columns would no longer count as a change.",
  },
  UPDATED_AT_AS_WRITTEN: {
    group: "Of `migrate --dry-run`",
    means: "`updated_at` would be an ordinary column again.",
    more: "configuration.md#updated_at",
  },
  NEXT_RUN_COMPARES: {
    group: "Of `migrate --dry-run`",
    means: "The table's next run would compare everything, and why.",
  },
  STILL_TRACKED: {
    group: "Of `migrate --dry-run`",
    means: "The table would stay tracked, though this configuration does not mirror it.",
  },
  DROPPED_TABLE_FORGOTTEN: {
    group: "Of `migrate --dry-run`",
    means: "What is remembered of a table that was dropped would be forgotten.",
  },
} as const satisfies Record<string, NoticeDescription>;

export type NoticeCode = keyof typeof NOTICE_CODES;

/** For code that walks the table. */
export const NOTICE_CODE_ROWS = Object.entries(NOTICE_CODES) as [NoticeCode, NoticeDescription][];
