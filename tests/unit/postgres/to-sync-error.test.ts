import { describe, expect, test } from "vitest";
import { describeCause, renderCauses } from "../../../src/cli/render/failure.js";
import { isRestart, isRetryable } from "../../../src/postgres/database-error.js";
import { toSyncError } from "../../../src/postgres/to-sync-error.js";

const thrown = (code: string, message = "a message of the server", extra: object = {}) =>
  Object.assign(new Error(message), { name: "PostgresError", code, ...extra });

describe("invariant 11: no row value gets into an error", () => {
  test.each([
    ["22P02", 'invalid input syntax for type uuid: "secret value"'],
    ["23505", "duplicate key value violates unique constraint"],
    ["P0001", "secret value"],
  ])("of %s neither detail nor, where messages quote values, the message", (code, message) => {
    const server = thrown(code, message, {
      detail: "Key (a)=(secret value)",
      where: "secret value",
      parameters: ["secret value"],
    });
    const wrapped = new Error("Failed query … params: secret value", { cause: server });
    const error = toSyncError(wrapped, "reading rows");
    const cause = error.cause as Error;
    const everything = [
      error.message,
      error.remedy,
      cause.message,
      JSON.stringify({ ...cause }),
      String(cause.cause),
    ];
    expect(everything.join()).not.toContain("secret value");
  });
});

describe("a remedy promises of --verbose what it shows", () => {
  const cases = ["22P02", "23505", "P0001", "42P01", "42883", "53100", "XX000", "25001", "0A000", "CODELESS"];

  test.each(cases)("%s", (code) => {
    const error = toSyncError(
      code === "CODELESS" ? new RangeError("secret value") : thrown(code, "what the server says"),
      "reading rows",
    );
    const shown = renderCauses(error).join();
    expect(error.code).toBe("DATABASE_FAILED");
    expect(shown.includes("what the server says")).toBe(
      /--verbose (shows|to see) the server's/.test(error.remedy),
    );
    expect(shown).not.toContain("secret value");
    if (/^(22|23|P0)/.test(code)) expect(error.remedy).toMatch(new RegExp(`look for ${code}.*server's log`));
  });

  test("a refused connection is shown with its host and port", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), {
      code: "ECONNREFUSED",
      syscall: "connect",
    });
    expect(describeCause(toSyncError(refused, "x").cause)).toContain("connect ECONNREFUSED 127.0.0.1:1");
  });

  test("a mistake of ours inside a statement's work is shown as one", () => {
    expect(describeCause(toSyncError(new TypeError("x is not a function"), "x").cause)).toContain(
      "TypeError: x is not a function",
    );
  });
});

