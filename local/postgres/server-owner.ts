import { execFile } from "node:child_process";
import { chown, mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { SyncError } from "../../src/model/errors.js";

const execute = promisify(execFile);

/** The user that the server's processes run as and that owns its files. Empty: the user of this process. */
export type ServerOwner = { uid: number; gid: number } | Record<string, never>;

/**
 * Postgres refuses to run as root, so root hands the server to an unprivileged user that exists already:
 * no user is created on the machine for it.
 */
export async function findServerOwner(): Promise<ServerOwner> {
  if (process.getuid?.() !== 0) return {};
  for (const user of ["postgres", "_postgres", "nobody"]) {
    const ids = await Promise.all([execute("id", ["-u", user]), execute("id", ["-g", user])]).catch(
      () => undefined,
    );
    if (ids) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  throw new SyncError({
    code: "DATABASE_FAILED",
    message: "Postgres does not run as root, and neither a user `postgres` nor `nobody` exists.",
    remedy: "Run the command as an ordinary user.",
  });
}

/** A new, private folder of the owner, in a temporary folder that the owner can reach. */
export async function createServerFolder(owner: ServerOwner): Promise<string> {
  const folder = await mkdtemp(join(await findTemporaryFolder(owner), "datahub-sync-postgres-"));
  if (isOtherUser(owner)) await chown(folder, owner.uid, owner.gid);
  return folder;
}

export function isOtherUser(owner: ServerOwner): owner is { uid: number; gid: number } {
  return owner.uid !== undefined;
}

/** Root's TMPDIR may lie below a folder that only root can enter; then the system's folder serves. */
async function findTemporaryFolder(owner: ServerOwner): Promise<string> {
  const preferred = resolve(tmpdir());
  if (!isOtherUser(owner)) return preferred;
  for (const folder of [preferred, "/tmp", "/var/tmp"]) {
    if (await canOthersTraverse(folder)) return folder;
  }
  throw new SyncError({
    code: "DATABASE_FAILED",
    message: "No temporary folder can be entered by the user that Postgres has to run as.",
    remedy: "Set TMPDIR to a folder that every user can enter, or run the command as an ordinary user.",
  });
}

async function canOthersTraverse(folder: string): Promise<boolean> {
  const mode = await stat(folder).then(
    (stats) => stats.mode,
    () => 0,
  );
  if ((mode & 0o001) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || canOthersTraverse(parent);
}
