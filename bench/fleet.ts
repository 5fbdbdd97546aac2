import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { buildCli } from "../tests/support/build-cli.js";

/** A deployment that workers run for, by its name. */
export type FleetMember = Record<string, string>;

/** Workers, each a process of its own, over one queue. */
export class Fleet {
  private constructor(
    private readonly main: string,
    private readonly folder: string,
    private readonly queueUrl: string,
  ) {}

  /**
   * @param members the variables of each deployment
   * @param config the configuration file of all of them
   */
  static async create(
    members: Record<string, FleetMember>,
    queueUrl: string,
    config?: object,
  ): Promise<Fleet> {
    const folder = await mkdtemp(join(tmpdir(), "datahub-sync-fleet-"));
    for (const [name, environment] of Object.entries(members)) {
      await mkdir(join(folder, name));
      const lines = Object.entries(environment).map(([variable, value]) => `${variable}=${value}`);
      await writeFile(join(folder, name, ".env"), lines.join("\n"));
      if (config !== undefined)
        await writeFile(join(folder, name, "datahub-sync.config.json"), JSON.stringify(config));
    }
    const deployments = Object.fromEntries(Object.keys(members).map((name) => [name, { directory: name }]));
    await writeFile(join(folder, "datahub-sync.deployments.json"), JSON.stringify({ deployments }));
    return new Fleet(await buildCli(), folder, queueUrl);
  }

  /**
   * So many workers do what `enqueue` with these flags has put in.
   * @returns from the beginning of the first job to the end of the last one, in milliseconds, and how many there were
   */
  async work(workers: number, ...flags: string[]): Promise<{ durationMs: number; jobs: number }> {
    const queue = postgres(this.queueUrl, { max: 1, onnotice: () => {} });
    const children: ChildProcess[] = [];
    try {
      await this.#run(["enqueue", ...flags]);
      await queue`DELETE FROM datahub_sync_queue.job WHERE state = 'completed'`;
      for (let n = 0; n < workers; n++) children.push(this.#start(["worker"]));
      for (;;) {
        const [state] = await queue<{ left: number; retried: number; jobs: number; ms: number }[]>`
          SELECT count(*) FILTER (WHERE state <> 'completed')::int AS left, count(*) FILTER (WHERE retry_count > 0)::int AS retried,
                 count(*)::int AS jobs, (1000 * extract(epoch FROM max(completed_on) - min(started_on)))::float8 AS ms
            FROM datahub_sync_queue.job WHERE name = 'datahub-sync'`;
        if (state!.retried > 0) throw new Error("A job failed.");
        if (state!.left === 0) return { durationMs: state!.ms, jobs: state!.jobs };
        await queue`SELECT pg_sleep(0.1)`;
      }
    } finally {
      for (const child of children) child.kill("SIGTERM");
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode === null) await once(child, "close");
        }),
      );
      await queue.end();
    }
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  async #run(args: readonly string[]): Promise<void> {
    const child = this.#start(args);
    let text = "";
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}:\n${text}`);
  }

  #start(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [this.main, ...args], {
      cwd: this.folder,
      env: { PATH: process.env["PATH"], HOME: this.folder, DATAHUB_SYNC_QUEUE_URL: this.queueUrl },
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.resume();
    return child;
  }
}
