import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { WorkOptions } from "../../../src/commands/queue/work.js";
import { EXIT, SyncError } from "../../../src/model/errors.js";
import type { Job } from "../../../src/model/job.js";
import { ENVIRONMENT, startFakeCli } from "../../support/fake-cli.js";
import { RUN, TABLE } from "../../support/sample-reports.js";

const QUEUE = "postgresql://worker:pw-of-queue@queue.example/jobs";
const environment = { ...ENVIRONMENT, DATAHUB_SYNC_QUEUE_URL: QUEUE };

function startWith(file?: object | string) {
  const cli = startFakeCli();
  if (file !== undefined)
    writeFileSync(join(cli.cwd, "fleet.json"), typeof file === "string" ? file : JSON.stringify(file));
  cli.commands.enqueue.mockImplementation(({ jobs }) =>
    Promise.resolve({ ok: true, enqueued: jobs.slice(0, 1), waiting: jobs.slice(1) }),
  );
  return cli;
}

/** Two deployments, the second one with variables of its own. */
function startFleet() {
  const cli = startWith({
    timezone: "Europe/Berlin",
    deployments: {
      production: { schedules: [{ cron: "0 */4 * * *" }, { cron: "30 3 * * 0", kind: "full", each: true }] },
      staging: { directory: "staging", envFile: "secrets.env" },
    },
  });
  mkdirSync(join(cli.cwd, "staging"));
  const variables = { ...ENVIRONMENT, DATABASE_URL: "postgresql://owner:pw-of-staging@db.staging/app" };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  writeFileSync(join(cli.cwd, "staging", "secrets.env"), lines.join("\n"));
  return cli;
}

describe("enqueue", () => {
  test("without a file, a run of the deployment of the variables here", async () => {
    const cli = startWith();
    const { exitCode, out } = await cli.run("enqueue --full --each", { environment });
    expect(exitCode).toBe(EXIT.done);
    expect(out).toBe("default: full run, each table by itself: put into the queue.\n");
    const [{ jobs, url }] = cli.commands.enqueue.mock.calls[0]!;
    expect(jobs).toEqual([{ deployment: "default", kind: "full", tables: null, each: true }]);
    expect(url.reveal()).toBe(QUEUE);
  });

  test("of all deployments of a file, or of those that are named", async () => {
    const cli = startFleet();
    const { out } = await cli.run("enqueue --deployments fleet.json", { environment });
    expect(out).toBe(
      "production: delta run: put into the queue.\nstaging: delta run: one like it waits there already, and will do.\n",
    );
    const named = await cli.run("enqueue --deployments fleet.json -d staging -t sow_poles --deep --json", {
      environment,
    });
    expect(JSON.parse(named.out)).toMatchObject({
      enqueued: [{ deployment: "staging", kind: "deep", tables: ["sow_poles"] }],
    });
  });

  test.each([
    ["enqueue", "DATAHUB_SYNC_QUEUE_URL is not set", undefined],
    ["enqueue --queue redis://x", "--queue must be a connection string of Postgres", undefined],
    [
      `enqueue --queue ${QUEUE} --deployments nowhere.json`,
      "There is no file of deployments nowhere.json.",
      undefined,
    ],
    [`enqueue --queue ${QUEUE} -d defualt`, 'Did you mean "default"?', undefined],
    [`enqueue --queue ${QUEUE} -t sow_pole`, "sow_pole", undefined],
    [`enqueue --queue ${QUEUE} --full --deep`, "cannot be used with option", undefined],
    [`enqueue --queue ${QUEUE} --deployments fleet.json`, "is not valid JSON, near line 1", "{"],
    [`enqueue --queue ${QUEUE} --deployments fleet.json`, "deployments is missing", {}],
    [`enqueue --queue ${QUEUE} --deployments fleet.json`, "names no deployment", { deployments: {} }],
    [
      `enqueue --queue ${QUEUE} --deployments fleet.json`,
      'Did you mean "schedules"?',
      { deployments: { a: { schedule: [] } } },
    ],
    [
      `enqueue --queue ${QUEUE} --deployments fleet.json`,
      'deployments.a.schedules[0].kind is "weekly", expected one of "delta", "full", "deep"',
      { deployments: { a: { schedules: [{ cron: "0 1 * * *", kind: "weekly" }] } } },
    ],
    [`worker --queue ${QUEUE} --concurrency 17`, "a whole number from 1 to 16", undefined],
  ] as const)("%s: %s", async (line, problem, file) => {
    const cli = startWith(file);
    const { exitCode, err } = await cli.run(line, { environment: ENVIRONMENT });
    expect(exitCode).toBe(EXIT.usage);
    expect(err).toContain(problem);
    expect(err).not.toContain("pw-of-queue");
  });
});

