import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../src/config/secret.js";

describe("a secret", () => {
  const secret = new Secret("hunter2-and-more");

  it("gives its value to reveal() alone", () => {
    expect(secret.reveal()).toBe("hunter2-and-more");
  });

  it.each([
    ["String()", String(secret)],
    ["concatenation", "key: ".concat(secret as unknown as string)],
    ["JSON", JSON.stringify({ nested: [secret] })],
    ["inspect", inspect({ nested: [secret] }, { depth: 9, showHidden: true })],
    ["console's format", format("%s %o %j %O", secret, secret, secret, secret)],
    ["a clone", JSON.stringify(structuredClone({ ...secret }))],
    ["its keys", JSON.stringify(Object.getOwnPropertyNames(secret))],
  ])("is not shown by %s", (_, shown) => {
    expect(shown).not.toContain("hunter2");
  });

  it("shows that it is a secret", () => {
    expect(String(secret)).toBe("[secret]");
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
    expect(inspect({ secret })).toBe("{ secret: [secret] }");
  });
});
