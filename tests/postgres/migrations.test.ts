import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SyncError } from "../../src/model/errors.js";
import { packageRoot } from "../../src/package-root.js";
import { applyMigrations, requireMigrations } from "../../src/state/apply-migrations.js";
import { connectTo, createMigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS, createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { MIGRATIONS } from "../support/migration-names.js";

describe.each(ALL_POSTGRES_VERSIONS)("migrations (Postgres %i)", (version) => {
  test("five at once: one applies them, the others wait and find nothing to do", async () => {
    const test = await createTestDatabase({ version });
    const databases = Array.from({ length: 5 }, () => connectTo(test));
    try {
      await expect(requireMigrations(databases[0]!)).rejects.toMatchObject({ code: "MIGRATIONS_MISSING" });
      const applied = await Promise.all(databases.map((database) => applyMigrations(database)));
      const names = (await readdir(join(packageRoot(), "migrations"))).filter((name) =>
        name.endsWith(".sql"),
      );
      expect(applied.map((list) => list.length).sort((a, b) => b - a)).toEqual([names.length, 0, 0, 0, 0]);
      expect(applied.flat()).toEqual(names.sort().map((name) => name.replace(/\.sql$/, "")));
      const [source] = await test.sql`SELECT count(*)::int AS n FROM datahub_sync.source`;
      expect(source).toEqual({ n: 1 });
      await requireMigrations(databases[0]!);
    } finally {
      await Promise.all(databases.map((database) => database.close()));
      await test.drop();
    }
  });

  test("a database that a newer version migrated is refused, and left as it is", async () => {
    const db = await createMigratedDatabase({ version });
    try {
      const journal = () => db.sql`SELECT hash, created_at FROM datahub_sync.migrations ORDER BY id`;
      await db.sql`INSERT INTO datahub_sync.migrations (hash, created_at) VALUES ('of a later version', 9999999999999)`;
      const before = await journal();
      await expect(applyMigrations(db.database)).rejects.toMatchObject({ code: "MIGRATIONS_NEWER" });
      await expect(requireMigrations(db.database)).rejects.toMatchObject({ code: "MIGRATIONS_NEWER" });
      expect(await journal()).toEqual(before);
    } finally {
      await db.drop();
    }
  });

  test("a database that a checkout of before the first release migrated is refused, with the way out", async () => {
    const test = await createTestDatabase({ version });
    const database = connectTo(test);
    try {
      // As much of it as matters: tracking in a column of the table, and records of deletions beside it.
      await test.sql.unsafe(`
        CREATE TABLE things (id int PRIMARY KEY, sync_xid xid8 DEFAULT pg_current_xact_id());
        CREATE SCHEMA datahub_sync;
        CREATE TABLE datahub_sync.migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
        INSERT INTO datahub_sync.migrations (hash, created_at) VALUES ('of that checkout', 1);
        CREATE TABLE datahub_sync.deletions (id bigserial PRIMARY KEY, tracked_id int, kind text, key text);
        CREATE TABLE datahub_sync.tracked_tables (id serial PRIMARY KEY, relation_oid oid);
        INSERT INTO datahub_sync.tracked_tables (relation_oid) VALUES ('things'::regclass);
        CREATE FUNCTION datahub_sync.untrack(relation regclass) RETURNS boolean LANGUAGE plpgsql AS
          $$ BEGIN EXECUTE format('ALTER TABLE %s DROP COLUMN sync_xid', relation); RETURN true; END $$`);
      const journal = () => test.sql`SELECT hash FROM datahub_sync.migrations`;
      const before = await journal();
      const refusals = await Promise.all(
        [applyMigrations(database), requireMigrations(database)].map((refused) =>
          refused.catch((error: unknown) => error),
        ),
      );
      for (const refusal of refusals) {
        expect(refusal).toMatchObject({
          code: "MIGRATIONS_OBSOLETE",
          remedy: expect.stringContaining("untrack") as string,
        });
      }
      expect(await journal()).toEqual(before);

      const statements = /again; the next run compares everything: (.*)$/.exec(
        (refusals[0] as SyncError).remedy,
      );
      await test.sql.unsafe(statements![1]!);
      expect((await applyMigrations(database)).at(0)).toBe("0000_state");
      const columns =
        await test.sql`SELECT attname AS name FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 0 AND NOT attisdropped`;
      expect(columns.map(({ name }) => name as string)).toEqual(["id"]);
    } finally {
      await database.close();
      await test.drop();
    }
  });

  test("a database that lacks the last migration is told from one that has none", async () => {
    const db = await createMigratedDatabase({ version });
    try {
      await db.sql`DELETE FROM datahub_sync.migrations WHERE id = (SELECT max(id) FROM datahub_sync.migrations)`;
      await expect(requireMigrations(db.database)).rejects.toThrow(
        new RegExp(`lacks a migration .* from ${MIGRATIONS.at(-1)}`),
      );
    } finally {
      await db.drop();
    }
  });

  test("the default tables that exist and are ours are tracked; anything else of their names is left alone", async () => {
    const test = await createTestDatabase({ version });
    const database = connectTo(test);
    try {
      await test.sql.unsafe(`
        CREATE TABLE sow_poles (id uuid PRIMARY KEY, sync_timestamp timestamp, updated_at timestamp);
        CREATE TABLE nokia_exports (id uuid);
        CREATE VIEW sow_drops AS SELECT * FROM sow_poles;
        CREATE TABLE other (id int PRIMARY KEY)`);
      await applyMigrations(database);
      const tracked = await test.sql`
        SELECT table_name, ignored_columns, compared_columns, updated_at_mode FROM datahub_sync.tracked_tables`;
      expect(tracked.map((row) => ({ ...row }))).toEqual([
        {
          table_name: "sow_poles",
          ignored_columns: ["sync_timestamp", "updated_at"],
          compared_columns: ["id"],
          updated_at_mode: "as-written",
        },
      ]);
    } finally {
      await database.close();
      await test.drop();
    }
  });
});

describe("drizzle-kit", () => {
  const root = packageRoot();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "migrations-"));
    await cp(join(root, "migrations"), join(folder, "migrations"), { recursive: true });
  });
  afterAll(() => rm(folder, { recursive: true }));

  const generate = async (schema: string) => {
    const config = join(folder, "drizzle.config.ts");
    const settings = { dialect: "postgresql", schema, out: "./migrations", schemaFilter: ["datahub_sync"] };
    await writeFile(config, `export default ${JSON.stringify(settings)};`);
    const kit = join(root, "node_modules", "drizzle-kit", "bin.cjs");
    const { stdout } = await promisify(execFile)(process.execPath, [kit, "generate", "--config", config], {
      cwd: folder,
    });
    return stdout;
  };

  test("finds nothing in drizzle/state.ts that the migrations lack", async () => {
    const before = await readdir(join(folder, "migrations"));
    expect(await generate(join(root, "drizzle", "state.ts"))).toMatch(/No schema changes/);
    expect(await readdir(join(folder, "migrations"))).toEqual(before);
  });

  test("would find it if there were something", async () => {
    const before = await readdir(join(folder, "migrations"));
    await generate(join(root, "tests", "support", "drifted-schema.ts"));
    expect(await readdir(join(folder, "migrations"))).toHaveLength(before.length + 1);
  });
});

describe("the state tables as Drizzle describes them", () => {
  let test_: TestDatabase;
  beforeAll(async () => {
    const db = await createMigratedDatabase();
    test_ = db;
  });
  afterAll(() => test_.drop());

  test("are the ones in the database", async () => {
    const state = await import("../../drizzle/state.js");
    const { getTableConfig, PgTable } = await import("drizzle-orm/pg-core");
    for (const table of Object.values(state)) {
      if (!(table instanceof PgTable)) continue;
      const { name, columns } = getTableConfig(table);
      const found = await test_.sql`
        SELECT attname AS name, attnotnull AS "notNull" FROM pg_attribute
         WHERE attrelid = ${`datahub_sync.${name}`}::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;
      expect(found.map((row) => ({ ...row }))).toEqual(
        columns.map((column) => ({ name: column.name, notNull: column.notNull })),
      );
    }
  });
});
