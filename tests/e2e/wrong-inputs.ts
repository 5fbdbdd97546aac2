import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Variables } from "./cli-process.js";
import type { Stack } from "./stack.js";

/** What no run can do without is wrong: it ends with one error, and touches nothing. */
interface WrongInput {
  what: string;
  /** Over the variables that work. */
  variables: (stack: Stack) => Promise<Variables>;
  code: string;
  says: RegExp;
  remedy: RegExp;
}

export const WRONG_INPUTS: WrongInput[] = [
  {
    what: "a wrong sync key",
    variables: () => Promise.resolve({ CONVEX_SYNC_AUTH_KEY: "not-the-key-of-the-deployment" }),
    code: "WRONG_SYNC_KEY",
    says: /refused CONVEX_SYNC_AUTH_KEY: it has another one/,
    remedy: /npx convex env set CONVEX_SYNC_AUTH_KEY/,
  },
  {
    what: "a deployment without the sync key",
    variables: async (stack) => ({ CONVEX_URL: await stack.startDeployment("sync key") }),
    code: "SYNC_KEY_UNSET",
    says: /has no sync key: CONVEX_SYNC_AUTH_KEY is not set there/,
    remedy: /npx convex env set CONVEX_SYNC_AUTH_KEY/,
  },
  {
    what: "a deployment without the functions",
    variables: async (stack) => ({ CONVEX_URL: await stack.startDeployment("functions") }),
    code: "FUNCTIONS_NOT_DEPLOYED",
    says: /the sync functions are not deployed there/,
    remedy: /npx convex deploy/,
  },
  {
    what: "a server that is no deployment",
    variables: async () => ({ CONVEX_URL: `http://127.0.0.1:${(await serveNotFound()).port}` }),
    code: "DEPLOYMENT_UNREACHABLE",
    says: /No Convex deployment answers at 127\.0\.0\.1:\d+ \(.*404.*\)/,
    remedy: /Check CONVEX_URL/,
  },
  {
    what: "a deployment that does not run",
    variables: async () => ({ CONVEX_URL: `http://127.0.0.1:${await findClosedPort()}` }),
    code: "DEPLOYMENT_UNREACHABLE",
    says: /No Convex deployment answers at 127\.0\.0\.1:\d+ \(.*ECONNREFUSED.*\)/,
    remedy: /Check CONVEX_URL/,
  },
  {
    what: "a Postgres that does not run",
    variables: async (stack) => changeUrl(stack, { port: String(await findClosedPort()) }),
    code: "DATABASE_UNREACHABLE",
    says: /Postgres could not be reached .*\(ECONNREFUSED\)/,
    remedy: /DATABASE_URL names its host and port/,
  },
  {
    what: "a wrong password",
    variables: (stack) => Promise.resolve(changeUrl(stack, { password: "not-the-password" })),
    code: "DATABASE_AUTH",
    says: /Postgres refused the user or the password/,
    remedy: /Check DATABASE_URL: user, password/,
  },
  {
    what: "a database that does not exist",
    variables: (stack) => Promise.resolve(changeUrl(stack, { pathname: "/not_there" })),
    code: "DATABASE_AUTH",
    says: /The database that DATABASE_URL names does not exist/,
    remedy: /Check the path of DATABASE_URL/,
  },
  {
    what: "a database without the migrations",
    variables: async (stack) => ({ DATABASE_URL: (await stack.createDatabase()).url }),
    code: "MIGRATIONS_MISSING",
    says: /The schema datahub_sync is not in this database/,
    remedy: /Run `datahub-sync migrate`, as the owner/,
  },
];

/** The variables with another part in the database's URL. */
function changeUrl(
  { databaseUrl }: Stack,
  part: { port?: string; password?: string; pathname?: string },
): Variables {
  return { DATABASE_URL: Object.assign(new URL(databaseUrl), part).href };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function serveNotFound(): Promise<{ port: number }> {
  const server = createServer((_request, response) => response.writeHead(404).end("Not found"));
  onTestFinished(() => void server.close());
  return { port: await listen(server) };
}

/** A port that was free a moment ago. */
async function findClosedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}