describe("worker", () => {
  /** A worker in which things happen. */
  async function workWith(happen: (options: WorkOptions) => Promise<void>, flags = "") {
    const cli = startFleet();
    cli.commands.work.mockImplementation(happen);
    const ended = await cli.run(`worker --deployments fleet.json ${flags}`, { environment });
    return { ...ended, cli };
  }
  const job = (deployment: string, more: Partial<Job> = {}): Job => ({
    ...{ deployment, kind: "delta" as const, tables: null, each: false },
    ...more,
  });
  const { signal } = new AbortController();

  test("does a job with the configuration of its deployment, as it is then", async () => {
    const { exitCode, err, cli } = await workWith(
      async ({ deployments, timezone, run, ready, mirrorsOf }) => {
        ready();
        expect(timezone).toBe("Europe/Berlin");
        expect(deployments.map(({ name, schedules }) => [name, schedules.length])).toEqual([
          ["production", 2],
          ["staging", 0],
        ]);
        const [production, staging] = deployments;
        expect(
          await run(job("production", { kind: "full", tables: ["sow_poles"] }), production!, signal),
        ).toEqual({
          exitCode: 0,
          runId: RUN.runId,
          summary: expect.stringContaining("tables") as string,
        });
        await run(job("staging"), staging!, signal);
        expect(await mirrorsOf(job("staging"), staging!)).toHaveLength(7);
      },
    );
    expect(exitCode).toBe(EXIT.done);
    const [first, second] = cli.commands.sync.mock.calls.map(([options]) => options);
    expect(first).toMatchObject({ mode: "full", config: { database: { host: "127.0.0.1" } } });
    expect(first!.config.mirrors.map(({ name }) => name)).toEqual(["sow_poles"]);
    expect(second).toMatchObject({ mode: "delta", config: { database: { host: "db.staging" } } });
    expect(err).toMatch(/waiting for jobs of production, staging; .*\n.*production: full run of sow_poles: /);
    expect(err + cli.logText()).not.toMatch(/pw-of/);
  });

  test("a job, too, waits for what its deployment is to wait for", async () => {
    const cli = startWith();
    cli.commands.work.mockImplementation(async ({ deployments, run }) => {
      await run(job("default"), deployments[0]!, signal);
    });
    await cli.run("worker", { environment: { ...environment, DATAHUB_SYNC_WAIT_FOR: "SELECT true" } });
    expect(cli.commands.waitFor.mock.calls.map(([{ sql }]) => sql)).toEqual(["SELECT true"]);
  });

  test("jobs at the same time share memory and calls", async () => {
    const { cli } = await workWith(async ({ deployments, run, concurrency }) => {
      expect(concurrency).toBe(4);
      await run(job("production"), deployments[0]!, signal);
    }, "--concurrency 4");
    const [{ config }] = cli.commands.sync.mock.calls[0]!;
    expect(config.settings).toMatchObject({ pageRows: 125, pageBytes: 1_048_576, maxInFlight: 1 });
  });

  test("a table that failed fails its job, so that the queue has it tried again; what waits for somebody does not", async () => {
    const error = { code: "DEPLOYMENT_FAILED", message: "Convex is away.", remedy: "Wait." } as const;
    const { err } = await workWith(async ({ deployments, run, failed }) => {
      await expect(run(job("production"), deployments[0]!, signal)).resolves.toMatchObject({ exitCode: 0 });
      failed(job("production"), new SyncError(error));
      failed(null, new Error("a secret of somebody"));
    });
    expect(err).toContain("production: delta run: Convex is away. Wait. It is tried again");
    expect(err).toContain("a job: something unexpected happened");
    expect(err).not.toContain("a secret of somebody");

    const cli = startFleet();
    cli.commands.sync.mockResolvedValue({
      ...RUN,
      ok: false,
      exitCode: EXIT.failed,
      tables: [{ ...TABLE, outcome: "failed", error }],
    });
    cli.commands.work.mockImplementation(async ({ deployments, run }) => {
      await expect(run(job("production"), deployments[0]!, signal)).rejects.toMatchObject(error);
      cli.commands.sync.mockResolvedValue({ ...RUN, ok: false, exitCode: EXIT.deletionsHeldBack });
      await expect(run(job("production"), deployments[0]!, signal)).resolves.toMatchObject({ exitCode: 5 });
    });
    expect((await cli.run("worker --deployments fleet.json", { environment })).exitCode).toBe(EXIT.done);
  });

  test("with --json, a report on a line for each job", async () => {
    const { out } = await workWith(async ({ deployments, run }) => {
      await run(job("production"), deployments[0]!, signal);
      await run(job("production"), deployments[0]!, signal);
    }, "--json");
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { runId: string }).runId),
    ).toEqual([RUN.runId, RUN.runId]);
  });

  test("a queue in the source's own Neon project is warned of", async () => {
    const cli = startWith();
    cli.commands.work.mockImplementation(async ({ deployments, run }) => {
      await run(job("default"), deployments[0]!, signal);
    });
    const { err } = await cli.run("worker", {
      environment: {
        ...environment,
        DATABASE_URL: "postgresql://owner:password@ep-cool-1-pooler.eu.aws.neon.tech/app?sslmode=require",
        DATAHUB_SYNC_QUEUE_URL: "postgresql://owner:password@ep-cool-1.eu.aws.neon.tech/queue",
      },
    });
    expect(err).toContain("whose compute it keeps awake");
  });
});
