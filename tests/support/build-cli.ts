import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const main = join(root, "dist/src/cli/main.js");

/** What `npm run build` reads. */
const SOURCES = ["src", "local", "convex", "drizzle", "package.json", "tsconfig.json", "tsconfig.build.json"];

/**
 * The path of the built command line; builds it when it is missing or older than its sources. Two at once would write
 * the same files: it is called from the global set-up alone.
 */
export async function buildCli(): Promise<string> {
  const builtAt = await modifiedAt(main).catch(() => 0);
  const changedAt = Math.max(...(await Promise.all(SOURCES.map((source) => newestIn(join(root, source))))));
  if (changedAt > builtAt) await build();
  return main;
}

async function build(): Promise<void> {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  try {
    await promisify(execFile)(process.execPath, [compiler, "-p", "tsconfig.build.json"], { cwd: root });
  } catch (error) {
    throw new Error(`The command line does not build:\n${(error as { stdout: string }).stdout}`, {
      cause: error,
    });
  }
}

/** The time of the last change in a file or below a folder. */
async function newestIn(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const entries = await readdir(path, { recursive: true });
  return Math.max(...(await Promise.all(entries.map((entry) => modifiedAt(join(path, entry))))));
}

async function modifiedAt(path: string): Promise<number> {
  return (await stat(path)).mtimeMs;
}
