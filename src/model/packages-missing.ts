import { SyncError } from "./errors.js";

/** What only trying things out needs is not installed with the package: whoever merges it into an app installs no test server. */
export function packagesMissing(
  what: string,
  packages: Readonly<Record<string, string>>,
  cause: unknown,
  more = " Linux (glibc) and macOS are supported.",
): SyncError {
  const named = Object.entries(packages).map(([name, range]) => `${name}@${range}`);
  return new SyncError({
    code: "PACKAGES_MISSING",
    message: `${what} needs packages that are not installed.`,
    remedy: `Run \`npm install --save-dev ${named.join(" ")}\`, or \`npm ci\` in a clone of the repository.${more}`,
    cause,
  });
}
