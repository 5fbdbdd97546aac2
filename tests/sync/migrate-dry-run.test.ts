import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderMigrationPlan } from "../../src/cli/render/migration-plan.js";
import { createPaint } from "../../src/cli/render/paint.js";
import type { MirrorConfig, SourceConfig } from "../../src/model/config.js";
import { migrate } from "../../src/commands/migrate.js";
import { planMigration } from "../../src/commands/plan-migration.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { mirrorConfig } from "../support/open-reader.js";
import { planThenMigrate } from "../support/plan-then-migrate.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { asRunner } from "../support/runner-role.js";

const open = useMirrors();

const SOURCE = `
  CREATE TABLE sow_poles (id uuid PRIMARY KEY, a text, updated_at timestamptz, sync_timestamp timestamptz);
  CREATE TABLE "Odd 'name'" (b text NOT NULL, "a\\b" text NOT NULL, c int, g text GENERATED ALWAYS AS (b || c::text) STORED);
  CREATE UNIQUE INDEX ON "Odd 'name'" ("a\\b", b) INCLUDE (c);
  CREATE TABLE parts (id int PRIMARY KEY, v text, hidden text) PARTITION BY RANGE (id);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (1000);
  CREATE VIEW shown AS SELECT id, upper(v) AS v FROM parts WHERE hidden IS NULL;
  CREATE TABLE keyless (a text);`;

const MIRRORS: MirrorConfig[] = [
  mirrorConfig("sow_poles", { updatedAt: "content", ignore: ["sync_timestamp"] }),
  mirrorConfig("Odd 'name'", { name: "odd", key: ["b", "a\\b"] }),
  mirrorConfig("shown", {}),
  mirrorConfig("keyless", {}),
  mirrorConfig("absent", {}),
];

describe("migrate --dry-run on a database without the schema datahub_sync", () => {
  let db: TestDatabase;
  let other: TestDatabase;
  beforeAll(async () => {
    [db, other] = [await createTestDatabase(), await createTestDatabase()];
    for (const { sql } of [db, other]) await sql.unsafe(SOURCE);
  });
  afterAll(async () => {
    await db.drop();
    await other.drop();
  });

  /** Without connecting to anything but that database. */
  async function configFor(database: TestDatabase): Promise<SourceConfig> {
    const fixture = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY)" });
    const { config } = fixture.withDatabase(database as MirrorFixture["db"]);
    return { ...config, mirrors: MIRRORS, allMirrors: MIRRORS, target: "https://one.example" };
  }

  test("prints what migrate then runs, errors of tables included, and writes nothing", async () => {
    const { plan } = await planThenMigrate(db, await configFor(db));
    expect(plan.tables.map(({ outcome, error }) => error?.code ?? outcome)).toEqual([
      "tracked",
      "tracked",
      "tracked",
      "NO_KEY",
      "RELATION_MISSING",
    ]);
    expect(plan.effects.map(({ code }) => code)).toEqual([
      "SCHEMA_CREATED",
      "UPDATED_AT_FOLLOWS_CONTENT",
      "TABLES_TRACKED",
    ]);
  });

  test("what it prints is a script that does the same", async () => {
    const config = await configFor(other);
    const plan = await planMigration({ config, clock: hurriedClock });
    const session = await other.sql.reserve();
    await session.unsafe(renderMigrationPlan(plan, createPaint(false)));
    session.release();
    const report = await migrate({ config, clock: hurriedClock });
    expect(report.applied).toEqual([]);
    expect(report.tables.slice(0, 3).map(({ outcome }) => outcome)).toEqual(Array(3).fill("already-tracked"));
  });
});

