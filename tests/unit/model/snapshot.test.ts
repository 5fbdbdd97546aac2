import { describe, expect, test } from "vitest";
import { parseSnapshot, parseXid } from "../../../src/model/snapshot.js";

describe("positions are checked before they are sent back", () => {
  test.each(["10:20:", "10:20:12", "10:20:12,15,19", "18446744073709551614:18446744073709551615:"])(
    "%s is a snapshot",
    (text) => {
      expect(parseSnapshot(text)).toBe(text);
    },
  );

  test.each([
    "",
    "10",
    "10:20",
    "10:20:,",
    "10:20:12,",
    "a:b:",
    "10:20: 12",
    "10:20:12;DROP",
    "-1:2:",
    "10:20:\n",
  ])("%j is none: Postgres 15 would read some of these as numbers", (text) => {
    expect(() => parseSnapshot(text)).toThrow(RangeError);
  });

  test("nor does the message repeat more than a little of it", () => {
    expect(() => parseSnapshot("x".repeat(1000))).toThrow(/^Not a pg_snapshot: "x{40}"$/);
  });

  test("xids are digits", () => {
    expect(parseXid("18446744073709551615")).toBe("18446744073709551615");
    for (const text of ["", "12abc", "-1", " 1", "1\n"]) expect(() => parseXid(text)).toThrow(RangeError);
  });
});
