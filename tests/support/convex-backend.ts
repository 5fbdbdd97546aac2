import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where `npx convex dev` keeps the backends that it has downloaded, by version. */
const BINARIES = join(homedir(), ".cache", "convex", "binaries");

/** Set to anything, it lets `npx convex dev` download what it needs. */
const MAY_DOWNLOAD = "TEST_CONVEX_DEV";

/** The newest backend that is there already; null: none. */
export async function findBackendVersion(): Promise<string | null> {
  const names = await readdir(BINARIES).catch(() => []);
  return names.sort().at(-1) ?? null;
}

/** Null where the backend of `npx convex dev` can be run; else why not, in one line. Tests download nothing unasked. */
export async function findConvexDevProblem(): Promise<string | null> {
  if (process.env[MAY_DOWNLOAD] || (await findBackendVersion()) !== null) return null;
  return `no backend in ${BINARIES}, and ${MAY_DOWNLOAD} is not set, with which \`npx convex dev\` downloads one`;
}
