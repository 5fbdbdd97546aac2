import { defineSchema, defineTable } from "convex/server";
import type { PropertyValidators } from "convex/values";
import { datahubSyncTables, defaultMirrorTables, defineDatahubSync } from "../../src/package/convex.js";
import * as datahubSync from "../../convex/datahubSync.js";
import schema from "../../convex/schema.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import type { Usage } from "../../local/convex/usage.js";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { CallGate } from "./call-gate.js";
import { ConvexCli } from "./convex-cli.js";
import * as handEdits from "./fixtures/handEdits.js";
import type { StackKind } from "./stack.js";

const OWN_TABLES = Object.keys(datahubSyncTables);

/** Embedded Postgres and the local deployment: runs wherever Node does. */
export const localStack: StackKind = {
  name: "embedded Postgres and the local Convex deployment",
  async start(scale) {
    const databases: TestDatabase[] = [];
    const served: ServedDeployment[] = [];
    const createDatabase = async () => {
      const database = await createTestDatabase();
      databases.push(database);
      return database;
    };
    const serve = async (options: Parameters<typeof LocalDeployment.create>[0]) => {
      const deployment = LocalDeployment.create(options);
      const server = await serveLocalDeployment(deployment);
      served.push(server);
      return { url: server.url, adminKey: deployment.adminKey, deployment };
    };

    const added: Record<string, PropertyValidators> = {};
    const database = await createDatabase();
    await createSourceTables(database.sql);
    await fillSourceTables(database.sql, { seed: 1, scale });
    const syncKey = `test-${crypto.randomUUID()}`;
    const main = await serve({
      modules: { datahubSync, handEdits },
      schema,
      env: { CONVEX_SYNC_AUTH_KEY: syncKey },
    });
    const gate = await CallGate.open(main.url);
    const convex = await ConvexCli.create(main);
    return {
      databaseUrl: database.url,
      sql: database.sql,
      gate,
      convex,
      environment: {
        DATABASE_URL: database.url,
        CONVEX_URL: gate.url,
        CONVEX_SYNC_AUTH_KEY: syncKey,
      },
      secrets: [syncKey, main.adminKey, database.url, new URL(database.url).password],
      usage: async () => (await fetch(`${main.url}/_local/usage`)).json() as Promise<Usage>,
      readDeployment: (mirror) =>
        Promise.resolve([mirror, ...OWN_TABLES].map((table) => [...main.deployment.tableDocuments(table)])),
      deployFields(table, fields) {
        added[table] = { ...added[table], ...fields };
        const tables = Object.fromEntries(
          Object.entries(defaultMirrorTables).map(([name, definition]) => [
            name,
            added[name] ? defineTable({ ...definition.validator.fields, ...added[name] }) : definition,
          ]),
        );
        main.deployment.deploy({
          modules: { datahubSync: defineDatahubSync({ tables }), handEdits },
          schema: defineSchema({ ...tables, ...datahubSyncTables }),
        });
        return Promise.resolve();
      },
      createDatabase,
      async startDeployment(lacking) {
        const missing = {
          functions: { modules: {}, schema, env: { CONVEX_SYNC_AUTH_KEY: syncKey } },
          "sync key": { modules: { datahubSync }, schema, env: {} },
        };
        return (await serve(missing[lacking])).url;
      },
      async stop() {
        await gate.close();
        await Promise.all([...served.map((server) => server.close()), convex.remove()]);
        for (const each of databases) await each.drop();
      },
    };
  },
};
