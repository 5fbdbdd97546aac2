import { SyncError } from "./errors.js";

/**
 * What few need is not installed with the package: whoever merges it into an app installs neither a test server nor a queue.
 * @param options.isForTrying on this machine, and not where it runs later
 */
export function packagesMissing(
  what: string,
  packages: Readonly<Record<string, string>>,
  cause: unknown,
  { isForTrying = true } = {},
): SyncError {
  const named = Object.entries(packages).map(([name, range]) => `${name}@${range}`);
  return new SyncError({
    code: "PACKAGES_MISSING",
    message: `${what} needs packages that are not installed.`,
    remedy: `Run \`npm install ${isForTrying ? "--save-dev " : ""}${named.join(" ")}\`, or \`npm ci\` in a clone of the repository.${
      isForTrying ? " Linux (glibc) and macOS are supported." : ""
    }`,
    cause,
  });
}
