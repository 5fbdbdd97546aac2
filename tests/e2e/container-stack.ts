import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres, { type Sql } from "postgres";
import { GenericContainer, Wait, type StartedTestContainer } from "testcontainers";
import { datahubSyncTables } from "../../src/package/convex.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { POSTGRES_VERSION } from "../support/postgres.js";
import { CallGate } from "./call-gate.js";
import { ConvexCli, type ConvexAddress } from "./convex-cli.js";
import type { StackKind } from "./stack.js";

const CONVEX_IMAGE = "ghcr.io/get-convex/convex-backend:latest";
const CONVEX_PORT = 3210;
const POSTGRES_PORT = 5432;

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A Postgres container and Convex's own backend, with the functions deployed by the real `npx convex deploy`. */
export const containerStack: StackKind = {
  name: "a Postgres container and the real Convex backend",
  async start(scale) {
    const containers: StartedTestContainer[] = [];
    const clients: Sql[] = [];
    const apps: ConvexCli[] = [];
    const password = crypto.randomUUID();
    const syncKey = `test-${crypto.randomUUID()}`;
    const server = await startPostgresContainer(password);
    containers.push(server);

    const createDatabase = async () => {
      const urlOf = (name: string) =>
        `postgres://postgres:${password}@${server.getHost()}:${server.getMappedPort(POSTGRES_PORT)}/${name}`;
      const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
      const admin = postgres(urlOf("postgres"), { max: 1, onnotice: () => {} });
      await admin.unsafe(`CREATE DATABASE ${name}`);
      await admin.end();
      const sql = postgres(urlOf(name), { onnotice: () => {} });
      clients.push(sql);
      return { url: urlOf(name), sql };
    };
    const deploy = async (lacking: "functions" | "sync key" | null) => {
      const { container, address } = await startBackend();
      containers.push(container);
      const app = await ConvexCli.create(address);
      apps.push(app);
      if (lacking !== "functions") await deployFunctions(app);
      if (lacking !== "sync key") await app.run("env", "set", "CONVEX_SYNC_AUTH_KEY", syncKey);
      return { app, address };
    };

    const database = await createDatabase();
    await createSourceTables(database.sql);
    await fillSourceTables(database.sql, { seed: 1, scale });
    const main = await deploy(null);
    const gate = await CallGate.open(main.address.url);
    return {
      databaseUrl: database.url,
      sql: database.sql,
      gate,
      convex: main.app,
      environment: {
        DATABASE_URL: database.url,
        CONVEX_URL: gate.url,
        CONVEX_SYNC_AUTH_KEY: syncKey,
      },
      secrets: [syncKey, main.address.adminKey, database.url, password],
      usage: null,
      readDeployment: (mirror) =>
        Promise.all([mirror, ...Object.keys(datahubSyncTables)].map((table) => main.app.documents(table))),
      createDatabase,
      startDeployment: async (lacking) => (await deploy(lacking)).address.url,
      async stop() {
        await gate.close();
        await Promise.all(clients.map((client) => client.end({ timeout: 0 })));
        await Promise.all([
          ...containers.map((container) => container.stop()),
          ...apps.map((app) => app.remove()),
        ]);
      },
    };
  },
};

function startPostgresContainer(password: string): Promise<StartedTestContainer> {
  return (
    new GenericContainer(`postgres:${POSTGRES_VERSION}`)
      .withEnvironment({ POSTGRES_PASSWORD: password })
      .withExposedPorts(POSTGRES_PORT)
      // It starts twice: the first server, which only sets the database up, accepts no connections over TCP.
      .withWaitStrategy(
        Wait.forAll([
          Wait.forLogMessage("database system is ready to accept connections", 2),
          Wait.forListeningPorts(),
        ]),
      )
      .start()
  );
}

/** https://github.com/get-convex/convex-backend/tree/main/self-hosted; messages are redacted as in production. */
async function startBackend(): Promise<{ container: StartedTestContainer; address: ConvexAddress }> {
  const container = await new GenericContainer(CONVEX_IMAGE)
    .withEnvironment({ REDACT_LOGS_TO_CLIENT: "true", DISABLE_BEACON: "true" })
    .withExposedPorts(CONVEX_PORT, 3211)
    .withWaitStrategy(Wait.forHttp("/version", CONVEX_PORT).forStatusCode(200))
    .start();
  const { exitCode, stdout, output } = await container.exec("./generate_admin_key.sh");
  if (exitCode !== 0) throw new Error(`The backend gave no admin key: ${output}`);
  const adminKey = stdout.trim().split("\n").at(-1)!;
  const url = `http://${container.getHost()}:${container.getMappedPort(CONVEX_PORT)}`;
  return { container, address: { url, adminKey } };
}

/** Our folder, with the hand edits of these tests beside it. */
async function deployFunctions(app: ConvexCli): Promise<void> {
  const functions = join(app.folder, "convex");
  await cp(join(root, "convex"), functions, { recursive: true });
  await cp(join(root, "tests/e2e/fixtures/handEdits.ts"), join(functions, "handEdits.ts"));
  await app.run("deploy", "--yes", "--typecheck", "disable", "--codegen", "disable");
}
