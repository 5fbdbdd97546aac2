import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isConvexName, toConvexName } from "../../../src/model/names.js";

/** Reads rule 2 backwards, byte by byte: if that is possible for every name, no two names have the same. */
function readBack(convexName: string): string {
  if (!convexName.startsWith("x__")) return convexName;
  const bytes: number[] = [];
  const escaped = convexName.slice(3);
  for (let at = 0; at < escaped.length;) {
    if (escaped[at] !== "_") bytes.push(escaped.charCodeAt(at++));
    else if (escaped[at + 1] === "_") {
      bytes.push("_".charCodeAt(0));
      at += 2;
    } else {
      bytes.push(parseInt(escaped.slice(at + 1, at + 3), 16));
      at += 3;
    }
  }
  return Buffer.from(bytes).toString();
}

describe("Convex names", () => {
  it.each([
    ["pole_number", "pole_number"],
    ["Status", "Status"],
    ["a".repeat(64), "a".repeat(64)],
    ["x_coordinate", "x_coordinate"],
    ["x_1", "x_1"],
    ["constructor", "constructor"],
    ["1map_id", "x__1map__id"],
    ["pole number", "x__pole_20number"],
    ["_id", "x____id"],
    ["_creationTime", "x____creationTime"],
    ["__proto__", "x______proto____"],
    ["Größe", "x__Gr_c3_b6_c3_9fe"],
    ["x__a", "x__x____a"],
    ["$", "x___24"],
    [" ".repeat(20), `x__${"_20".repeat(20)}`],
    [" ".repeat(21), "x___he3e7a7180f67f37248875bcec5572819"],
  ])("of %j is %s", (name, convexName) => {
    expect(toConvexName(name)).toBe(convexName);
  });

  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 63, unit: "binary" }),
    fc.string({ minLength: 1, maxLength: 63, unit: fc.constantFrom("_", "x", "h", "2", "0", " ", "é", "A") }),
  );

  it("are legal, and no two are the same", () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const [mappedA, mappedB] = [toConvexName(a), toConvexName(b)];
        expect(isConvexName(mappedA)).toBe(true);
        expect(mappedA === mappedB).toBe(a === b);
        expect(toConvexName(mappedA) === mappedA).toBe(mappedA === a);
      }),
      { numRuns: 2000 },
    );
  });

  it("can be read back, unless they are a hash", () => {
    fc.assert(
      fc.property(name, (name) => {
        const mapped = toConvexName(name);
        if (/^x___h/.test(mapped)) expect(Buffer.byteLength(name)).toBeGreaterThan(20);
        else expect(readBack(mapped)).toBe(name);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(["", "_a", "1a", "a-b", "a".repeat(65), "é"])("%j is none", (name) => {
    expect(isConvexName(name)).toBe(false);
  });
});
