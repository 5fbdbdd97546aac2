import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { findCandidates } from "../../src/commands/init/find-candidates.js";
import { planFiles } from "../../src/commands/init/plan-files.js";
import { loadConfig } from "../../src/config/load-config.js";
import { SyncError } from "../../src/model/errors.js";
import { quoteIdentifier } from "../../src/postgres/identifier.js";
import { createTestDatabase } from "../support/postgres.js";
import { hurriedClock, sourceConfig } from "../support/mirror-fixture.js";
import { makeTemporaryFolder } from "../support/temporary-folder.js";

async function openDatabase(ddl: string) {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await database.sql.unsafe(ddl);
  const look = (keys: Record<string, string[]> = {}) =>
    findCandidates({
      config: sourceConfig(database.url),
      keys: new Map(Object.entries(keys)),
      clock: hurriedClock,
      signal: new AbortController().signal,
    });
  return { ...database, look };
}

test("finds keys, says why not, and proposes by what is there", async () => {
  const { look } = await openDatabase(`
    CREATE TABLE plain (id int PRIMARY KEY, email text, api_key text, synced_at timestamptz, updated_at timestamptz);
    CREATE TABLE unique_key (a int NOT NULL, b int NOT NULL, c int UNIQUE, UNIQUE (a, b));
    CREATE TABLE no_key (a int UNIQUE);
    CREATE TABLE wide (id int PRIMARY KEY, body text); INSERT INTO wide SELECT 1, string_agg(md5(n::text), '') FROM generate_series(1, 20000) n;
    CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM plain; CREATE UNIQUE INDEX ON counted (n);
    CREATE TABLE schema_migrations (version text PRIMARY KEY);
    CREATE SCHEMA other; CREATE TABLE other.plain (id int PRIMARY KEY);`);
  const candidates = await look();
  const summary = candidates.map(({ listed, config, resolved, isToolsOwn }) => [
    `${listed.schema}.${listed.name}`,
    config.name,
    resolved instanceof SyncError ? resolved.code : resolved.keyColumns.join(),
    isToolsOwn,
  ]);
  expect(summary).toEqual([
    ["other.plain", "other_plain", "id", false],
    ["public.counted", "counted", "n", false],
    ["public.no_key", "no_key", "NO_KEY", false],
    ["public.parts", "parts", "id", false],
    ["public.plain", "plain", "id", false],
    ["public.schema_migrations", "schema_migrations", "version", true],
    ["public.unique_key", "unique_key", "a,b", false],
    ["public.wide", "wide", "id", false],
  ]);
  const of = (name: string) => candidates.find(({ config }) => config.name === name)!;
  expect(of("plain").config).toMatchObject({ ignore: ["synced_at"], exclude: ["api_key"] });
  expect(of("plain").proposal.remarks.join("\n")).toMatch(/may be personal: email\..*\n.*as-written/s);
  expect(of("wide").proposal.remarks.join()).toMatch(/has rows of \d+ KiB/);
  expect(of("other_plain").proposal.remarks).toEqual([]);
});

test("what is written names the same relations and mirrors, whatever they are called", async () => {
  const part = fc.oneof(
    fc.constantFrom("Orders", 'a "b"', "x.y", "größe", "1st", "select", "emoji 😀", "$t", "a-b", "x__1"),
    fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
      .filter((text) => !/[\0]/.test(text) && Buffer.byteLength(text) < 60),
  );
  const names = fc.sample(part, { numRuns: 25, seed: 7 });
  const tables = [...new Set(names)].map(
    (name) => `CREATE TABLE ${quoteIdentifier(name)} (${quoteIdentifier(name)} int PRIMARY KEY, v text);`,
  );
  const { look, url } = await openDatabase(tables.join("\n"));
  const chosen = await look();
  expect(chosen).toHaveLength(tables.length);
  const cwd = makeTemporaryFolder();
  const [config] = await planFiles({ cwd, home: "clone", chosen });
  await writeFile(join(cwd, "datahub-sync.config.json"), config!.action === "create" ? config!.text : "");
  const environment = { DATABASE_URL: url };
  const loaded = await loadConfig(
    { cwd, environment, envFile: null, flags: {}, tables: [], allowDeletes: [] },
    "source",
  );
  expect(loaded.config.mirrors.map(({ relation, name }) => ({ relation, name }))).toEqual(
    chosen.map(({ config: of }) => ({ relation: of.relation, name: of.name })),
  );
});
