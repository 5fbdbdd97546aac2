import { describe, expect, it } from "vitest";
import { failureReport, renderCauses, renderFailure, toFailure } from "../../../src/cli/render/failure.js";
import { createPaint } from "../../../src/cli/render/paint.js";
import { SyncError } from "../../../src/model/errors.js";

const plain = createPaint(false);

function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), {
    name: "PostgresError",
    code,
    detail: "Failing row contains (1, Ann).",
  });
}

const failure = (cause?: unknown) =>
  new SyncError({
    code: "NO_KEY",
    table: "sow_poles",
    message: "The relation sow_poles has no primary key.",
    remedy: 'Add one, or name the key\'s columns with "key".',
    ...(cause !== undefined && { cause }),
  });

describe("a failure", () => {
  it("is what happened, where, and what to do", () => {
    expect(renderFailure(failure(), false, plain)).toBe(
      [
        "error: The relation sow_poles has no primary key.",
        "  table: sow_poles",
        '  what to do: Add one, or name the key\'s columns with "key".',
        "  (NO_KEY, exit code 1)",
      ].join("\n"),
    );
  });

  it("has causes and stacks only with --verbose", () => {
    const nested = failure(
      new SyncError({
        code: "DATABASE_FAILED",
        message: "Postgres failed.",
        remedy: "-",
        cause: new TypeError("x is not a function"),
      }),
    );
    expect(renderFailure(nested, false, plain)).not.toMatch(/caused by|^\s+at /m);
    const causes = renderCauses(nested);
    expect(
      causes.filter((line) => !/^\s+at (\S.*:\d+:\d+\)?|new Promise \(<anonymous>\))$/.test(line)),
    ).toEqual([
      "  at the top: SyncError NO_KEY: The relation sow_poles has no primary key.",
      "  caused by: SyncError DATABASE_FAILED: Postgres failed.",
      "  caused by: TypeError: x is not a function",
    ]);
    expect(causes.some((line) => line.includes("failure.test.ts"))).toBe(true);
    expect(renderFailure(nested, true, plain)).toContain(causes.join("\n"));
  });

  it("ends in a circle of causes", () => {
    const circular = new Error("a") as Error & { cause: unknown };
    circular.cause = circular;
    expect(renderCauses(circular).filter((line) => line.includes("caused by"))).toEqual([]);
  });

  it("is an object for machines", () => {
    expect(failureReport(failure())).toEqual({
      ok: false,
      error: {
        code: "NO_KEY",
        message: "The relation sow_poles has no primary key.",
        table: "sow_poles",
        remedy: 'Add one, or name the key\'s columns with "key".',
      },
      exitCode: 1,
    });
    const tableless = new SyncError({ code: "USAGE", message: "-", remedy: "-" });
    expect(failureReport(tableless)).toMatchObject({ error: { table: null }, exitCode: 2 });
  });

  it.each([
    [
      "a refused connection",
      Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), {
        code: "ECONNREFUSED",
        syscall: "connect",
      }),
      "Error ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:5432",
    ],
    [
      "a permission",
      databaseError("42501", "permission denied for table sow_poles"),
      "PostgresError 42501: permission denied for table sow_poles",
    ],
    ["a mistake of ours", new TypeError("rows is not iterable"), "TypeError: rows is not iterable"],
    ["a thrown text", "Ann", "a thrown string"],
  ])("says what cannot hold a row's value: %s", (_, cause, shown) => {
    expect(toFailure(cause).message).toBe(`Something unexpected happened: ${shown}.`);
    expect(toFailure(cause)).toMatchObject({ code: "INTERNAL", exitCode: 1 });
  });

  it.each([
    ["a data exception", databaseError("22P02", 'invalid input syntax for type uuid: "Ann"')],
    ["a constraint", databaseError("23505", "duplicate key value: Ann")],
    ["a raised error", databaseError("P0001", "Ann may not be changed")],
    ["a query with its parameters", new Error("Failed query: insert … params: Ann")],
    ["a parsed text", new SyntaxError('"Ann" is not valid JSON')],
    ["a number", new RangeError("The number Ann cannot be converted to a BigInt")],
  ])("withholds what may hold one: %s (invariant 11)", (_, cause) => {
    const shown = [
      renderFailure(toFailure(cause), true, plain),
      JSON.stringify(failureReport(toFailure(cause))),
    ].join();
    expect(shown).toContain("its message is withheld");
    expect(shown).not.toContain("Ann");
  });
});
