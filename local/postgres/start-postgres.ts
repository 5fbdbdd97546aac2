import { randomBytes } from "node:crypto";
import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SyncError } from "../../src/model/errors.js";
import { prepareBinaries, type PostgresVersion } from "./binaries.js";
import { launchOnFreePort } from "./free-port.js";
import { createServerFolder, findServerOwner, isOtherUser } from "./server-owner.js";
import { launchServer, runToEnd, type StopMode } from "./server-process.js";
import { startWatchdog } from "./watchdog.js";

export type { PostgresVersion } from "./binaries.js";
export type { StopMode } from "./server-process.js";

/** The data lives as long as the process that made it, so nothing is gained by waiting for a disk. */
const DEFAULT_SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "", // /tmp would be shared, and a socket's path may have 107 bytes at most
  max_connections: 200,
  max_prepared_transactions: 20,
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "on",
};

const USER = "postgres";

export interface StartPostgresOptions {
  /** Major version; 18 if absent. */
  version?: PostgresVersion;
  /** Server settings, over the defaults. */
  settings?: Record<string, string | number>;
}

export interface LocalPostgres {
  readonly version: PostgresVersion;
  /** As the server names itself, such as `18.4`. */
  readonly release: string;
  readonly port: number;
  /** Process id of the postmaster; another one after a restart. */
  readonly pid: number;
  /** Resolves when the postmaster is gone, asked to or not; another promise after a restart. */
  readonly ended: Promise<void>;
  /** Connection string of the superuser for a database, `postgres` if absent; it holds the password. */
  url(database?: string): string;
  /** Stops the server and removes its data. May be called more than once. */
  stop(mode?: StopMode): Promise<void>;
  /** Stops and starts the server on the same data and port. `immediate` is a crash with recovery. */
  restart(mode?: StopMode): Promise<void>;
}

/**
 * Starts a new, empty Postgres on a free port of 127.0.0.1, as root or not, with nothing installed but
 * the npm packages. Everything it writes lies in one temporary folder. Server and folder are gone after
 * `stop`, and within a second after this process ended without it, however it ended.
 *
 * @throws SyncError DATABASE_FAILED with the end of the server's log.
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<LocalPostgres> {
  const version = options.version ?? 18;
  const owner = await findServerOwner();
  const folder = await createServerFolder(owner);
  const watchdog = startWatchdog(folder);
  const data = join(folder, "data");
  const password = randomBytes(12).toString("base64url");
  const settings = Object.entries({ ...DEFAULT_SETTINGS, ...options.settings });

  try {
    const binaries = await prepareBinaries(version, folder, owner);
    const launchOn = (port: number) =>
      launchServer({
        program: binaries.postgres,
        args: [
          "-D",
          data,
          "-p",
          String(port),
          ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
        ],
        folder,
        owner,
        watchdog,
      });

    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (isOtherUser(owner)) await chown(passwordFile, owner.uid, owner.gid);
    await runToEnd({
      program: binaries.initdb,
      args: [
        "--pgdata",
        data,
        "--username",
        USER,
        "--pwfile",
        passwordFile,
        "--auth",
        "scram-sha-256",
        "--encoding",
        "UTF8",
        "--no-locale",
        "--no-sync",
      ],
      folder,
      owner,
      watchdog,
    });

    const launched = await launchOnFreePort(launchOn);
    const { port } = launched;
    let { server } = launched;
    return {
      version,
      release: binaries.release,
      port,
      get pid() {
        return server.pid;
      },
      get ended() {
        return server.ended;
      },
      url: (database = "postgres") =>
        `postgres://${USER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
      async stop(mode = "fast") {
        await server.stop(mode);
        await watchdog.release();
      },
      async restart(mode = "fast") {
        await server.stop(mode);
        server = await launchOn(port);
      },
    };
  } catch (cause) {
    await watchdog.release();
    if (cause instanceof SyncError) throw cause;
    throw new SyncError({
      code: "DATABASE_FAILED",
      message: `The embedded Postgres ${version} did not start: ${(cause as Error).message}`,
      remedy:
        "See the server's own words above. Disk space, memory limits and system users are usual causes.",
      cause,
    });
  }
}