describe("what a pooler says with 08P01", () => {
  test.each([
    [
      "unsupported startup parameter: jit",
      "CONFIG_INVALID",
      /parameter jit \(/,
      /Take jit out of DATABASE_URL.*ignore_startup_parameters = jit/,
    ],
    [
      "unsupported startup parameter in options: statement_timeout",
      "CONFIG_INVALID",
      /parameter statement_timeout/,
      /-c statement_timeout/,
    ],
    ["no such database: elsewhere", "DATABASE_AUTH", /no database/, /path of DATABASE_URL/],
    ['database "elsewhere" does not exist', "DATABASE_AUTH", /no database/, /path of DATABASE_URL/],
    ["no such user: somebody", "DATABASE_AUTH", /user or the password/, /auth_file/],
    ["SASL authentication failed", "DATABASE_AUTH", /user or the password/, /auth_file/],
    ["password authentication failed", "DATABASE_AUTH", /user or the password/, /auth_file/],
    ["SSL required", "CONFIG_INVALID", /encrypted/, /sslmode/],
  ])("%s: is not tried again, and says what to do", (message, code, says, remedy) => {
    const error = thrown("08P01", message);
    expect([isRetryable(error), isRestart(error)]).toEqual([false, false]);
    expect(toSyncError(error, "connecting")).toMatchObject({
      code,
      message: expect.stringMatching(says) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
  });

  test.each([
    "query_wait_timeout",
    "no more connections allowed (max_client_conn)",
    'server login failed: FATAL password authentication failed for user "a"',
    "pgbouncer cannot connect to server",
    "client_login_timeout (server down)",
    "something new",
  ])("%s: may pass, and is waited for", (message) => {
    const error = thrown("08P01", message);
    expect([isRetryable(error), isRestart(error)]).toEqual([true, true]);
    expect(toSyncError(error, "connecting")).toMatchObject({
      code: "DATABASE_UNREACHABLE",
      remedy: expect.stringContaining("pooler") as string,
    });
  });
});

describe("a server that does not let anybody in", () => {
  const fatal = (code: string, message: string) => thrown(code, message, { severity: "FATAL" });

  test.each([
    ["42704", 'unrecognized configuration parameter "jitt"', "CONFIG_INVALID", /jitt/, /DATABASE_URL/],
    [
      "22023",
      'invalid value for parameter "jit": "x"',
      "CONFIG_INVALID",
      /start-up parameter \(22023\)/,
      /options/,
    ],
    ["42501", "permission denied for database a", "PERMISSION_DENIED", /may not connect/, /GRANT CONNECT/],
    [
      "55000",
      'database "template0" is not currently accepting connections',
      "DATABASE_AUTH",
      /no connections/,
      /path/,
    ],
    ["28000", 'role "a" is not permitted to log in', "DATABASE_AUTH", /28000/, /LOGIN/],
    ["28P01", "password authentication failed", "DATABASE_AUTH", /28P01/, /password/],
    ["53300", 'too many connections for role "a"', "DATABASE_UNREACHABLE", /53300/, /CONNECTION LIMIT/],
  ])("%s %s", (code, message, becomes, says, remedy) => {
    expect(toSyncError(fatal(code, message), "connecting")).toMatchObject({
      code: becomes,
      message: expect.stringMatching(says) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
  });

  test.each([
    ["SELF_SIGNED_CERT_IN_CHAIN", /NODE_EXTRA_CA_CERTS/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", /NODE_EXTRA_CA_CERTS/],
    ["ERR_SSL_WRONG_VERSION_NUMBER", /sslmode=disable/],
  ])("%s", (code, remedy) => {
    const error = toSyncError(Object.assign(new Error("x"), { code }), "connecting");
    expect(error).toMatchObject({
      code: "DATABASE_UNREACHABLE",
      message: expect.stringContaining(code) as string,
    });
    expect(error.remedy).toMatch(remedy);
  });
});

describe("a denied permission", () => {
  test("names the object, where the message is nothing but that", () => {
    const message = (text: string) => toSyncError(thrown("42501", text), "reading rows of a").message;
    expect(message("permission denied for schema secret")).toMatch(
      /of a: permission denied for schema secret\.$/,
    );
    expect(message("must be owner of table a")).toContain("must be owner of table a");
    expect(message("permission denied for customer Ann Miller")).not.toContain("Ann");
    expect(message("permission denied for table a of Ann")).not.toContain("Ann");
  });
});

describe("what our own functions raise", () => {
  test("is repeated by its SQLSTATE, with the hint as the remedy", () => {
    const raised = thrown("DS101", "a cannot be tracked", { hint: "Do this." });
    const wrapped = new Error("Failed query … params: secret value", { cause: raised });
    expect(toSyncError(wrapped, "tracking a")).toMatchObject({
      code: "RELATION_UNSUPPORTED",
      message: "a cannot be tracked.",
      remedy: "Do this.",
    });
    expect(toSyncError(thrown("DS199", "new", { hint: "h" }), "x").code).toBe("NOT_TRACKABLE");
    expect(toSyncError(thrown("P0001", "a cannot be tracked", { hint: "h" }), "x").message).not.toContain(
      "a cannot",
    );
  });
});
