import { isLoopback, isPrivateHost } from "./host.js";
import type { Problem } from "./problems.js";

export type ConvexUrlResult =
  { ok: true; url: string; host: string; warnings: string[] } | { ok: false; problem: Problem };

/** Checks CONVEX_URL. `name` is how messages name the variable. */
export function readConvexUrl(text: string, name: string): ConvexUrlResult {
  const refuse = (message: string, remedy: string): ConvexUrlResult => ({
    ok: false,
    problem: { kind: "invalid", message: `${name} ${message}`, remedy },
  });
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return refuse("is not an http(s) URL.", "It looks like https://happy-otter-123.convex.cloud.");
  }
  const { hostname } = url;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return refuse(
      "carries a user, a password, a query or a fragment.",
      "Use the plain URL of the deployment, such as https://happy-otter-123.convex.cloud.",
    );
  }
  if (hostname.endsWith(".convex.site")) {
    return refuse(
      "is the URL of the deployment's HTTP actions.",
      "Use the one that ends in .convex.cloud; the dashboard shows both.",
    );
  }
  if (hostname === "dashboard.convex.dev") {
    return refuse(
      "is the URL of the dashboard.",
      'Use the deployment URL that the dashboard shows under "Settings", "URL & Deploy Key".',
    );
  }
  if (url.protocol === "http:" && hostname.endsWith(".convex.cloud")) {
    return refuse("uses http, which would show the sync key to the network.", "Write https instead.");
  }
  const open = url.protocol === "http:" && !isLoopback(hostname) && !isPrivateHost(hostname);
  const warnings = open
    ? [`${name} uses http to a public host: the sync key and all rows travel unencrypted.`]
    : [];
  return { ok: true, url: url.href.replace(/\/+$/, ""), host: hostname, warnings };
}
