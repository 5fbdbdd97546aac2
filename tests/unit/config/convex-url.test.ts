import { describe, expect, it } from "vitest";
import { readConvexUrl } from "../../../src/config/convex-url.js";

describe("the Convex URL", () => {
  it.each([
    ["https://happy-otter-123.convex.cloud", "https://happy-otter-123.convex.cloud"],
    ["https://happy-otter-123.convex.cloud/", "https://happy-otter-123.convex.cloud"],
    ["http://127.0.0.1:3210", "http://127.0.0.1:3210"],
    ["https://convex.example.com/backend/", "https://convex.example.com/backend"],
  ])("takes %s", (text, url) => {
    expect(readConvexUrl(text, "CONVEX_URL")).toMatchObject({ ok: true, url, warnings: [] });
  });

  it("warns when the key would travel openly", () => {
    const result = readConvexUrl("http://convex.example.com", "CONVEX_URL");
    expect(result.ok && result.warnings).toEqual([
      "CONVEX_URL uses http to a public host: the sync key and all rows travel unencrypted.",
    ]);
  });

  it.each([
    ["happy-otter-123.convex.cloud", "CONVEX_URL is not an http(s) URL."],
    ["prod:happy-otter-123", "CONVEX_URL is not an http(s) URL."],
    ["https://happy-otter-123.convex.site", "CONVEX_URL is the URL of the deployment's HTTP actions."],
    ["https://dashboard.convex.dev/t/team/project", "CONVEX_URL is the URL of the dashboard."],
    [
      "http://happy-otter-123.convex.cloud",
      "CONVEX_URL uses http, which would show the sync key to the network.",
    ],
    [
      "https://u:topsecret@convex.example.com",
      "CONVEX_URL carries a user, a password, a query or a fragment.",
    ],
  ])("refuses %s", (text, message) => {
    const result = readConvexUrl(text, "CONVEX_URL");
    expect(result.ok ? null : result.problem.message).toBe(message);
    expect(JSON.stringify(result)).not.toContain("topsecret");
  });
});
