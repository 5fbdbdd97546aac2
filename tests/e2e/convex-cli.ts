import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

const MAIN = join(modules, "convex/bin/main.js");

/** A deployment as the real Convex CLI is told of it. */
export interface ConvexAddress {
  url: string;
  adminKey: string;
}

/** The real `npx convex`, in a folder of its own that looks like an app's. */
export class ConvexCli {
  /** @param folder an app's */
  constructor(
    readonly folder: string,
    private readonly address: ConvexAddress,
  ) {}

  static async create(address: ConvexAddress): Promise<ConvexCli> {
    const folder = await mkdtemp(join(tmpdir(), "convex-app-"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ dependencies: { convex: "*" } }));
    await symlink(modules, join(folder, "node_modules"));
    return new ConvexCli(folder, address);
  }

  /** What it prints on standard output. Rejects when it fails. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await this.#execute(args);
    return stdout;
  }

  /** What it prints on both, and its exit code. */
  async attempt(...args: string[]): Promise<{ exitCode: number; output: string }> {
    try {
      const { stdout, stderr } = await this.#execute(args);
      return { exitCode: 0, output: stdout + stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
      if (code === undefined || stdout === undefined) throw error;
      return { exitCode: code, output: stdout + stderr };
    }
  }

  /** Writes the app's functions: by path below `convex/`, their source. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, source] of Object.entries(files)) {
      const file = join(this.folder, "convex", path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, source);
    }
  }

  /** One that goes on until it is killed. */
  start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [MAIN, ...args], {
      ...this.#options(),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  #execute(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    return promisify(execFile)(process.execPath, [MAIN, ...args], {
      ...this.#options(),
      maxBuffer: 256 * 1024 * 1024,
    });
  }

  #options() {
    return {
      cwd: this.folder,
      env: {
        PATH: process.env["PATH"],
        HOME: this.folder,
        CI: "1", // asks nothing
        CONVEX_SELF_HOSTED_URL: this.address.url,
        CONVEX_SELF_HOSTED_ADMIN_KEY: this.address.adminKey,
      },
    };
  }

  /** A table's documents. The CLI refuses a limit of 32,000 and more. */
  async documents(table: string): Promise<Record<string, unknown>[]> {
    const lines = await this.run("data", table, "--format", "jsonl", "--order", "asc", "--limit", "31999");
    // An empty table is a sentence on standard error.
    return lines
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
