import postgres, { type Sql } from "postgres";
import { GenericContainer, Wait, type StartedTestContainer } from "testcontainers";
import { POSTGRES_VERSION } from "../support/postgres.js";
import { deployedStack, type Backend, type DatabaseServer } from "./deployed-stack.js";

const CONVEX_IMAGE = "ghcr.io/get-convex/convex-backend:latest";
const CONVEX_PORT = 3210;
const POSTGRES_PORT = 5432;

/** A Postgres container and Convex's own backend. TEST_POSTGRES_VERSION says which Postgres: 14 to 18. */
export const containerStack = deployedStack({
  name: "a Postgres container and the real Convex backend",
  startPostgres,
  startBackend,
});

async function startPostgres(): Promise<DatabaseServer> {
  const password = crypto.randomUUID();
  const container = await startPostgresContainer(password);
  const clients: Sql[] = [];
  const urlOf = (name: string) =>
    `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(POSTGRES_PORT)}/${name}`;
  return {
    secrets: [password],
    async createDatabase() {
      const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
      const admin = postgres(urlOf("postgres"), { max: 1, onnotice: () => {} });
      await admin.unsafe(`CREATE DATABASE ${name}`);
      await admin.end();
      const sql = postgres(urlOf(name), { onnotice: () => {} });
      clients.push(sql);
      return { url: urlOf(name), sql };
    },
    async stop() {
      await Promise.all(clients.map((client) => client.end({ timeout: 0 })));
      await container.stop();
    },
  };
}

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
async function startBackend(): Promise<Backend> {
  const container = await new GenericContainer(CONVEX_IMAGE)
    .withEnvironment({ REDACT_LOGS_TO_CLIENT: "true", DISABLE_BEACON: "true" })
    .withExposedPorts(CONVEX_PORT, 3211)
    .withWaitStrategy(Wait.forHttp("/version", CONVEX_PORT).forStatusCode(200))
    .start();
  const { exitCode, stdout, output } = await container.exec("./generate_admin_key.sh");
  if (exitCode !== 0) throw new Error(`The backend gave no admin key: ${output}`);
  const adminKey = stdout.trim().split("\n").at(-1)!;
  const url = `http://${container.getHost()}:${container.getMappedPort(CONVEX_PORT)}`;
  return {
    address: { url, adminKey },
    async stop() {
      await container.stop();
    },
  };
}
