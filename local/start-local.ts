import postgres from "postgres";
import type { Clock } from "../src/model/clock.js";
import * as datahubSync from "../convex/datahubSync.js";
import schema from "../convex/schema.js";
import { SyncError } from "../src/model/errors.js";
import type { Secret } from "../src/model/secret.js";
import { LocalDeployment } from "./convex/deployment.js";
import { NOTHING_DEPLOYED } from "./convex/nothing-deployed.js";
import type { Plan } from "./convex/limits.js";
import { serveLocalDeployment } from "./convex/serve.js";
import { createSourceTables, fillSourceTables } from "./data/fill-source.js";
import type { SourceTableName } from "./data/source-tables.js";
import { startPostgres, type LocalPostgres } from "./postgres/start-postgres.js";

export interface StartLocalOptions {
  /** 1 is 60,000 rows. */
  scale: number;
  seed: number;
  /** Neither tables nor functions: both are the caller's to bring. */
  empty?: boolean;
  /** The Postgres to use; null or absent: one of its own. */
  database?: { url: Secret } | null;
  /** The port of the Convex deployment; null: a free one. */
  port: number | null;
  clock: Clock;
  /** Holds the deployment to a plan's limits. */
  plan?: Plan;
}

/** A Postgres with the seven tables, where it is not the caller's, and a Convex deployment that runs our functions, both thrown away at the end. */
export interface LocalStack {
  /** Null where the caller brought one. */
  postgres: LocalPostgres | null;
  databaseUrl: string;
  deployment: LocalDeployment;
  convexUrl: string;
  syncKey: string;
  /** Rows of each table. */
  rows: Partial<Record<SourceTableName, number>>;
  /** What any other terminal needs: for the CLI, and for `npx convex`. */
  environment: Record<string, string>;
  /** Deploys an app's own functions beside ours. */
  deployBeside(modules: Record<string, Record<string, unknown>>): void;
  /** Rejects if Postgres ends without being asked to. */
  failed: Promise<never>;
  /** Ends both and leaves nothing behind. */
  stop(): Promise<void>;
}

const DATABASE = "datahub";

export async function startLocal({
  scale,
  seed,
  empty = false,
  database = null,
  port,
  clock,
  plan,
}: StartLocalOptions): Promise<LocalStack> {
  const server = database === null ? await startPostgres() : null;
  try {
    const databaseUrl = server === null ? database!.url.reveal() : await createDatabase(server);
    const rows = empty || server === null ? {} : await createDemoTables(databaseUrl, { seed, scale });

    const syncKey = `${clock.uuid()}${clock.uuid()}`.replaceAll("-", "");
    const deployment = LocalDeployment.create({
      ...(empty ? NOTHING_DEPLOYED : { modules: { datahubSync }, schema }),
      env: { CONVEX_SYNC_AUTH_KEY: syncKey },
      clock,
      ...(plan && { plan }),
    });
    let stopping = false;
    const never = new Promise<never>(() => {});
    const failed =
      // Never settles once we are stopping: nobody waits for it then.
      server === null ? never : server.ended.then(() => (stopping ? never : Promise.reject(postgresEnded())));
    failed.catch(() => {}); // whoever awaits it hears of it
    const served = await serveLocalDeployment(deployment, { port: port ?? 0 });
    return {
      postgres: server,
      databaseUrl,
      deployment,
      convexUrl: served.url,
      syncKey,
      rows,
      environment: {
        DATABASE_URL: databaseUrl,
        CONVEX_URL: served.url,
        CONVEX_SYNC_AUTH_KEY: syncKey,
        CONVEX_SELF_HOSTED_URL: served.url,
        CONVEX_SELF_HOSTED_ADMIN_KEY: deployment.adminKey,
      },
      deployBeside: (modules) => deployment.deploy({ schema, modules: { datahubSync, ...modules } }),
      failed,
      async stop() {
        stopping = true;
        await Promise.all([served.close(), server?.stop()]);
      },
    };
  } catch (error) {
    await server?.stop("immediate");
    throw error;
  }
}

async function createDatabase(server: LocalPostgres): Promise<string> {
  await runOnce(server.url(), `CREATE DATABASE ${DATABASE}`);
  return server.url(DATABASE);
}

/** Of each table, how many rows it has. */
async function createDemoTables(
  databaseUrl: string,
  options: { seed: number; scale: number },
): Promise<Record<SourceTableName, number>> {
  const sql = postgres(databaseUrl, { onnotice: () => {} });
  await createSourceTables(sql);
  const rows = await fillSourceTables(sql, options);
  await sql.end();
  return rows;
}

function postgresEnded(): SyncError {
  return new SyncError({
    code: "DATABASE_FAILED",
    message: "The local Postgres ended by itself.",
    remedy: "Start `datahub-sync local` again; low memory is the usual cause.",
  });
}

async function runOnce(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    // Without a timeout it never resolves once a connection has closed under a statement.
    await sql.end({ timeout: 0 });
  }
}
