/**
 * Convex's limits, as the local deployment enforces them.
 * Sources: https://docs.convex.dev/production/state/limits, and in get-convex/convex-backend
 * crates/common/src/knobs.rs, crates/common/src/document.rs and crates/value/src.
 */
const MiB = 1 << 20;

/** `MAX_USER_SIZE`: a document with its `_id` and `_creationTime`. */
export const MAX_DOCUMENT_BYTES = 1 * MiB;
/** `MAX_DOCUMENT_NESTING`: levels of a document, the document itself being the first. */
export const MAX_DOCUMENT_NESTING = 16;
/** Levels of any value, so of arguments too. */
export const MAX_VALUE_NESTING = 64;
export const MAX_OBJECT_FIELDS = 1024;
export const MAX_ARRAY_ITEMS = 8192;
/** Names of tables, indexes and a document's own fields. */
export const MAX_IDENTIFIER_CHARACTERS = 64;
/** Keys of nested objects. */
export const MAX_KEY_CHARACTERS = 1024;
export const MAX_INDEXES_PER_TABLE = 32;
export const MAX_FIELDS_PER_INDEX = 16;
/** `FUNCTION_MAX_ARGS_SIZE` and `FUNCTION_MAX_RESULT_SIZE`. */
export const MAX_ARGUMENT_BYTES = 16 * MiB;
export const MAX_RESULT_BYTES = 16 * MiB;
/** The HTTP server's limit on a request's body. */
export const MAX_BODY_BYTES = 16 * MiB;

/** What one transaction may use. Read and written bytes count documents, not index entries. */
export interface TransactionLimits {
  documentsRead: number;
  bytesRead: number;
  documentsWritten: number;
  bytesWritten: number;
  /** Ranges of indexes read; a document read by its id is a range of its own. */
  databaseQueries: number;
}

export const TRANSACTION_LIMITS: Readonly<TransactionLimits> = {
  documentsRead: 32_000,
  bytesRead: 16 * MiB,
  documentsWritten: 16_000,
  bytesWritten: 16 * MiB,
  databaseQueries: 4_096,
};

/** `DATABASE_UDF_USER_TIMEOUT`: a function's own time, system calls left out. */
export const MAX_OWN_MS = 1_000;
/** `DATABASE_UDF_SYSTEM_TIMEOUT`: the time of its system calls and its waits for a permit. */
export const MAX_DATABASE_MS = 15_000;
/** `ISOLATE_MAX_USER_HEAP_SIZE`. */
export const MAX_HEAP_BYTES = 64 * MiB;
/** `MAX_SYSCALL_BATCH_SIZE`. */
export const READS_AT_ONCE = 16;

/** How often the server itself runs a mutation again after a conflict, and how long it waits in between. */
export const CONFLICT_RETRIES = 4;
export const CONFLICT_BACKOFF = { initialMs: 100, maxMs: 2_000 } as const;

/** What a plan's deployment class bears. */
export interface Plan {
  /** Entries of documents and of all indexes (src/model/write-size.ts), in a sliding window of one second. */
  maxBytesWrittenPerSecond: number;
  maxConcurrentMutations: number;
}

export const PLANS = {
  /** Free and starter. */
  s16: { maxBytesWrittenPerSecond: 4 * MiB, maxConcurrentMutations: 16 },
  s256: { maxBytesWrittenPerSecond: 8 * MiB, maxConcurrentMutations: 256 },
} as const satisfies Record<string, Plan>;

/** `WRITE_THROUGHPUT_WINDOW`. */
export const WRITE_WINDOW_MS = 1_000;
/** How long a mutation waits for a free place before it is refused. */
export const MUTATION_QUEUE_MS = 5_000;

/**
 * What one page of the CLI's table data reads at most. Convex's own function says 10,000 rows
 * (npm-packages/system-udfs/convex/_system/paginationLimits.ts), of which small documents make an array that
 * is too long; and it refuses `--limit` from 32,000 on, where this one goes on page by page.
 */
export const SYSTEM_PAGE = { rows: MAX_ARRAY_ITEMS, maximumBytesRead: 5_000_000 } as const;
