import { SyncError, type ErrorCode } from "../model/errors.js";
import type { ConvexCallError } from "./convex-call-error.js";
import { decide, SYSTEM_TIMEOUT } from "./retry-policy.js";

const DEPLOY_REMEDY =
  "Deploy the sync functions: `npx convex deploy` in this package, or, for a deployment that has functions of " +
  "its own, merge ours into that app as the README describes and deploy the app.";

const KEY_REMEDY =
  "Give both sides the same key: `npx convex env set CONVEX_SYNC_AUTH_KEY` for the deployment, which asks for it, and " +
  "CONVEX_SYNC_AUTH_KEY in the environment or .env of this command.";

interface Explanation {
  message: string;
  remedy: string;
}

/**
 * What a failed call means to the operator, once it is not tried again.
 * @param table the mirror concerned, or null for a call about several.
 */
export function explainFailure(error: ConvexCallError, host: string, table: string | null): SyncError {
  if (mayLackFunction(error)) {
    return new SyncError({
      code: "FUNCTIONS_NOT_DEPLOYED",
      message: `The deployment at ${host} does not carry out ${error.functionName}: its functions are of an older version, or it failed (${error.message}).`,
      remedy: `${DEPLOY_REMEDY} Runs go on without it.`,
      ...(table === null ? {} : { table }),
      cause: error,
    });
  }
  const code = errorCodeOf(error);
  return new SyncError({
    code,
    ...explain(code, error, host, table ?? "a table"),
    ...(table === null ? {} : { table }),
    cause: error,
  });
}

/**
 * The handshake is the first call, and its failure says more: in production, an unknown function and one with
 * other arguments are both answered with a redacted "Server Error" (backend: `missing_or_internal_error` is a
 * JsError, shown by RedactedJsError). So whatever is no error of ours means that our functions are not there.
 */
export function explainHandshakeFailure(error: ConvexCallError, host: string): SyncError {
  if (error.kind !== "function" || decide(error).action !== "split") return explainFailure(error, host, null);
  return new SyncError({
    code: "FUNCTIONS_NOT_DEPLOYED",
    message: `The deployment at ${host} does not answer the handshake (${error.message}): the sync functions are not deployed there, are of another version, or the deployment is paused.`,
    remedy: DEPLOY_REMEDY,
    cause: error,
  });
}

/** Functions that runs do without, and that came after the protocol's version: a deployment that runs may lack them. */
const YOUNGER = new Set(["readDocuments", "adoptDocuments"]);

/** In production an unknown function is answered with a redacted "Server Error". */
function mayLackFunction(error: ConvexCallError): boolean {
  return (
    error.kind === "function" &&
    decide(error).action === "split" &&
    YOUNGER.has(error.functionName.split(":").at(-1)!)
  );
}

function errorCodeOf(error: ConvexCallError): ErrorCode {
  const decision = decide(error);
  if (decision.action === "fail") return decision.code;
  // No answer at all points at the way there; an answer that refuses points at the deployment.
  return error.kind === "network" || error.kind === "timeout"
    ? "DEPLOYMENT_UNREACHABLE"
    : "DEPLOYMENT_FAILED";
}

function explain(code: ErrorCode, error: ConvexCallError | null, host: string, table: string): Explanation {
  const facts = error === null ? "" : ` (${error.message})`;
  switch (code) {
    case "SYNC_KEY_UNSET":
      return {
        message: `The deployment at ${host} has no sync key: CONVEX_SYNC_AUTH_KEY is not set there, or is too short.`,
        remedy: KEY_REMEDY,
      };
    case "WRONG_SYNC_KEY":
      return {
        message: `The deployment at ${host} refused CONVEX_SYNC_AUTH_KEY: it has another one.`,
        remedy: KEY_REMEDY,
      };
    case "TABLE_NOT_DEPLOYED":
      return {
        message: `The deployment at ${host} does not mirror ${table}.`,
        remedy: `Add the table to the deployment's schema and to its mirrored tables. ${DEPLOY_REMEDY}`,
      };
    case "LINEAGE_MISMATCH":
      return {
        message: `The mirror of ${table} at ${host} belongs to another source database.`,
        remedy:
          "Check DATABASE_URL and CONVEX_URL. If this database is to replace the other as the mirror's source, " +
          "run again with --take-over.",
      };
    case "LEASE_LOST":
      return {
        message: `Another run of ${table} has begun, and this one may change nothing any more.`,
        remedy:
          "Nothing is lost: the other run does the work. Keep runs from overlapping if this happens often.",
      };
    case "DEPLOYMENT_UNREACHABLE":
      return {
        message: `No Convex deployment answers at ${host}${facts}.`,
        remedy: "Check CONVEX_URL, the network, and whether the deployment runs; then run again.",
      };
    default:
      return {
        message: `The deployment at ${host} did not carry out a call${facts}.`,
        remedy: remedyFor(error),
      };
  }
}

function remedyFor(error: ConvexCallError | null): string {
  if (error?.status === 429) {
    return (
      "The deployment is at its limit of calls or of bytes written. Lower the calls in flight or the write rate " +
      "in the settings, or run at a quieter time. Nothing is lost."
    );
  }
  if (error?.status === 413) {
    return (
      "A proxy before the deployment takes no body as large as this row's. Raise its limit to the 16 MiB that Convex " +
      "takes (nginx: client_max_body_size); then run again. Nothing is lost."
    );
  }
  if (error?.code === SYSTEM_TIMEOUT) {
    return (
      "Convex gives a function 15 s for its database work, waits included, and even the smallest call took longer. Run " +
      "at a quieter time, or with fewer calls in flight. Nothing is lost."
    );
  }
  if (error?.kind === "http" && decide(error).action !== "repeat") {
    return "Check that CONVEX_URL is the deployment's own URL, and that no proxy or access rule refuses the call.";
  }
  return "Look the call up in the logs of the deployment's dashboard; then run again. Nothing is lost.";
}
