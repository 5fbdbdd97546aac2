import type { Budget, PlanName } from "./report.js";

/**
 * Convex's limits. "Docs" is docs.convex.dev/production/state/limits, "source" is the open source backend
 * (github.com/get-convex/convex-backend), both as of August 2026. Where they differ, the stricter one stands here.
 */
const MIB = 1024 * 1024;

/** What a value, a document and a call may be. The JavaScript client checks almost none of it before it sends. */
export const CONVEX_LIMITS = {
  /** A document, its `_id` and `_creationTime` included, as `getDocumentSize` counts. Docs; source: MAX_USER_SIZE. */
  maxDocumentBytes: MIB,
  /** Levels of objects and arrays in a document, the document itself being the first. Source: MAX_DOCUMENT_NESTING. */
  maxDocumentNesting: 16,
  /** The same for the arguments of a call. Source: MAX_NESTING. */
  maxArgumentNesting: 64,
  /** Fields of one object, in documents (`_id` and `_creationTime` count) and in arguments. Docs; source: MAX_OBJECT_FIELDS. */
  maxObjectFields: 1024,
  /** Items of one array, in documents and in arguments. Docs; source: MAX_ARRAY_LEN. */
  maxArrayItems: 8192,
  /** Characters of the name of a table, an index or a document's own field. Docs; source: MAX_IDENTIFIER_LEN. */
  maxNameLength: 64,
  /** Characters of a key of a nested object. Docs; source: MAX_FIELD_NAME_LENGTH. */
  maxKeyLength: 1024,
  /** Arguments of one call, and the body of its HTTP request. Docs: "Function argument size". */
  maxArgumentBytes: 16 * MIB,
  /** What one call returns. Docs: "Function return value size". */
  maxReturnBytes: 16 * MIB,
} as const;

/** A deployment's class. The free and starter plans have S16, the professional plan S256. */
export type DeploymentClass = "S16" | "S256";

/**
 * Bytes that a deployment may write in a sliding second, index entries counted; calls beyond are answered with 429.
 * Docs: "Mutation write throughput limit"; that indexes count is from the source (write_limits.rs).
 */
export const WRITE_BYTES_PER_SECOND: Readonly<Record<DeploymentClass, number>> = {
  S16: 4 * MIB,
  S256: 8 * MIB,
};

/** Convex looks at the last second, its bounds included. Source: WRITE_THROUGHPUT_WINDOW of knobs.rs. */
export const WRITE_WINDOW_MS = 1_001;

const GB = 1_000_000_000;

/**
 * What a plan includes a month, for all deployments and functions of a team together. Docs. Free refuses what is beyond,
 * the others charge for it.
 */
export const INCLUDED_A_MONTH: Readonly<Record<PlanName, Omit<Budget, "plan">>> = {
  free: { ioBytes: GB, storageBytes: 0.5 * GB, calls: 1_000_000 },
  starter: { ioBytes: GB, storageBytes: 0.5 * GB, calls: 1_000_000 },
  professional: { ioBytes: 50 * GB, storageBytes: 50 * GB, calls: 25_000_000 },
};