describe("migrate --dry-run on a database that is migrated", () => {
  const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text, b text, updated_at timestamptz DEFAULT now())";

  type Change = Partial<Omit<MirrorConfig, "relation">>;

  async function loaded(mirror: Change = {}): Promise<MirrorFixture> {
    const fixture = await open({ ddl: DDL, mirrors: [{ relation: "$t", ...mirror }] });
    await fixture.run("INSERT INTO $t (id, a, b) SELECT n, 'a', 'b' FROM generate_series(1, 5) n");
    await fixture.sync();
    return fixture;
  }
  const configure = (fixture: MirrorFixture, change: Partial<MirrorConfig>) =>
    Object.assign(fixture.config.mirrors[0]!, change);

  test("says that nothing is to be done, and no more", async () => {
    const fixture = await loaded();
    const { plan } = await planThenMigrate(fixture.db, fixture.config);
    expect(plan).toMatchObject({ ok: true, pending: [], effects: [], statements: [{ changes: false }] });
    expect(renderMigrationPlan(plan, createPaint(false))).toMatch(
      /^-- Dry run: .* the table is tracked as configured\.$/,
    );
  });

  test.each<{
    what: string;
    sql?: string;
    change?: Change;
    from?: Change;
    codes: string[];
  }>([
    {
      what: "a column that is no longer mirrored",
      change: { exclude: ["b"] },
      codes: ["TRIGGERS_REPLACED", "COLUMNS_UNWATCHED", "NEXT_RUN_COMPARES"],
    },
    {
      what: "a column that is mirrored now",
      from: { ignore: ["b"] },
      change: { ignore: [] },
      codes: ["TRIGGERS_REPLACED", "COLUMNS_WATCHED", "NEXT_RUN_COMPARES"],
    },
    {
      what: "updated_at that follows the content",
      change: { updatedAt: "content" },
      codes: ["UPDATED_AT_FOLLOWS_CONTENT", "TRIGGERS_REPLACED", "NEXT_RUN_COMPARES"],
    },
    {
      what: "updated_at as it is written",
      from: { updatedAt: "content" },
      change: { updatedAt: "as-written" },
      codes: ["TRIGGERS_REPLACED", "UPDATED_AT_AS_WRITTEN", "NEXT_RUN_COMPARES"],
    },
    {
      what: "a field of another name, for which no trigger changes",
      change: { columns: { a: { field: "other" } } },
      codes: ["NEXT_RUN_COMPARES"],
    },
    {
      what: "triggers that were disabled",
      sql: "ALTER TABLE $t DISABLE TRIGGER USER",
      codes: ["TRIGGERS_REPLACED", "NEXT_RUN_COMPARES"],
    },
    {
      what: "a column added and mirrored",
      sql: "ALTER TABLE $t ADD c text",
      codes: ["TRIGGERS_REPLACED", "COLUMNS_WATCHED", "NEXT_RUN_COMPARES"],
    },
    {
      what: "a table dropped and created again",
      sql: `UPDATE $t SET a = 'logged'; DROP TABLE $t; ${DDL}`,
      codes: ["TABLES_TRACKED", "NEXT_RUN_COMPARES", "DROPPED_TABLE_FORGOTTEN"],
    },
  ])("$what", async ({ sql, from, change, codes }) => {
    const fixture = await loaded(from);
    if (sql !== undefined) await fixture.run(sql);
    configure(fixture, change ?? {});
    const { plan } = await planThenMigrate(fixture.db, fixture.config);
    expect(plan.effects.map(({ code }) => code)).toEqual(codes);
    // It is so.
    expect(await fixture.sync()).toMatchObject({ mode: "full" });
  });

  test("what it means for other deployments, and for tables that are mirrored no more", async () => {
    const fixture = await loaded();
    const other = { ...fixture.config, target: "https://other.example" };
    const narrower = fixture.config.mirrors.map((mirror) => ({ ...mirror, exclude: ["a"] }));
    await planThenMigrate(fixture.db, { ...other, mirrors: narrower, allMirrors: narrower });
    // The other deployment goes on to need the column that this one leaves.
    const { plan } = await planThenMigrate(fixture.db, { ...other, mirrors: [], allMirrors: [] });
    expect(plan.effects).toMatchObject([{ code: "STILL_TRACKED" }]);
    await fixture.run("ALTER TABLE $t ADD c text");
    const wide = await planThenMigrate(fixture.db, other);
    expect(wide.plan.effects).toContainEqual({
      code: "NEXT_RUN_COMPARES",
      message: `The next run of ${fixture.table} of ${fixture.config.target} compares everything: its table is tracked anew.`,
    });
  });

  test("a role that does not own the table is told so beforehand", async () => {
    const fixture = await loaded();
    const { runner, role } = await asRunner(fixture);
    await fixture.run(`SELECT datahub_sync.grant_runner('${role}')`);
    const plan = await planMigration({ config: runner.config, clock: hurriedClock });
    expect(plan).toMatchObject({
      ok: false,
      exitCode: 1,
      statements: [],
      tables: [{ error: { code: "PERMISSION_DENIED" } }],
    });
    const { tables } = await migrate({ config: runner.config, clock: hurriedClock });
    expect(tables).toMatchObject([{ outcome: "failed", error: { code: "PERMISSION_DENIED" } }]);
  });
});
