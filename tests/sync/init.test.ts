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
  /** @param meanwhile done between the two looks, where it watches */
  const look = (meanwhile: (() => Promise<unknown>) | null = null) =>
    findCandidates({
      config: sourceConfig(database.url),
      keys: new Map(),
      watchSeconds: meanwhile === null ? null : 600,
      clock: {
        ...hurriedClock,
        sleep: async (ms, signal) => {
          if (ms !== 600_000) return hurriedClock.sleep(ms, signal);
          await meanwhile!();
        },
      },
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

test("what a job only touches is proposed once it was watched, and what it changes is not", async () => {
  const { look, sql } = await openDatabase(`
    CREATE TABLE prices (region text, no int, price int, stock int, as_of date, touched timestamptz, updated_at timestamptz, note jsonb, PRIMARY KEY (no, region));
    INSERT INTO prices SELECT 'süd "1"', n, 1, 1, '2026-01-01', now(), now(), '{"a": 1}' FROM generate_series(1, 300) n;
    CREATE TABLE large (id int PRIMARY KEY, seen timestamptz); INSERT INTO large SELECT n FROM generate_series(1, 40000) n; ANALYZE large;
    CREATE TABLE still (id uuid PRIMARY KEY, at timestamptz); INSERT INTO still SELECT gen_random_uuid(), now() FROM generate_series(1, 5);
    CREATE VIEW old AS SELECT * FROM still;
    CREATE TABLE none (id int PRIMARY KEY);`);
  const candidates = await look(async () => {
    await sql`UPDATE prices SET touched = now() + interval '1 s', updated_at = now() + interval '1 s'`;
    await sql`UPDATE prices SET price = 2, note = '{"a": 2}', as_of = '2026-01-02' WHERE no <= 30`;
    await sql`DELETE FROM prices WHERE no > 290`;
    await sql`UPDATE large SET seen = now()`;
  });
  const of = (name: string) => candidates.find(({ config }) => config.name === name)!.proposal;
  expect(of("prices").ignore).toEqual(["touched"]);
  expect(of("prices").remarks).toContain(
    "of 290 rows that were watched 290 changed: touched in 290, updated_at in 290, price in 30, as_of in 30, note in 30",
  );
  expect(of("large")).toMatchObject({ ignore: ["seen"] });
  expect(of("large").remarks.join()).toMatch(/of 500 rows that were watched 500 changed: seen in 500/);
  expect(of("still")).toMatchObject({ ignore: [], remarks: ["of 5 rows that were watched none changed"] });
  expect(of("none").remarks).toEqual(["of 0 rows that were watched none changed"]);
  expect(of("old").remarks).toEqual([]);
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
