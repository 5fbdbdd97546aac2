import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chown, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { launchOnFreePort } from "../../local/postgres/free-port.js";
import { createServerFolder, findServerOwner, isOtherUser } from "../../local/postgres/server-owner.js";

const run = promisify(execFile);

/** Debian installs it where only root's PATH looks. */
const PROGRAMS = ["pgbouncer", "/usr/sbin/pgbouncer"];

interface Program {
  path: string;
  /** As in "1.18.0". */
  version: string;
}

export async function findPgBouncer(): Promise<Program | null> {
  for (const path of PROGRAMS) {
    const output = await run(path, ["--version"]).catch(() => null);
    const version = output === null ? undefined : /PgBouncer (\S+)/.exec(output.stdout)?.[1];
    if (version !== undefined) return { path, version };
  }
  return null;
}

/** A PgBouncer in transaction mode, else as it comes, in front of the server that a connection string names. */
export class PgBouncer {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly command: { program: string; folder: string; owner: { uid?: number; gid?: number } },
    readonly port: number,
  ) {}

  static async start(
    postgresUrl: string,
    { poolSize, settings = {} }: { poolSize: number; settings?: Record<string, string | number> },
  ): Promise<PgBouncer> {
    const program = (await findPgBouncer())!.path;
    const { hostname, port: postgresPort, username, password } = new URL(postgresUrl);
    const owner = await findServerOwner(); // it refuses to be root as well
    const folder = await createServerFolder(owner);
    const write = async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await writeFile(path, text, { mode: 0o600 });
      if (isOtherUser(owner)) await chown(path, owner.uid, owner.gid);
      return path;
    };
    const users = await write("users.txt", `"${username}" "${decodeURIComponent(password)}"\n`);
    const { server } = await launchOnFreePort(async (port) => {
      const all = {
        listen_addr: "127.0.0.1",
        listen_port: port,
        unix_socket_dir: "",
        auth_type: "scram-sha-256",
        auth_file: users,
        pool_mode: "transaction",
        default_pool_size: poolSize,
        ...settings,
      };
      const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
      const databases = `[databases]\n* = host=${hostname} port=${postgresPort}\n`;
      await write("pgbouncer.ini", `${databases}[pgbouncer]\n${lines.join("\n")}\n`);
      const bouncer = new PgBouncer({ program, folder, owner }, port);
      await bouncer.launch();
      return bouncer;
    });
    return server;
  }

  /** The connection string of a database, by way of the pooler. */
  pooled(postgresUrl: string): string {
    const url = new URL(postgresUrl);
    url.port = String(this.port);
    return url.href;
  }

  /** @throws with its log when it ends before it is up */
  async launch(): Promise<void> {
    const { program, folder, owner } = this.command;
    const child = spawn(program, [join(folder, "pgbouncer.ini")], {
      ...owner,
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    let log = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("process up")) resolve();
      });
      child.once("error", reject).once("close", () => reject(new Error(log)));
    });
    child.stderr.removeAllListeners("data").resume();
  }

  /** All its connections break, on either side. */
  async kill(): Promise<void> {
    const child = this.#child!;
    const closed = once(child, "close");
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    else return;
    await closed;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.command.folder, { recursive: true });
  }
}
