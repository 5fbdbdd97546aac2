import { describe, expect, test } from "vitest";
import { changesKept, contentFollows, timestampsAlone } from "../../../src/sync/notices.js";

describe("what updated_at as written costs", () => {
  test.each([
    { read: 0, timestamps: 0, says: null },
    { read: 99, timestamps: 99, says: null }, // too few to say anything
    { read: 100, timestamps: 49, says: null },
    { read: 100, timestamps: 50, says: "50 % of the 100 changes of poles" },
    { read: 1_000, timestamps: 999, says: "99 % of the 1,000 changes of poles" }, // and not 100 %
    { read: 1_000, timestamps: 1_000, says: "100 % of the 1,000 changes of poles" },
  ])("$timestamps of $read changes were of timestamps alone: $says", ({ read, timestamps, says }) => {
    const notice = timestampsAlone("poles", { read, timestamps });
    if (says === null) {
      expect(notice).toBeNull();
      return;
    }
    expect(notice!.code).toBe("TIMESTAMPS_ALONE");
    expect(notice!.message).toContain(`${says} were of updated_at alone`);
  });

  test("is said with the lines to write", () => {
    const { message } = timestampsAlone("poles", { read: 200, timestamps: 200 })!;
    expect(message).toContain('"updatedAt": "content"');
    expect(message).toContain('"ignore": ["updated_at"]');
    expect(message).toContain("docs/configuration.md");
  });
});

test("what content means for other jobs is said of every table, with the way out", () => {
  const { code, message } = contentFollows(["poles", "reports.drops"]);
  expect(code).toBe("UPDATED_AT_FOLLOWS_CONTENT");
  expect(message).toContain(
    "updated_at of poles, reports.drops is going to move only when the content changes",
  );
  expect(message).toContain("would delete every unchanged row");
  expect(message).toContain('"updatedAt": "as-written"');
});

test("a change log that is kept for nobody says for whom, since when and until when", () => {
  const idle = { mirror: "poles", url: "https://a.convex.cloud", lastAt: "2026-01-01T00:00:00Z" };
  expect(changesKept({ ...idle, entries: 1 })).toEqual({
    code: "CHANGES_KEPT",
    message:
      "1 entry of the change log is kept for the mirror poles of https://a.convex.cloud, which has not run since 2026-01-01T00:00:00Z. After 30 days without a run it is forgotten; its next run would compare everything.",
  });
  expect(changesKept({ ...idle, entries: 12_000 }).message).toMatch(
    /^12,000 entries of the change log are kept/,
  );
});
