import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/model/secret.js";
import { COMPLETE, makeConfigFolder } from "../../support/config-folder.js";

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

describe("secrets (invariant 11)", () => {
  it("are not in a loaded configuration, however it is printed", async () => {
    const loaded = await makeConfigFolder().load();
    expect(loaded.secrets.map((secret) => secret.reveal())).toEqual(
      expect.arrayContaining([COMPLETE.DATABASE_URL, "pw-of-owner", COMPLETE.CONVEX_SYNC_AUTH_KEY]),
    );
    for (const shown of [inspect(loaded, { depth: 9, showHidden: true }), JSON.stringify(loaded)]) {
      expect(shown).toContain("happy-otter-123");
      expect(shown).not.toContain("pw-of-owner");
      expect(shown).not.toContain(COMPLETE.CONVEX_SYNC_AUTH_KEY);
    }
  });

  it("are not in an error", async () => {
    const error = await makeConfigFolder().failure({
      environment: {
        ...COMPLETE,
        DATABASE_URL: `${COMPLETE.DATABASE_URL}&password=x`,
        CONVEX_URL: "https://u:pw-of-owner@h",
      },
    });
    expect(error.message).toContain("2 problems");
    expect(inspect(error)).not.toContain("pw-of-owner");
  });
});
