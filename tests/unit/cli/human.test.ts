import { describe, expect, it } from "vitest";
import {
  showAge,
  showBytes,
  showCount,
  showDuration,
  showList,
  showNoun,
  showSeconds,
  showTime,
} from "../../../src/cli/render/human.js";

describe("numbers for people", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [23_700, "23,700"],
    [12_345_678_901_234_567_890n, "12,345,678,901,234,567,890"],
  ])("count %s is %s", (count, shown) => expect(showCount(count)).toBe(shown));

  it.each([
    [0, "0 rows"],
    [1, "1 row"],
    [4_500, "4,500 rows"],
  ])("%i rows", (count, shown) => expect(showNoun(count, "row")).toBe(shown));

  it.each([
    [0, "0.0", "0.0 s"],
    [49, "0.0", "0.0 s"],
    [3_140, "3.1", "3.1 s"],
    [59_949, "59.9", "59.9 s"],
    [59_950, "60.0", "1 min 0 s"],
    [252_000, "252.0", "4 min 12 s"],
    [3_599_600, "3,599.6", "1 h 0 min"],
    [7_500_000, "7,500.0", "2 h 5 min"],
    [10_799_000, "10,799.0", "3 h 0 min"],
  ])("%i ms", (ms, seconds, duration) => {
    expect(showSeconds(ms)).toBe(seconds);
    expect(showDuration(ms)).toBe(duration);
  });

  it.each([
    [-3, "just now"],
    [0.4, "just now"],
    [59.9, "59 s ago"],
    [60, "1 min ago"],
    [3_599, "59 min ago"],
    [3_600, "1 h ago"],
    [47 * 3600, "47 h ago"],
    [48 * 3600, "2 d ago"],
  ])("%d s of age", (seconds, shown) => expect(showAge(seconds)).toBe(shown));

  it.each([
    [0, "0 B"],
    [1_023, "1,023 B"],
    [1_024, "1.0 KiB"],
    [1_048_575, "1.0 MiB"],
    [24_536_000, "23.4 MiB"],
    [2 ** 50 * 5, "5,120.0 TiB"],
  ])("%i bytes", (bytes, shown) => expect(showBytes(bytes)).toBe(shown));

  it("times are in UTC, to the second", () => {
    expect(showTime("2025-11-22T12:15:03.987+02:00")).toBe("2025-11-22 10:15:03");
    expect(showTime("infinity")).toBe("infinity");
  });

  it.each([
    [[], ""],
    [["a"], "a"],
    [["a", "b"], "a and b"],
    [["a", "b", "c"], "a, b and c"],
  ])("list %j", (names, shown) => expect(showList(names)).toBe(shown));
});
