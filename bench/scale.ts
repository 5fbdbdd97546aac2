import { ConvexClient } from "convex/browser";
import { anyApi, queryGeneric } from "convex/server";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import WebSocket from "ws";
import * as datahubSync from "../convex/datahubSync.js";
import schema from "../convex/schema.js";
import { LocalDeployment } from "../local/convex/deployment.js";
import { PLANS } from "../local/convex/limits.js";
import { serveLocalDeployment } from "../local/convex/serve.js";
import type { LocalStack } from "../local/start-local.js";
import { systemClock } from "../src/model/clock.js";
import { buildCli } from "../tests/support/build-cli.js";
import { DistantPort } from "../tests/support/distant-port.js";
import type { Cli } from "./cli.js";
import { count, ratio, seconds, size } from "./findings.js";
import { Fleet, type FleetMember } from "./fleet.js";
import { startManyMirrors } from "./many-mirrors.js";
import type { Results } from "./results.js";

const WORKERS = [1, 2, 4];
const MIB_PER_SECOND = 3.4;

/** What more processes bring, and what bounds them; and how soon a watch brings what commits. */
export async function measureScale(cli: Cli, stack: LocalStack, results: Results): Promise<void> {
  await cli.run(stack.environment, "migrate");
  const queueUrl = await createQueue(stack);
  await measureOnePlan(stack, queueUrl, results);
  await measureManyDeployments(cli, stack, queueUrl, results);
  await measureManyMirrors(queueUrl, results);
  await measureWatch(cli, stack, results);
}

async function createQueue({ databaseUrl }: LocalStack): Promise<string> {
  const url = new URL(databaseUrl);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await sql.unsafe("CREATE DATABASE queue");
  await sql.end();
  url.pathname = "/queue";
  return url.href;
}

/** Our functions, in a deployment of its own. */
async function serve(syncKey: string, more: Partial<Parameters<typeof LocalDeployment.create>[0]> = {}) {
  const deployment = LocalDeployment.create({
    ...{ modules: { datahubSync }, schema, env: { CONVEX_SYNC_AUTH_KEY: syncKey }, clock: systemClock },
    ...more,
  });
  return { deployment, served: await serveLocalDeployment(deployment) };
}

/** First loads into one deployment: the plan is the bound, however many write. */
async function measureOnePlan(stack: LocalStack, queueUrl: string, results: Results): Promise<void> {
  const rows: string[][] = [];
  const figures: object[] = [];
  for (const workers of WORKERS) {
    const { deployment, served } = await serve(stack.syncKey, { plan: PLANS.s16 });
    const fleet = await Fleet.create(
      {
        one: {
          ...near(stack),
          CONVEX_URL: served.url,
          DATAHUB_SYNC_WRITE_MIB_PER_SECOND: String(MIB_PER_SECOND),
        },
      },
      queueUrl,
    );
    const { durationMs, jobs } = await fleet.work(workers, "--each");
    const { bytesWritten, highestSecondBytes, refusals } = deployment.throughput()!;
    const perSecond = bytesWritten / (durationMs / 1000);
    figures.push({ workers, jobs, durationMs, bytesWritten, highestSecondBytes, refusals });
    rows.push([
      count(workers),
      seconds(durationMs),
      size(bytesWritten),
      `${size(perSecond)}/s`,
      size(highestSecondBytes),
      count(refusals),
    ]);
    await fleet.remove();
    await served.close();
  }
  results.addTable({
    id: "scale-plan",
    head: [
      "One deployment on plan s16: first loads of seven tables, by so many workers",
      "time",
      "written",
      "in a second",
      "fullest second",
      "refused",
    ],
    rows,
    figures,
  });
}

const MEMBERS = 8;
const FAR_MS = 40;

/** Comparisons of eight deployments, all of them far away: who waits for answers can wait for many. */
async function measureManyDeployments(
  cli: Cli,
  stack: LocalStack,
  queueUrl: string,
  results: Results,
): Promise<void> {
  const database = await DistantPort.open(stack.databaseUrl);
  const ports: DistantPort[] = [];
  const closing: (() => Promise<void>)[] = [];
  const members: Record<string, FleetMember> = {};
  for (let n = 1; n <= MEMBERS; n++) {
    const { served } = await serve(stack.syncKey);
    const port = await DistantPort.open(served.url);
    ports.push(port);
    closing.push(() => port.close().then(() => served.close()));
    members[`number-${n}`] = { ...near(stack), DATABASE_URL: database.url, CONVEX_URL: port.url };
    await cli.run({ ...stack.environment, ...members[`number-${n}`] }, "sync");
  }
  const fleet = await Fleet.create(members, queueUrl);
  const durations: number[] = [];
  for (const port of [database, ...ports]) port.roundTripMs = FAR_MS;
  for (const workers of WORKERS) durations.push((await fleet.work(workers, "--full")).durationMs);
  for (const port of [database, ...ports]) port.roundTripMs = 0;
  results.addTable({
    id: "scale-deployments",
    head: [
      `${MEMBERS} deployments, ${FAR_MS} ms away: a full run of each, by so many workers`,
      "time",
      "as fast",
    ],
    rows: WORKERS.map((workers, place) => [
      count(workers),
      seconds(durations[place]!),
      ratio(durations[0]!, durations[place]!),
    ]),
    figures: { workers: WORKERS, durations },
  });
  await fleet.remove();
  for (const close of closing) await close();
  await database.close();
}

