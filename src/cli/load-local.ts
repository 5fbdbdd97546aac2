import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packagesMissing } from "../model/packages-missing.js";
import { packageRoot } from "../package-root.js";

/** @throws SyncError PACKAGES_MISSING where the packages of the local deployment are not installed */
export async function loadLocal() {
  try {
    return await import("../../local/start-local.js");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw packagesMissing("`datahub-sync local`", localPackages(), cause);
  }
}

/** What `local` needs beside what is installed with the package. */
function localPackages(): Record<string, string> {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  const { peerDependencies, optionalDependencies } = JSON.parse(text) as Record<
    string,
    Record<string, string>
  >;
  const { "pg-boss": _ofWorkers, ...ofLocal } = { ...peerDependencies, ...optionalDependencies };
  return ofLocal;
}
