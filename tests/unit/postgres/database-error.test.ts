import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import {
  databaseErrorCode,
  isRestart,
  isRetryable,
  isSilence,
} from "../../../src/postgres/database-error.js";
import { toSyncError } from "../../../src/postgres/to-sync-error.js";

const thrown = (code: string, message = "a message of the server", extra: object = {}) =>
  Object.assign(new Error(message), { code, ...extra });

const CODES: [code: string, retryable: boolean, becomes: string][] = [
  ["CONNECTION_CLOSED", true, "DATABASE_UNREACHABLE"],
  ["CONNECTION_ENDED", true, "DATABASE_UNREACHABLE"],
  ["CONNECTION_DESTROYED", true, "DATABASE_UNREACHABLE"],
  ["CONNECT_TIMEOUT", true, "DATABASE_UNREACHABLE"],
  ["STATEMENT_DEADLINE", true, "DATABASE_UNREACHABLE"],
  ["ECONNREFUSED", true, "DATABASE_UNREACHABLE"],
  ["ECONNRESET", true, "DATABASE_UNREACHABLE"],
  ["EPIPE", true, "DATABASE_UNREACHABLE"],
  ["ETIMEDOUT", true, "DATABASE_UNREACHABLE"],
  ["ENOTFOUND", true, "DATABASE_UNREACHABLE"],
  ["EAI_AGAIN", true, "DATABASE_UNREACHABLE"],
  ["57P01", true, "DATABASE_UNREACHABLE"],
  ["57P02", true, "DATABASE_UNREACHABLE"],
  ["57P03", true, "DATABASE_UNREACHABLE"],
  ["08006", true, "DATABASE_UNREACHABLE"],
  ["08P01", true, "DATABASE_UNREACHABLE"],
  ["53300", true, "DATABASE_UNREACHABLE"],
  ["40001", true, "LOCK_TIMEOUT"],
  ["40P01", true, "LOCK_TIMEOUT"],
  ["55P03", true, "LOCK_TIMEOUT"],
  ["28P01", false, "DATABASE_AUTH"],
  ["28000", false, "DATABASE_AUTH"],
  ["3D000", false, "DATABASE_AUTH"],
  ["42501", false, "PERMISSION_DENIED"],
  ["42P01", false, "DATABASE_FAILED"],
  ["22P02", false, "DATABASE_FAILED"],
  ["23505", false, "DATABASE_FAILED"],
  ["57014", false, "DATABASE_FAILED"],
  ["25006", false, "DATABASE_FAILED"],
  ["XX000", false, "DATABASE_FAILED"],
  ["P0001", false, "DATABASE_FAILED"],
];

describe("what becomes of a code", () => {
  test.each(CODES)("%s: worth another try %s, in the end %s", (code, retryable, becomes) => {
    expect(isRetryable(thrown(code))).toBe(retryable);
    const error = toSyncError(thrown(code), "reading the catalog");
    expect(error.code).toBe(becomes);
    expect(error.remedy).toMatch(/\w/);
    expect(error.message).toContain(code === "3D000" || code === "42501" || code === "55P03" ? "" : code);
  });

  test.each(["CONNECTION_CLOSED", "ECONNREFUSED", "57P01", "57P02", "57P03", "53300", "08006"])(
    "%s may be a restart, and is waited for longer",
    (code) => expect([isRestart(thrown(code)), isSilence(thrown(code))]).toEqual([true, false]),
  );

  test.each(["CONNECT_TIMEOUT", "STATEMENT_DEADLINE", "ETIMEDOUT"])(
    "%s has taken its time already, and is tried less often",
    (code) => expect([isRestart(thrown(code)), isSilence(thrown(code))]).toEqual([false, true]),
  );

  test.each(["40001", "40P01", "55P03", "ENOTFOUND", "28P01"])("%s is neither", (code) =>
    expect([isRestart(thrown(code)), isSilence(thrown(code))]).toEqual([false, false]),
  );

  test.each(["25006", "57014"])("%s names the pooler, whose other clients may be to blame", (code) =>
    expect(toSyncError(thrown(code), "reading").remedy).toContain("another client of the same pooler"),
  );

  test("Neon's proxy says with an internal error that its compute does not start", () => {
    expect(isRetryable(thrown("XX000", "Couldn't connect to compute node"))).toBe(true);
    expect(isRetryable(thrown("XX000", "Control plane request failed: x"))).toBe(true);
    expect(isRetryable(thrown("42P01", "Control plane request failed"))).toBe(false);
    const wrapped = new Error("Failed query", { cause: thrown("XX000", "Control plane request failed") });
    expect(isRetryable(wrapped)).toBe(true);
  });

  test("Drizzle's wrapper is looked through", () => {
    const wrapped = new Error("Failed query: select …", { cause: thrown("57P01") });
    expect(databaseErrorCode(wrapped)).toBe("57P01");
    expect(isRetryable(wrapped)).toBe(true);
  });

  test.each([undefined, null, "text", 5, new Error("no code"), { code: 5 }])(
    "%s is none of these",
    (error) => {
      expect(databaseErrorCode(error)).toBeUndefined();
      expect(isRetryable(error)).toBe(false);
      expect(toSyncError(error, "reading").code).toBe("DATABASE_FAILED");
    },
  );

  test("a SyncError stays what it is", () => {
    const error = new SyncError({ code: "NO_KEY", message: "m", remedy: "r" });
    expect(toSyncError(error, "reading")).toBe(error);
  });
});
