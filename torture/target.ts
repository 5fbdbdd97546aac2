import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineDatahubSync } from "../src/package/convex.js";
import { LocalDeployment } from "../local/convex/deployment.js";
import { serveLocalDeployment } from "../local/convex/serve.js";
import type { CallFaults } from "./call-faults.js";
import { Command } from "./command.js";
import { CommitWatch } from "./commit-watch.js";
import { deploySchema, writeConfig } from "./deploy.js";
import type { TortureTable } from "./tables.js";

/** A deployment, with the configurations under which it is run. */
export interface Target {
  /** As the deployment mirrors them in the end. */
  tables: readonly TortureTable[];
  deployment: LocalDeployment;
  watch: CommitWatch;
  syncKey: string;
  url: string;
  /**
   * Starts the command line; the configuration and the log's folder are given.
   * @param shape which of the configurations; 0 is the one that `tables` says
   * @param as `asRunner`: a role that owns none of the tables; `queue`: of a command of the queue, whose settings come by variables
   */
  start: (args: readonly string[], shape?: number, as?: StartAs) => Command;
  /** Deploys the fields that columns may wait for. */
  deployAll: () => void;
  close(): Promise<void>;
}

interface StartAs {
  asRunner: boolean;
  queue?: { url: string; leaseSeconds: number };
}

export interface TargetOptions {
  name: string;
  /** Of its tables; the first one counts in the end. */
  shapes: readonly (readonly TortureTable[])[];
  folder: string;
  /** The built command line. */
  main: string;
  environment: Record<string, string>;
  /** Of the source, for a role that owns none of the tables. */
  runnerUrl: string;
  callFaults: CallFaults | null;
  seed: number;
  /** Of runs, over all targets. */
  countRun: () => number;
}

export async function openTarget(options: TargetOptions): Promise<Target> {
  const { name, shapes, folder, main, environment, runnerUrl, callFaults, seed, countRun } = options;
  const tables = shapes[0]!;
  const logs = join(folder, `logs of ${name}`);
  await mkdir(logs);
  const configs = shapes.map((_, shape) => join(folder, `${name} ${shape}.json`));
  for (const [shape, config] of configs.entries()) await writeFile(config, writeConfig(shapes[shape]!));

  const syncKey = randomBytes(32).toString("hex");
  const { mirrors, schema } = deploySchema(shapes);
  const deployment = LocalDeployment.create({
    schema,
    modules: { datahubSync: defineDatahubSync({ tables: mirrors }) },
    env: { CONVEX_SYNC_AUTH_KEY: syncKey },
    ...(callFaults === null
      ? {}
      : { faults: callFaults.faults, clock: callFaults.clock, isolate: callFaults.isolate }),
    seed,
  });
  const watch = new CommitWatch(
    deployment,
    tables.map(({ mirror }) => mirror),
  );
  const served = await serveLocalDeployment(deployment);
  const convex = { CONVEX_URL: served.url, CONVEX_SYNC_AUTH_KEY: syncKey };
  return {
    tables,
    deployment,
    watch,
    syncKey,
    url: served.url,
    start(args, shape = 0, { asRunner, queue } = { asRunner: false }) {
      const config = configs[shape]!;
      const source = asRunner ? { DATABASE_URL: runnerUrl } : {};
      const settings = queue === undefined ? {} : queueVariables(config, queue);
      const variables = { ...environment, ...convex, ...source, ...settings };
      const flags = ["--log-dir", logs, ...(queue === undefined ? ["--config", config] : [])];
      return new Command({ main, folder, environment: variables }, countRun(), [...args, ...flags]);
    },
    deployAll() {
      const deployed = deploySchema(shapes, { all: true });
      const modules = { datahubSync: defineDatahubSync({ tables: deployed.mirrors }) };
      deployment.deploy({ schema: deployed.schema, modules });
    },
    close: () => served.close(),
  };
}

function queueVariables(config: string, { url, leaseSeconds }: NonNullable<StartAs["queue"]>) {
  return {
    DATAHUB_SYNC_QUEUE_URL: url,
    DATAHUB_SYNC_CONFIG: config,
    DATAHUB_SYNC_LEASE_SECONDS: String(leaseSeconds),
    DATAHUB_SYNC_CALL_TIMEOUT_SECONDS: "1",
    DATAHUB_SYNC_PAGE_ROWS: "7",
  };
}
