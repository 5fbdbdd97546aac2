import { expect, test } from "vitest";
import type { SyncFunctionErrorCode } from "../../../convex/datahubSync/protocol.js";
import type { ErrorCode } from "../../../src/model/errors.js";
import { ConvexCallError, type CallFailure } from "../../../src/sink/convex-call-error.js";
import { decide, decideAlone, isTooMuch, type Decision } from "../../../src/sink/retry-policy.js";

const repeat: Decision = { action: "repeat", outcome: "not-committed" };
const repeatUnknown: Decision = { action: "repeat", outcome: "unknown" };
const split: Decision = { action: "split", alone: "set-aside" };
const fail = (code: ErrorCode): Decision => ({ action: "fail", code });

const decideOn = (failure: Omit<CallFailure, "functionName">) =>
  decide(new ConvexCallError({ functionName: "datahubSync:applyBatch", ...failure }));

test.each<[number, string | null, Decision]>([
  // Convex's own, as its backend names them.
  [429, "TooManyConcurrentRequests", repeat],
  [429, "TooManyWrites", repeat],
  [429, null, repeat],
  [503, "OptimisticConcurrencyControlFailure", repeat],
  [503, "CommitterFullError", repeat],
  [503, "ExpiredInQueue", repeat],
  [503, "ExecuteFullError", repeat],
  [503, "WorkerOverloaded", repeat],
  [503, "IsolateNotClean", repeat],
  [503, "InitialPermitTimeoutError", repeat],
  [500, "InternalServerError", repeatUnknown],
  [408, null, repeatUnknown],
  // Of something in between, which knows nothing of the commit.
  [503, null, repeatUnknown],
  [503, "SomethingElse", repeatUnknown],
  [502, null, repeatUnknown],
  [504, null, repeatUnknown],
  [524, null, repeatUnknown],
  [413, null, { action: "split", alone: "fail" }],
  [400, "SystemTimeoutError", { action: "split", alone: "repeat" }],
  // Nothing that a repetition would mend.
  [400, "BadJsonBody", fail("DEPLOYMENT_FAILED")],
  [400, "BadFormat", fail("DEPLOYMENT_FAILED")],
  [401, "Unauthenticated", fail("DEPLOYMENT_FAILED")],
  [403, "Forbidden", fail("DEPLOYMENT_FAILED")],
  [404, "NotFound", fail("DEPLOYMENT_UNREACHABLE")],
  [302, null, fail("DEPLOYMENT_UNREACHABLE")],
  [204, null, fail("DEPLOYMENT_FAILED")],
])("HTTP %i %s", (status, code, decision) => {
  expect(decideOn({ kind: "http", status, code })).toEqual(decision);
});

test.each([
  [400, "SystemTimeoutError", repeat, true],
  [413, null, { action: "split", alone: "fail" }, true],
  [503, "ExpiredInQueue", repeat, false],
  [400, "BadFormat", fail("DEPLOYMENT_FAILED"), false],
] as const)(
  "HTTP %i %s to what can't be cut, and whether it was too much",
  (status, code, decision, much) => {
    const error = new ConvexCallError({ kind: "http", functionName: "f", status, code });
    expect(decideAlone(error)).toEqual(decision);
    expect(isTooMuch(error)).toBe(much);
  },
);

test("a function's failure may be a row's fault, so that it does not say that there were too many", () => {
  const error = new ConvexCallError({ kind: "function", functionName: "f", code: "ROW_FAILED" });
  expect(isTooMuch(error)).toBe(false);
});

const byFunctionCode: Record<SyncFunctionErrorCode, Decision> = {
  SYNC_KEY_UNSET: fail("SYNC_KEY_UNSET"),
  WRONG_SYNC_KEY: fail("WRONG_SYNC_KEY"),
  UNKNOWN_TABLE: fail("TABLE_NOT_DEPLOYED"),
  LINEAGE_MISMATCH: fail("LINEAGE_MISMATCH"),
  EPOCH_BEHIND: fail("LEASE_LOST"),
  STALE_TOKEN: fail("LEASE_LOST"),
  ROW_FAILED: split,
  BAD_REQUEST: split,
};

test.each([...Object.entries(byFunctionCode), ["FUNCTION_FAILED", split], ["toString", split]] as const)(
  "a function's %s",
  (code, decision) => expect(decideOn({ kind: "function", code })).toEqual(decision),
);

test.each<[string | null, Decision]>([
  ["ECONNREFUSED", repeat],
  ["ENOTFOUND", repeat],
  ["EAI_AGAIN", repeat],
  ["EHOSTUNREACH", repeat],
  ["ENETUNREACH", repeat],
  ["UND_ERR_CONNECT_TIMEOUT", repeat],
  ["ECONNRESET", repeatUnknown],
  ["EPIPE", repeatUnknown],
  ["UND_ERR_SOCKET", repeatUnknown],
  ["BAD_ANSWER", repeatUnknown],
  [null, repeatUnknown],
])("a connection that ended with %s", (code, decision) => {
  expect(decideOn({ kind: "network", code })).toEqual(decision);
});

test("a time-out, an abort, and what was never sent", () => {
  expect(decideOn({ kind: "timeout" })).toEqual(repeatUnknown);
  expect(decideOn({ kind: "aborted" })).toEqual(fail("INTERRUPTED"));
  expect(decideOn({ kind: "unsendable", code: "REQUEST_TOO_LARGE" })).toEqual(split);
});
