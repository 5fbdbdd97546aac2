import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { datahubSyncTables, defineDatahubSync, mirrored } from "../../src/package/convex.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import type { Faults } from "../../local/convex/faults.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";
import { findLeaks, type Secret } from "../../torture/secrets.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { CliProcess, type Finished, type Variables } from "./cli-process.js";

const SYNC_KEY = 'planted"key\\of the+deployment/ü';
const PASSWORD = "plänted pass/word@%#";
const WRONG_PASSWORD = "planted-wrong-password";
const WRONG_KEY = "planted-wrong-key";

/** A column of each kind with a value that is found wherever it is shown. */
const COLUMNS: Record<string, { type: string; literal: string; shown: string[] }> = {
  t: { type: "text", literal: "'planted-text'", shown: ["planted-text"] },
  j: {
    type: "jsonb",
    literal: `'{"planted-key": ["planted-json"]}'`,
    shown: ["planted-key", "planted-json"],
  },
  a: { type: "text[]", literal: "'{planted-item}'", shown: ["planted-item"] },
  n: { type: "numeric(20, 4)", literal: "7391046528.1357", shown: ["7391046528"] },
  i: { type: "bigint", literal: "8102946573820194", shown: ["8102946573820194"] },
  u: { type: "uuid", literal: "'5ec2e7ed-5ec2-4e7e-8ec2-5ec2e7ed5ec2'", shown: ["5ec2e7ed-5ec2"] },
  d: { type: "timestamptz", literal: "'1987-06-05 04:03:02.010203+00'", shown: ["1987-06-05", "04:03:02"] },
  b: {
    type: "bytea",
    literal: "'planted-bytes'",
    shown: ["planted-bytes", "706c616e7465642d6279746573", btoa("planted-bytes")],
  },
};

const names = Object.keys(COLUMNS);
const list = (part: (name: string) => string) => names.map(part).join(", ");
const values = list((name) => `${COLUMNS[name]!.literal}::${COLUMNS[name]!.type}`);

const SOURCE = `
  CREATE TABLE vault (id int PRIMARY KEY, ${list((name) => `${name} ${COLUMNS[name]!.type}`)});
  CREATE TABLE misfit (LIKE vault INCLUDING ALL);
  CREATE TABLE base_of_raising (LIKE vault INCLUDING ALL);
  CREATE TABLE base_of_casting (LIKE vault INCLUDING ALL);
  INSERT INTO vault SELECT n, ${values} FROM generate_series(1, 30) n;
  INSERT INTO misfit SELECT * FROM vault;
  INSERT INTO base_of_raising SELECT * FROM vault;
  INSERT INTO base_of_casting SELECT * FROM vault;
  CREATE FUNCTION refuse_value(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
      RAISE unique_violation USING MESSAGE = 'duplicate key value ' || value,
        DETAIL = 'Key (t)=(' || value || ') already exists.', HINT = value, COLUMN = value;
    END $$;
  CREATE VIEW raising AS SELECT id, CASE WHEN id = 7 THEN refuse_value(t) ELSE t END AS t FROM base_of_raising;
  CREATE VIEW casting AS SELECT id, CASE WHEN id = 7 THEN t::int ELSE 0 END AS t FROM base_of_casting`;

const CONFIG = {
  tables: [
    { relation: "vault" },
    { relation: "misfit" },
    { relation: "raising", base: "base_of_raising" },
    { relation: "casting", base: "base_of_casting" },
  ],
};

/**
 * What a proxy or a deployment might say that quotes what it was sent: once in each function, and for good in the writes
 * of a run that `refusesWrites`.
 */
function quotingFaults(refusesWrites: () => boolean): Faults {
  const struck = new Set<string>();
  const message = `Refused: {"syncKey": ${JSON.stringify(SYNC_KEY)}, "t": "planted-text"}`;
  return (point, { path }) => {
    if (refusesWrites() && path.endsWith("applyBatch")) {
      return { kind: "answer", status: 400, code: "BadJsonBody", message };
    }
    if (struck.has(path)) return null;
    if (path.endsWith("handshake") && point === "beforeCall") {
      struck.add(path);
      return { kind: "answer", status: 429, code: "TooManyConcurrentRequests", message };
    }
    if (path.endsWith("applyBatch") && point === "afterCommit") {
      struck.add(path);
      return { kind: "answer", status: 500, code: "planted-text", message };
    }
    if (path.endsWith("finishRuns") && point === "midAnswer") {
      struck.add(path);
      return { kind: "cut" };
    }
    return null;
  };
}

