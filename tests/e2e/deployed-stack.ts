import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sql } from "postgres";
import { datahubSyncTables } from "../../src/package/convex.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { CallGate } from "./call-gate.js";
import { ConvexCli, type ConvexAddress } from "./convex-cli.js";
import type { Stack, StackKind } from "./stack.js";

/** A Postgres that makes databases. */
export interface DatabaseServer {
  createDatabase(): Promise<{ url: string; sql: Sql }>;
  /** What must not show up in any output. */
  secrets: readonly string[];
  stop(): Promise<void>;
}

/** A running backend of Convex, with nothing deployed. */
export interface Backend {
  address: ConvexAddress;
  stop(): Promise<void>;
}

export interface DeployedStackOptions {
  name: string;
  startPostgres: () => Promise<DatabaseServer>;
  startBackend: () => Promise<Backend>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A stack on a backend of Convex itself, to which the real `npx convex deploy` deploys our functions. */
export function deployedStack({ name, startPostgres, startBackend }: DeployedStackOptions): StackKind {
  return {
    name,
    async start(scale) {
      const server = await startPostgres();
      const backends: Backend[] = [];
      const apps: ConvexCli[] = [];
      const syncKey = `test-${crypto.randomUUID()}`;
      const deploy = async (lacking: "functions" | "sync key" | null) => {
        const backend = await startBackend();
        backends.push(backend);
        const app = await ConvexCli.create(backend.address);
        apps.push(app);
        if (lacking !== "functions") await deployFunctions(app);
        if (lacking !== "sync key") await app.run("env", "set", "CONVEX_SYNC_AUTH_KEY", syncKey);
        return { app, address: backend.address };
      };

      const database = await server.createDatabase();
      await createSourceTables(database.sql);
      await fillSourceTables(database.sql, { seed: 1, scale });
      const main = await deploy(null);
      const gate = await CallGate.open(main.address.url);
      const stack: Stack = {
        databaseUrl: database.url,
        sql: database.sql,
        gate,
        convex: main.app,
        environment: {
          DATABASE_URL: database.url,
          CONVEX_URL: gate.url,
          CONVEX_SYNC_AUTH_KEY: syncKey,
        },
        secrets: [syncKey, main.address.adminKey, database.url, ...server.secrets],
        usage: null,
        readDeployment: (mirror) =>
          Promise.all([mirror, ...Object.keys(datahubSyncTables)].map((table) => main.app.documents(table))),
        createDatabase: () => server.createDatabase(),
        startDeployment: async (lacking) => (await deploy(lacking)).address.url,
        async stop() {
          await gate.close();
          await Promise.all([
            server.stop(),
            ...backends.map((backend) => backend.stop()),
            ...apps.map((app) => app.remove()),
          ]);
        },
      };
      return stack;
    },
  };
}

/** Our folder, with the hand edits of these tests beside it. */
async function deployFunctions(app: ConvexCli): Promise<void> {
  const functions = join(app.folder, "convex");
  await cp(join(root, "convex"), functions, { recursive: true });
  await cp(join(root, "tests/e2e/fixtures/handEdits.ts"), join(functions, "handEdits.ts"));
  await app.run("deploy", "--yes", "--typecheck", "disable", "--codegen", "disable");
}
