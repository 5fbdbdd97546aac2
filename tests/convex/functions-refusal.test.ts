import { defineTable } from "convex/server";
import { v } from "convex/values";
import { describe, expect, it } from "vitest";
import { explainRefusal } from "../../convex/datahubSync/refusal.js";
import { mirrored } from "../../convex/datahubSync/mirrored.js";

const mirror = defineTable({ name: mirrored(v.string()), raw_data: mirrored(v.any()) });
const MIB = 1024 * 1024;

describe("explainRefusal", () => {
  it("finds nothing wrong with a sound document", () => {
    expect(explainRefusal(mirror, {})).toBeUndefined();
    expect(explainRefusal(mirror, { name: null, raw_data: [1, "two", { three: null }] })).toBeUndefined();
    // 2 for the object, 5 for the field's name, 2 for the string, and the system fields.
    expect(explainRefusal(mirror, { name: "x".repeat(MIB - 100) })).toBeUndefined();
  });

  it("names what is too large, unknown, or of another type", () => {
    expect(explainRefusal(mirror, { name: "x".repeat(MIB - 10) })).toBe("The document is larger than 1 MiB.");
    expect(explainRefusal(mirror, { toString: "x" })).toBe('The schema has no field "toString".');
    expect(explainRefusal(mirror, { name: 1n })).toBe('The schema refuses the type of field "name".');
  });

  it("names a field that an app's own table requires", () => {
    const strict = defineTable({ name: v.string(), note: v.optional(v.string()) });
    expect(explainRefusal(strict, { note: "x" })).toBe(
      'The schema requires field "name", which is not mirrored.',
    );
  });

  it("takes tables that are no plain object", () => {
    expect(explainRefusal(defineTable(v.any()), { anything: 1 })).toBeUndefined();
    const either = defineTable(v.union(v.object({ a: v.string() }), v.object({ b: v.string() })));
    expect(explainRefusal(either, { b: "x" })).toBeUndefined();
    expect(explainRefusal(either, { c: "x" })).toBe("The schema refuses the document.");
  });
});
