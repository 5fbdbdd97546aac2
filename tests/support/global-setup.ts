import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import {
  startPostgres,
  type LocalPostgres,
  type PostgresVersion,
} from "../../src/local/postgres/start-postgres.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Answers `GET /<major version>` with the URL of that version's cluster, and starts it when first asked. */
    postgresBrokerUrl: string;
  }
}

/**
 * One cluster of each Postgres version for the whole run, started when the first test asks for it: test
 * files run in processes of their own and ask over HTTP, and a run of unit tests alone starts none.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const clusters = new Map<PostgresVersion, Promise<LocalPostgres>>();

  async function start(version: PostgresVersion): Promise<LocalPostgres> {
    const cluster = await startPostgres({ version });
    console.log(`Tests use PostgreSQL ${cluster.release}.`);
    return cluster;
  }

  const broker = createServer((request, response) => {
    const version = Number(request.url?.slice(1)) as PostgresVersion;
    let cluster = clusters.get(version);
    if (!cluster) clusters.set(version, (cluster = start(version)));
    cluster.then(
      (started) => response.end(started.url()),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  }).listen(0, "127.0.0.1");
  await once(broker, "listening");
  project.provide("postgresBrokerUrl", `http://127.0.0.1:${(broker.address() as AddressInfo).port}`);

  return async () => {
    broker.close();
    broker.closeAllConnections();
    const stops = [...clusters.values()].map(async (cluster) => (await cluster).stop("immediate"));
    await Promise.allSettled(stops); // one that failed to start has nothing to stop
  };
}