describe("invariant 11: no value of a row, no key and no password is shown", () => {
  const role = `leaks_${crypto.randomUUID().replaceAll("-", "")}`;
  let database: TestDatabase;
  let served: ServedDeployment;
  let cli: CliProcess;
  let refusesWrites = false;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql.unsafe(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${PASSWORD}'; ${SOURCE}`);
    const anything = defineTable(v.any());
    const fields = Object.fromEntries(names.map((name) => [name, mirrored(v.literal("something else"))]));
    const tables = {
      vault: anything,
      raising: anything,
      casting: anything,
      misfit: defineTable({ id: v.any(), ...fields }),
    };
    served = await serveLocalDeployment(
      LocalDeployment.create({
        modules: { datahubSync: defineDatahubSync({ tables }) },
        schema: defineSchema({ ...datahubSyncTables, ...tables }),
        env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY },
        // As a development deployment: messages quote arguments and documents.
        redact: false,
        faults: quotingFaults(() => refusesWrites),
      }),
    );
    cli = await CliProcess.create({
      DATABASE_URL: databaseUrl(),
      CONVEX_URL: served.url,
      CONVEX_SYNC_AUTH_KEY: SYNC_KEY,
      DATAHUB_SYNC_LOG_LEVEL: "debug",
    });
    await writeFile(join(cli.folder, "datahub-sync.config.json"), JSON.stringify(CONFIG));
  });
  afterAll(async () => {
    await cli.remove();
    await served.close();
    await database.sql.unsafe(`REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP ROLE ${role}`);
    await database.drop();
  });

  function databaseUrl(changed: { password?: string; port?: string; pathname?: string } = {}): string {
    const url = new URL(database.url);
    return Object.assign(url, { username: role, password: encodeURIComponent(PASSWORD), ...changed }).href;
  }

  /** Runs that end as expected; what they print is searched at the end. */
  async function runs(
    cases: [args: string[], variables: Variables, expected: Partial<Finished>, says: RegExp][],
  ) {
    await Promise.all(
      cases.map(async ([args, variables, expected, says]) => {
        const finished = await cli.run(args, variables);
        expect([args, finished]).toMatchObject([args, expected]);
        expect(finished.stdout + finished.stderr).toMatch(says);
      }),
    );
  }

  const only = (table: string) => ["--table", table];

  test("in a run under faults, and where rows, tables and statements are refused", async () => {
    await runs([[["migrate", "--verbose"], {}, { code: 0 }, /vault/]]);
    await runs([[["sync", "--verbose", ...only("vault")], {}, { code: 0 }, /vault/]]);
    await database.sql`UPDATE vault SET t = repeat('planted-text', 100000) WHERE id = 3`;
    await runs([[["sync", "--full", "--verbose", ...only("vault")], {}, { code: 3 }, /set aside/]]);
    refusesWrites = true;
    await database.sql`UPDATE vault SET i = i - 1 WHERE id = 4`;
    await runs([[["sync", "--verbose", ...only("vault")], {}, { code: 1 }, /DEPLOYMENT_FAILED/]]);
    refusesWrites = false;
    await runs([[["sync", "--json", "--verbose", ...only("misfit")], {}, { code: 1 }, /SYSTEMIC_REFUSAL/]]);
    await runs([[["sync", "--verbose", ...only("raising")], {}, { code: 1 }, /DATABASE_FAILED/]]);
    await runs([
      [["sync", "--json", "--full", "--verbose", ...only("casting")], {}, { code: 1 }, /DATABASE_FAILED/],
    ]);
    await runs([
      [["status", "--verbose"], {}, {}, /Set aside/],
      [["status", "--json"], {}, {}, /"rejected":\[\{/],
    ]);
  });

  test("where the configuration is wrong, or nobody answers", async () => {
    const sync = ["sync", "--verbose"];
    const given = (DATABASE_URL: string) => ({ DATABASE_URL });
    await runs([
      [sync, given(databaseUrl({ password: WRONG_PASSWORD })), { code: 1 }, /DATABASE_AUTH/],
      [["sync", "--json"], given(databaseUrl({ port: "1" })), { code: 1 }, /DATABASE_UNREACHABLE/],
      [sync, given(databaseUrl({ pathname: "/not_there" })), { code: 1 }, /DATABASE_AUTH/],
      [sync, given(databaseUrl().replace("postgres", "mysql")), { code: 2 }, /CONFIG_INVALID/],
      [sync, given(`psql '${databaseUrl()}'`), { code: 2 }, /CONFIG_INVALID/],
      [["status"], given(`postgres://${role}:${PASSWORD}@localhost/db`), { code: 2 }, /CONFIG_INVALID/],
      [sync, given(`postgres://${role}:${WRONG_PASSWORD}#@localhost/db`), { code: 2 }, /CONFIG_INVALID/],
      [sync, given(`${databaseUrl()}?sslmode=${WRONG_PASSWORD}`), { code: 2 }, /CONFIG_INVALID/],
      [sync, given(`${databaseUrl()}?password=${WRONG_PASSWORD}`), { code: 2 }, /CONFIG_INVALID/],
      [sync, { CONVEX_SYNC_AUTH_KEY: WRONG_KEY }, { code: 1 }, /WRONG_SYNC_KEY/],
      [sync, { CONVEX_URL: `https://user:${WRONG_KEY}@example.com` }, { code: 2 }, /CONFIG_INVALID/],
      [sync, { CONVEX_URL: "http://127.0.0.1:1" }, { code: 1 }, /DEPLOYMENT_UNREACHABLE/],
    ]);
  });

  test("anywhere: on the screen, in the logs, in the reports and the records in Postgres", async () => {
    // A report is JSON, and its messages may quote JSON.
    const escape = (text: string) => JSON.stringify(text).slice(1, -1);
    const forms = (text: string) => [text, escape(text), escape(escape(text)), encodeURIComponent(text)];
    const secrets: Secret[] = [
      ...[SYNC_KEY, PASSWORD, WRONG_PASSWORD, WRONG_KEY].flatMap(forms),
      ...Object.values(COLUMNS).flatMap(({ shown }) => shown),
    ].map((text) => ({ name: text, text }));
    await writeFile(join(cli.folder, "transcript.txt"), cli.transcript.join("\n"));
    expect((await cli.readLogs()).length).toBeGreaterThan(5_000);
    expect(cli.transcript.join("").length).toBeGreaterThan(5_000);
    const [runs] = await database.sql`SELECT count(*)::int AS reports FROM datahub_sync.runs`;
    expect(runs).toEqual({ reports: 6 });
    expect(await findLeaks(cli.folder, database.sql, secrets)).toEqual([]);
  });
});