const MANY = 300;
const NEAR_MS = 10;

/** Comparisons of many small tables: one run, several tables at once, or a job for each. */
async function measureManyMirrors(queueUrl: string, results: Results): Promise<void> {
  const many = await startManyMirrors(MANY);
  const [database, convex] = [
    await DistantPort.open(many.environment["DATABASE_URL"]!),
    await DistantPort.open(many.environment["CONVEX_URL"]!),
  ];
  const environment = { ...many.environment, DATABASE_URL: database.url, CONVEX_URL: convex.url };
  await many.cli.run(environment, "migrate");
  await many.cli.run(environment, "sync");
  const fleet = await Fleet.create({ many: environment }, queueUrl, many.config);
  for (const port of [database, convex]) port.roundTripMs = NEAR_MS;
  const measured: [string, number][] = [];
  for (const parallel of [1, 4]) {
    const { durationMs } = await many.cli.run(environment, "sync", "--full", "--parallel", String(parallel));
    measured.push([`one run, --parallel ${parallel}`, durationMs]);
  }
  for (const workers of [1, 4]) {
    const { durationMs, jobs } = await fleet.work(workers, "--full", "--each");
    measured.push([`${jobs} jobs, ${workers} worker${workers === 1 ? "" : "s"}`, durationMs]);
  }
  const base = measured[0]![1];
  results.addTable({
    id: "scale-mirrors",
    head: [`${MANY} mirrors in one deployment, ${NEAR_MS} ms away: all compared`, "time", "as fast"],
    rows: measured.map(([what, ms]) => [what, seconds(ms), ratio(base, ms)]),
    figures: measured,
  });
  await fleet.remove();
  await Promise.all([database.close(), convex.close()]);
  await many.stop();
}

const COMMITS_PER_SECOND = 50;
const WATCHED_SECONDS = 20;

/** An app that shows one row. */
const app = {
  latest: queryGeneric({
    args: {},
    handler: async ({ db }) =>
      Math.max(
        0,
        ...(await db.query("mohadin_activations").collect()).map(({ comment }) => Number(comment) || 0),
      ),
  }),
};

/** From a writer's COMMIT to the app's client, which is told by its subscription. */
async function measureWatch(cli: Cli, stack: LocalStack, results: Results): Promise<void> {
  const { served } = await serve(stack.syncKey, { modules: { datahubSync, app } });
  const environment = { ...near(stack), CONVEX_URL: served.url };
  await cli.run(environment, "sync");
  const folder = await mkdtemp(join(tmpdir(), "datahub-sync-watch-"));
  const watch = spawn(
    process.execPath,
    [await buildCli(), "sync", "--watch", "--min-interval", "0s", "--json"],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: folder, ...environment },
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  await createInterface(watch.stdout)[Symbol.asyncIterator]().next();
  const client = new ConvexClient(served.url, { webSocketConstructor: WebSocket as never });
  const committedAt: number[] = [];
  const latencies: number[] = [];
  client.onUpdate(anyApi["app"]!["latest"]!, {}, (value: unknown) => {
    const now = performance.now();
    while (latencies.length < Math.min(value as number, committedAt.length))
      latencies.push(now - committedAt[latencies.length]!);
  });
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  const commits = COMMITS_PER_SECOND * WATCHED_SECONDS;
  const startedAt = performance.now();
  for (let n = 1; n <= commits; n++) {
    await new Promise((resolve) =>
      setTimeout(resolve, startedAt + (n * 1000) / COMMITS_PER_SECOND - performance.now()),
    );
    await sql`UPDATE mohadin_activations SET comment = ${String(n)}
               WHERE id = (SELECT id FROM mohadin_activations ORDER BY id LIMIT 1)`;
    committedAt.push(performance.now());
  }
  while (latencies.length < commits) await new Promise((resolve) => setTimeout(resolve, 50));
  watch.kill("SIGTERM");
  await once(watch, "close");
  await client.close();
  await sql.end();
  await served.close();
  await rm(folder, { recursive: true });
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const ms = (value: number) => `${count(value)} ms`;
  results.addTable({
    id: "watch",
    head: ["Live: from a commit to the app's client", "median", "95 of 100 within", "slowest"],
    rows: [
      [
        `${COMMITS_PER_SECOND} commits a second, for ${WATCHED_SECONDS} s`,
        ms(at(0.5)),
        ms(at(0.95)),
        ms(at(1)),
      ],
    ],
    figures: { median: at(0.5), p95: at(0.95), slowest: at(1) },
  });
}

function near({ environment }: LocalStack): FleetMember {
  const { DATABASE_URL, CONVEX_SYNC_AUTH_KEY } = environment;
  return { DATABASE_URL: DATABASE_URL!, CONVEX_SYNC_AUTH_KEY: CONVEX_SYNC_AUTH_KEY! };
}
