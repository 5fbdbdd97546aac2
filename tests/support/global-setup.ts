import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import {
  startPostgres,
  type LocalPostgres,
  type PostgresVersion,
} from "../../local/postgres/start-postgres.js";
import { buildCli } from "./build-cli.js";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * Answers `GET /postgres/<major version>` with the URL of that version's cluster, and `GET /built-cli` with the
     * path of the built command line.
     */
    brokerUrl: string;
  }
}

/**
 * What test files share for the whole run: one cluster of each Postgres version, and the build. Each is made when the
 * first test asks for it: test files run in processes of their own and ask over HTTP, and a run of unit tests alone
 * makes none.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const clusters = new Map<PostgresVersion, Promise<LocalPostgres>>();
  let built: Promise<string> | undefined;

  async function start(version: PostgresVersion): Promise<LocalPostgres> {
    const cluster = await startPostgres({ version });
    console.log(`Tests use PostgreSQL ${cluster.release}.`);
    return cluster;
  }

  async function findClusterUrl(version: PostgresVersion): Promise<string> {
    let cluster = clusters.get(version);
    if (!cluster) clusters.set(version, (cluster = start(version)));
    return (await cluster).url();
  }

  function answer(path: string): Promise<string> {
    const [, kind, version] = path.split("/");
    if (kind === "built-cli") return (built ??= buildCli());
    return findClusterUrl(Number(version) as PostgresVersion);
  }

  const broker = createServer((request, response) => {
    answer(request.url!).then(
      (text) => response.end(text),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  }).listen(0, "127.0.0.1");
  await once(broker, "listening");
  project.provide("brokerUrl", `http://127.0.0.1:${(broker.address() as AddressInfo).port}`);

  return async () => {
    broker.close();
    broker.closeAllConnections();
    const stops = [...clusters.values()].map(async (cluster) => (await cluster).stop("immediate"));
    await Promise.allSettled(stops); // one that failed to start has nothing to stop
  };
}
