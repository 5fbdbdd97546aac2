import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { RefusalGuard } from "../../../src/sync/refusal-guard.js";

const reason = { code: "ROW_FAILED", message: "Too large." };

/** Refuses rows until the guard stops the run; how many it let pass, or null if it never stopped. */
function refuseUntilStopped(guard: RefusalGuard, atMost: number, passed = 0): number | null {
  for (let refused = 1; refused <= atMost; refused++) {
    try {
      guard.refuse("convex", passed, reason);
    } catch (error) {
      expect(error).toMatchObject({ name: "SyncError", code: "SYSTEMIC_REFUSAL", table: "poles" });
      return refused;
    }
  }
  return null;
}

describe("invariant 7: a fault of the whole table never sets the table aside", () => {
  test("nothing accepted: the twentieth refusal stops the run", () => {
    expect(refuseUntilStopped(new RefusalGuard("poles"), 100)).toBe(20);
  });

  test("a few bad rows are set aside, also when all of a small table are bad", () => {
    expect(refuseUntilStopped(new RefusalGuard("poles"), 19)).toBeNull();
  });

  test("more than fifty are too many when they are more than a tenth of the rows seen", () => {
    const guard = new RefusalGuard("poles");
    expect(refuseUntilStopped(guard, 1_000, 100)).toBe(51);
  });

  test("a tenth of a large table is still let pass", () => {
    const guard = new RefusalGuard("poles");
    expect(refuseUntilStopped(guard, 1_000, 9_000)).toBeNull();
    expect(refuseUntilStopped(guard, 1, 9_000)).toBe(1);
  });

  test("the limits are options", () => {
    const strict = { maxBeforeFirstAccepted: 1, maxRefused: 0, maxShare: 0 };
    expect(refuseUntilStopped(new RefusalGuard("poles", strict), 5)).toBe(1);
    const guard = new RefusalGuard("poles", { maxRefused: 3, maxShare: 0.5 });
    expect(refuseUntilStopped(guard, 10, 1)).toBe(4);
  });

  test("the error counts, and names the last reason", () => {
    const guard = new RefusalGuard("poles", { maxBeforeFirstAccepted: 2 });
    guard.refuse("convex", 0, reason);
    let error: unknown;
    try {
      guard.refuse("convex", 0, reason);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SyncError);
    expect((error as SyncError).message).toBe(
      "2 of 2 rows of poles were refused, the last one with ROW_FAILED: Too large.",
    );
  });

  test("holds the encoder's refusals against what it encoded, not against what Convex has acknowledged yet", () => {
    const guard = new RefusalGuard("poles");
    for (let row = 0; row < 30; row++) guard.refuse("encoder", 300, reason);
    expect(() => guard.refuse("convex", 0, reason)).not.toThrow();
  });

  test("stops when the encoder lets nothing pass", () => {
    const guard = new RefusalGuard("poles");
    for (let row = 0; row < 19; row++) guard.refuse("encoder", 0, reason);
    expect(() => guard.refuse("encoder", 0, reason)).toThrow(SyncError);
  });
});
