import { defineSchema, defineTable } from "convex/server";
import { v, type Validator } from "convex/values";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { datahubSyncTables, defineDatahubSync } from "../../convex/datahubSyncPackage.js";
import type { MirrorConfig } from "../../src/config/types.js";
import type { ErrorCode } from "../../src/errors.js";
import type { StatusReport, TableReport } from "../../src/report.js";
import { compareMirror } from "../support/compare-mirror.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture, useMirrors } from "../support/mirror-fixture.js";
import { Writer, type FailedWrite, type WrittenTable } from "../support/writer.js";

const encoder = vi.hoisted(() => ({ newer: 0 }));
vi.mock("../../src/encode/type-table.js", async (original) => {
  const actual = await original<{ ENCODER_VERSION: number }>();
  return {
    ...actual,
    get ENCODER_VERSION() {
      return actual.ENCODER_VERSION + encoder.newer;
    },
  };
});

/** What an owner does to a table's shape while somebody goes on writing to it. */
interface Change {
  does: string;
  /** `$t` stands for the table. By default it has an int key `id`, a text `a` and an int `n`. */
  ddl?: string;
  /** The mirror's configuration, where it is not the table as it is. */
  config?: Partial<MirrorConfig>;
  /** The table and columns that are written to, where it is not `n` of the table by its `id`. */
  writes?: Partial<WrittenTable>;
  /** The change itself: SQL, or another configuration. */
  sql?: string;
  reconfigure?: Partial<MirrorConfig>;
  /** Whether `migrate` is run at once, before any run could have noticed. */
  thenMigrate?: true;
  /** How the next run ends: with an error, or by itself with a comparison or a delta. */
  ends: ErrorCode | "full" | "delta";
  /** What it says: the error's message, or the reason why everything is compared. */
  says?: RegExp;
  /** The remedy is `migrate` wherever the error says so; what else it asks for. */
  remedy?: string | Partial<MirrorConfig>;
  /** SQLSTATEs that the writer has to expect of such a change on any table, tracked or not. */
  ownErrors?: string[];
}

const PLAIN = "CREATE TABLE $t (id int PRIMARY KEY, a text, n int)";
const COLUMNS = /its columns are not those that were tracked/;
const TRIGGERS = /a tracking trigger .* was dropped, disabled or changed/;
const RECREATED = /the table was dropped and created again/;
const SHAPE = /the shape of its documents has changed/;
const ANEW = /the table was tracked anew/;
const REWRITTEN = /the table was rewritten/;
const relation = (name: string) => ({ relation: { schema: "public", name } });

const CHANGES: Change[] = [
  {
    does: "a column added",
    sql: "ALTER TABLE $t ADD COLUMN b int DEFAULT 7",
    ends: "TRACKING_BROKEN",
    says: COLUMNS,
  },
  { does: "a column dropped", sql: "ALTER TABLE $t DROP COLUMN a", ends: "TRACKING_BROKEN", says: COLUMNS },
  { does: "a column renamed", sql: "ALTER TABLE $t RENAME a TO z", ends: "TRACKING_BROKEN", says: COLUMNS },
  {
    does: "a column retyped",
    sql: "ALTER TABLE $t ALTER a TYPE varchar(50) USING a || '!'",
    ends: "TRACKING_BROKEN",
    says: COLUMNS,
  },
  {
    does: "other values in a column, by a change of type to the same one",
    sql: "ALTER TABLE $t ALTER a TYPE text USING a || '!'",
    ends: "full",
    says: REWRITTEN,
  },
  { does: "a table packed by VACUUM FULL", sql: "VACUUM FULL $t", ends: "full", says: REWRITTEN },
  {
    does: "a default, a constraint, an index and a comment",
    sql: `ALTER TABLE $t ALTER a SET DEFAULT 'x'; ALTER TABLE $t ADD CHECK (n > -5);
          CREATE INDEX ON $t (n); COMMENT ON COLUMN $t.a IS 'a comment'`,
    ends: "delta",
  },
  {
    does: "a table dropped and created again",
    sql: `DROP TABLE $t; ${PLAIN}`,
    ends: "TRACKING_BROKEN",
    says: RECREATED,
  },
  {
    does: "a table dropped, created again and tracked before the next run",
    sql: `DROP TABLE $t; ${PLAIN}`,
    thenMigrate: true,
    ends: "full",
    says: ANEW,
  },
  {
    does: "the trigger of changes disabled",
    sql: "ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_stamp",
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "all triggers disabled",
    sql: "ALTER TABLE $t DISABLE TRIGGER ALL",
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "rows written while the triggers were disabled, as pg_restore does",
    sql: `ALTER TABLE $t DISABLE TRIGGER ALL; UPDATE $t SET a = 'unmarked'; DELETE FROM $t WHERE id < 4;
          ALTER TABLE $t ENABLE TRIGGER ALL`,
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "a TRUNCATE while the triggers were disabled",
    sql: `ALTER TABLE $t DISABLE TRIGGER ALL; TRUNCATE $t;
          ALTER TABLE $t ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp, ENABLE ALWAYS TRIGGER zzz_datahub_sync_forget,
                         ENABLE ALWAYS TRIGGER zzz_datahub_sync_truncate`,
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "a trigger dropped",
    sql: "DROP TRIGGER zzz_datahub_sync_forget ON $t",
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "a trigger's function replaced",
    sql: `DO $do$ BEGIN EXECUTE format(
            'CREATE OR REPLACE FUNCTION datahub_sync.stamp_%s() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''',
            (SELECT id FROM datahub_sync.tracked_tables WHERE table_name = '$t')); END $do$`,
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "a trigger's function dropped",
    sql: `DO $do$ BEGIN EXECUTE format('DROP FUNCTION datahub_sync.forget_%s() CASCADE',
            (SELECT id FROM datahub_sync.tracked_tables WHERE table_name = '$t')); END $do$`,
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "the index of changes dropped",
    sql: `DO $do$ BEGIN EXECUTE format('DROP INDEX datahub_sync_changed_%s', '$t'::regclass::oid); END $do$`,
    ends: "delta",
  },
  {
    does: "sync_xid dropped",
    sql: "ALTER TABLE $t DROP COLUMN sync_xid",
    ends: "TRACKING_BROKEN",
    says: COLUMNS,
  },
  {
    does: "writes under session_replication_role = replica",
    sql: `SET session_replication_role = replica; UPDATE $t SET a = 'b' WHERE id < 9; DELETE FROM $t WHERE id = 9;
          INSERT INTO $t (id) VALUES (900); RESET session_replication_role`,
    ends: "delta",
  },
  {
    does: "a TRUNCATE under session_replication_role = replica",
    sql: "SET session_replication_role = replica; TRUNCATE $t; RESET session_replication_role",
    ends: "full",
    says: /truncated|rewritten/,
  },
  {
    does: "rows deleted by a foreign key that cascades",
    ddl: `CREATE TABLE $t_parent (id int PRIMARY KEY); INSERT INTO $t_parent SELECT generate_series(1, 20);
          CREATE TABLE $t (id int PRIMARY KEY, a text, n int, parent int REFERENCES $t_parent ON DELETE CASCADE)`,
    sql: "UPDATE $t SET parent = id WHERE id < 4; DELETE FROM $t_parent WHERE id = 3",
    ends: "delta",
  },
  {
    does: "another column as the primary key",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, n int, other serial)",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (other)",
    ends: "TRACKING_BROKEN",
    says: /tracked by the key id, not by other|columns/,
    ownErrors: ["42P10"],
  },
  {
    does: "the columns of the primary key in another order",
    ddl: "CREATE TABLE $t (id int UNIQUE, b int DEFAULT 1, a text, n int, PRIMARY KEY (id, b))",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (b, id)",
    ends: "TRACKING_BROKEN",
    says: /tracked by the key id, b, not by b, id/,
  },
  {
    does: "a column more in the primary key",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, b int NOT NULL DEFAULT 1, a text, n int)",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (id, b), ADD UNIQUE (id)",
    ends: "TRACKING_BROKEN",
    says: /tracked by the key id, not by id, b/,
  },
  {
    does: "another type for the key",
    sql: "ALTER TABLE $t ALTER id TYPE bigint",
    ends: "TRACKING_BROKEN",
    says: COLUMNS,
  },
  {
    does: "text as the type of the key",
    sql: "ALTER TABLE $t ALTER id TYPE text",
    ends: "TRACKING_BROKEN",
    says: COLUMNS,
  },
  {
    does: "the primary key dropped",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey",
    ends: "NO_KEY",
    says: /has no primary key/,
    remedy:
      "DELETE FROM $t d USING $t e WHERE d.id = e.id AND d.ctid < e.ctid; ALTER TABLE $t ADD PRIMARY KEY (id)",
    ownErrors: ["42P10"],
  },
  {
    does: "a label of an enum renamed",
    ddl: "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, s $t_state DEFAULT 'on', n int)",
    sql: "ALTER TYPE $t_state RENAME VALUE 'on' TO 'lit'",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a label of an enum added",
    ddl: "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, s $t_state DEFAULT 'on', n int)",
    sql: "ALTER TYPE $t_state ADD VALUE 'dim' BEFORE 'off'",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a domain's constraint and default",
    ddl: "CREATE DOMAIN $t_d AS int DEFAULT 1; CREATE TABLE $t (id int PRIMARY KEY, d $t_d, n int)",
    sql: "ALTER DOMAIN $t_d SET DEFAULT 2; ALTER DOMAIN $t_d ADD CHECK (VALUE > 0)",
    ends: "delta",
  },
  {
    does: "a composite type's attribute renamed",
    ddl: "CREATE TYPE $t_c AS (x int, y text); CREATE TABLE $t (id int PRIMARY KEY, c $t_c DEFAULT ROW(1, 'y'), n int)",
    sql: "ALTER TYPE $t_c RENAME ATTRIBUTE y TO z",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "an attribute more in a composite type",
    ddl: "CREATE TYPE $t_c AS (x int, y text); CREATE TABLE $t (id int PRIMARY KEY, c $t_c DEFAULT ROW(1, 'y'), n int)",
    sql: "ALTER TYPE $t_c ADD ATTRIBUTE z int",
    ends: "full",
    says: SHAPE,
    ownErrors: ["42846", "42804", "22P02"],
  },
  {
    does: "an attribute less in a composite type",
    ddl: "CREATE TYPE $t_c AS (x int, y text); CREATE TABLE $t (id int PRIMARY KEY, c $t_c DEFAULT ROW(1, 'y'), n int)",
    sql: "ALTER TYPE $t_c DROP ATTRIBUTE y",
    ends: "full",
    says: SHAPE,
    ownErrors: ["42846", "42804", "22P02"],
  },
  {
    does: "a view that shows another column",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n FROM $t`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE VIEW $t_v AS SELECT id, n, a FROM $t",
    ends: "TRACKING_BROKEN",
    says: /ignores the column a, which is mirrored/,
  },
  {
    does: "a view that no longer shows a column",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n, a FROM $t`,
    config: relation("$t_v"),
    sql: "DROP VIEW $t_v; CREATE VIEW $t_v AS SELECT id, n FROM $t",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a view with another condition",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n FROM $t WHERE id > 0`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE VIEW $t_v AS SELECT id, n FROM $t WHERE id % 2 = 0",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a view with another expression for a column, of the same type",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n * 2 AS twice FROM $t`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE VIEW $t_v AS SELECT id, n * 3 AS twice FROM $t",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "another body for a function that a view calls",
    ddl: `${PLAIN}; CREATE FUNCTION $t_f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
          CREATE VIEW $t_v AS SELECT id, $t_f(n) AS twice FROM $t`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE FUNCTION $t_f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 3'",
    ends: "full",
    says: SHAPE,
  },
  { does: "a column excluded", reconfigure: { exclude: ["a"] }, ends: "full", says: SHAPE },
  {
    does: "a column no longer excluded",
    config: { exclude: ["a"] },
    reconfigure: { exclude: [] },
    ends: "TRACKING_BROKEN",
    says: /ignores the column a, which is mirrored/,
  },
  {
    does: "another encoding for a column",
    reconfigure: { columns: { n: { encoding: "text" } } },
    ends: "full",
    says: SHAPE,
  },
  {
    does: "another field for a column",
    reconfigure: { columns: { a: { field: "shown" } } },
    ends: "full",
    says: SHAPE,
  },
  {
    does: "another key in the configuration",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, n int, other serial UNIQUE)",
    reconfigure: { key: ["other"] },
    ends: "TRACKING_BROKEN",
    says: /tracked by the key id, not by other/,
  },
  {
    does: "another expression for a generated column",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, n int, g int GENERATED ALWAYS AS (id * 2) STORED)",
    sql: "ALTER TABLE $t DROP COLUMN g; ALTER TABLE $t ADD COLUMN g int GENERATED ALWAYS AS (id * 3) STORED",
    ends: "TRACKING_BROKEN",
    says: COLUMNS,
  },
  {
    does: "a partition attached, with rows in it",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int) PARTITION BY RANGE (id);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (5000)`,
    sql: `CREATE TABLE $t_2 (LIKE $t); INSERT INTO $t_2 (id, n) VALUES (5001, 1), (5002, 2);
          ALTER TABLE $t ATTACH PARTITION $t_2 FOR VALUES FROM (5000) TO (9000)`,
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "a partition detached, written and attached again",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int) PARTITION BY RANGE (id);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (10) TO (5000);
          CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (0) TO (10)`,
    sql: `ALTER TABLE $t DETACH PARTITION $t_2; UPDATE $t_2 SET a = 'unmarked';
          ALTER TABLE $t ATTACH PARTITION $t_2 FOR VALUES FROM (0) TO (10)`,
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "a partition dropped",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int) PARTITION BY RANGE (id);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (1) TO (5000);
          CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (0) TO (1); INSERT INTO $t VALUES (0)`,
    sql: "DROP TABLE $t_2",
    ends: "TRACKING_BROKEN",
    says: TRIGGERS,
  },
  {
    does: "another table that inherits from it",
    sql: "CREATE TABLE $t_child () INHERITS ($t); INSERT INTO $t_child (id) VALUES (7000)",
    ends: "RELATION_UNSUPPORTED",
    says: /Other tables inherit from/,
    remedy: "DROP TABLE $t_child",
  },
  {
    does: "a table renamed",
    sql: "ALTER TABLE $t RENAME TO $t_renamed",
    ends: "RELATION_MISSING",
    says: /does not exist/,
    remedy: relation("$t_renamed"),
    ownErrors: ["42P01"],
  },
  {
    does: "a table moved to another schema",
    sql: "CREATE SCHEMA $t_s; ALTER TABLE $t SET SCHEMA $t_s",
    ends: "RELATION_MISSING",
    says: /does not exist/,
    remedy: "ALTER TABLE $t_s.$t SET SCHEMA public",
    ownErrors: ["42P01"],
  },
  {
    does: "a table swapped for another",
    ddl: `${PLAIN}; CREATE TABLE $t_c (LIKE $t INCLUDING ALL); INSERT INTO $t_c (id, a) SELECT n, 'of c' FROM generate_series(3, 24) n`,
    sql: "ALTER TABLE $t RENAME TO $t_b; ALTER TABLE $t_c RENAME TO $t",
    ends: "TRACKING_BROKEN",
    says: RECREATED,
  },
  {
    does: "a table without a log, whose rows a crash would take away unnoticed",
    sql: "ALTER TABLE $t SET UNLOGGED",
    ends: "full",
    says: /unlogged/,
    remedy: "ALTER TABLE $t SET LOGGED",
  },
];

describe("a change of the source's shape while somebody writes", () => {
  let db: MigratedDatabase;
  let mirror: MirrorFixture;
  let failures: readonly FailedWrite[];
  const runs: Record<"changed" | "mended" | "settled" | "quiet", TableReport[]> = {
    ...{ changed: [], mended: [], settled: [], quiet: [] },
  };
  let statusWhenChanged: StatusReport;
  let statusAtEnd: StatusReport;
  const documentsBefore: unknown[] = [];
  const documentsAfter: unknown[] = [];

  const nameOf = (index: number) => `shape_${index}`;
  const fill = (text: string, index: number) => text.replaceAll("$t", nameOf(index));
  const run = (text: string, index: number) => db.sql.unsafe(fill(text, index));
  function configure(index: number, change: Partial<MirrorConfig>): void {
    const { relation: moved, ...rest } = change;
    const old = mirror.config.mirrors[index]!;
    const relation = moved ? { ...moved, name: fill(moved.name, index) } : old.relation;
    mirror.config.mirrors[index] = { ...old, ...rest, relation };
  }
  const documentsOf = (index: number) =>
    mirror.documents(nameOf(index)).sort((a, b) => (a._id < b._id ? -1 : 1));

  beforeAll(async () => {
    db = await createMigratedDatabase();
    for (const [index, { ddl = PLAIN, writes }] of CHANGES.entries()) {
      await run(ddl, index);
      await run(
        `INSERT INTO ${writes?.name ?? "$t"} (id, n) SELECT n, n FROM generate_series(1, 20) n`,
        index,
      );
    }
    mirror = await MirrorFixture.create(db, "shape", {
      ddl: "SELECT 1",
      mirrors: CHANGES.map((_, index) => ({ relation: nameOf(index) })),
    });
    for (const [index, { config }] of CHANGES.entries()) if (config) configure(index, config);
    await mirror.migrate();
    await mirror.sync();

    const written = CHANGES.map(({ writes }, index): WrittenTable => {
      const { name = "$t", key = "id", value = "n" } = writes ?? {};
      return { name: fill(name, index), key, value };
    });
    const writer = new Writer(db.url, written);
    failures = writer.failures;
    try {
      await writer.round();
      for (const [index, { sql, reconfigure }] of CHANGES.entries()) {
        if (sql !== undefined) await owner(sql, index);
        if (reconfigure) configure(index, reconfigure);
      }
      await writer.round();
      for (const [index, { thenMigrate }] of CHANGES.entries()) if (thenMigrate) await migrateAlone(index);
      for (const index of CHANGES.keys()) documentsBefore.push(documentsOf(index));
      runs.changed = (await mirror.runSync("delta", { allowDeletes: true })).tables;
      for (const index of CHANGES.keys()) documentsAfter.push(documentsOf(index));
      statusWhenChanged = await mirror.status();
      for (const [index, { remedy }] of CHANGES.entries()) {
        if (typeof remedy === "string") await owner(remedy, index);
        else if (remedy) configure(index, remedy);
      }
      await mirror.migrate();
      runs.mended = (await mirror.runSync("delta", { allowDeletes: true })).tables;
      await writer.round();
    } finally {
      await writer.stop();
    }
    runs.settled = (await mirror.runSync("delta", { allowDeletes: true })).tables;
    runs.quiet = (await mirror.runSync()).tables;
    statusAtEnd = await mirror.status();
  }, 240_000);
  afterAll(async () => {
    await mirror.close();
    await db.drop();
  });

  /** In one transaction, as a careful owner does it, where Postgres lets it be one. */
  async function owner(sql: string, index: number): Promise<void> {
    await run(sql, index);
  }

  async function migrateAlone(index: number): Promise<void> {
    await db.sql`SELECT datahub_sync.track(${nameOf(index)}::text::regclass)`;
  }

  const cases = CHANGES.map((change, index) => ({ ...change, index }));

  test.each(cases)("$does: no write fails because of tracking", ({ index, ownErrors = [] }) => {
    const ofTable = failures.filter(({ table }) => table === nameOf(index));
    expect(ofTable.filter(({ ofTracking }) => ofTracking)).toEqual([]);
    expect(ofTable.filter(({ code }) => !ownErrors.includes(code))).toEqual([]);
  });

  test.each(cases)(
    "$does: is noticed before a row moves, and said with the remedy",
    ({ index, ends, says }) => {
      const report = runs.changed[index]!;
      if (ends === "delta") {
        expect(report).toMatchObject({ outcome: "done", mode: "delta", notices: [] });
      } else if (ends === "full") {
        expect(report).toMatchObject({ outcome: "done", mode: "full" });
        expect(report.notices).toEqual([
          { code: "BECAME_FULL", message: expect.stringMatching(says!) as string },
        ]);
      } else {
        expect(report).toMatchObject({ outcome: "failed", read: 0, calls: 0, error: { code: ends } });
        expect(report.error!.message).toMatch(says!);
        expect(report.error!.remedy).not.toBe("");
        expect(documentsAfter[index]).toEqual(documentsBefore[index]);
        expect(statusWhenChanged.tables[index]!.problem).toBe(
          `${report.error!.message} ${report.error!.remedy}`,
        );
      }
    },
  );

  test("an index that was dropped is reported, and made again", () => {
    expect(statusWhenChanged.notices).toEqual([
      {
        code: "INDEX_MISSING",
        message: expect.stringMatching(/`datahub-sync migrate` makes it again/) as string,
      },
    ]);
    expect(statusAtEnd.notices).toEqual([]);
  });

  test.each(cases)("$does: the remedy works, and nothing is missed", async ({ index, ends }) => {
    expect(runs.mended[index]!.error).toBeUndefined();
    if (ends === "TRACKING_BROKEN") expect(runs.mended[index]!.mode).toBe("full");
    if (ends === "delta") expect(runs.mended[index]!.mode).toBe("delta");
    expect(runs.settled[index]).toMatchObject({ outcome: "done", mode: "delta" });
    await compareMirror(db.sql, mirror.deployment, mirror.config.mirrors[index]!);
    expect(runs.quiet[index]).toMatchObject({ outcome: "done", mode: "delta", read: 0, deleted: 0 });
    expect(statusAtEnd.tables[index]).toMatchObject({ tracking: "intact", problem: null });
  });

  test("a newer version of the encoder makes every table's next run full", async () => {
    encoder.newer = 1;
    try {
      for (const report of (await mirror.runSync()).tables) {
        expect(report).toMatchObject({ outcome: "done", mode: "full", deleted: 0 });
        expect(report.notices).toEqual([
          { code: "BECAME_FULL", message: expect.stringMatching(SHAPE) as string },
        ]);
      }
    } finally {
      encoder.newer = 0;
    }
  });
});

describe("what would go unmarked is not mirrored as if it were not", () => {
  const open = useMirrors();

  test.each([
    ["a sub-select", "SELECT id, n FROM $t WHERE n = (SELECT max(n) FROM $t)"],
    [
      "a sub-select for a column",
      "SELECT id, (SELECT count(*) FROM $t x WHERE x.n = $t.n) AS like_it FROM $t",
    ],
    ["a sub-select in a view below", "SELECT * FROM $t_below"],
  ])("a view with %s over its own base is refused: a change of one row changes others", async (_, query) => {
    const mirror = await open({
      ddl: `${PLAIN}; CREATE VIEW $t_below AS SELECT id, n FROM $t WHERE id IN (SELECT max(id) FROM $t GROUP BY n);
            CREATE VIEW $t_v AS ${query}`,
    });
    mirror.config.mirrors[0]!.relation.name = `${mirror.table}_v`;
    expect((await mirror.runSync()).tables[0]!.error).toMatchObject({ code: "RELATION_UNSUPPORTED" });
  });

  test.each([
    ["the time", "SELECT id FROM $t WHERE at > now() - interval '1 hour'"],
    ["the day", "SELECT id FROM $t WHERE at > current_date"],
    ["who asks", "SELECT id, $t_who() AS who FROM $t"],
  ])("a view that depends on %s is compared by each run", async (_, query) => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, at timestamptz);
            CREATE FUNCTION $t_who() RETURNS text STABLE LANGUAGE sql AS 'SELECT user::text';
            CREATE VIEW $t_v AS ${query};
            INSERT INTO $t VALUES (1, now() + interval '2 days')`,
      mirrors: [{ relation: "$t_v" }],
    });
    await mirror.sync();
    for (let run = 0; run < 2; run++) {
      const report = await mirror.sync();
      expect(report).toMatchObject({ mode: "full", read: 0 });
      expect(report.notices).toEqual([
        { code: "BECAME_FULL", message: expect.stringMatching(/answer by more than the row/) as string },
      ]);
    }
  });

  test("a view that calls only what its arguments decide is read by what changed", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, at timestamptz);
            CREATE VIEW $t_v AS SELECT id, upper(id::text) || to_char(at, 'YYYY') AS shown FROM $t WHERE at::date > '2020-01-01'`,
      mirrors: [{ relation: "$t_v" }],
    });
    await mirror.sync();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", notices: [] });
  });

  test("an array as a key is refused, before a row moves", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.sync();
    await mirror.run("DROP TABLE $t; CREATE TABLE $t (id int[] PRIMARY KEY, a text)");
    const { error } = (await mirror.runSync()).tables[0]!;
    expect(error).toMatchObject({
      code: "NO_KEY",
      message: `The key column id of ${mirror.table} is an array.`,
    });
    await mirror.run("ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD COLUMN key int PRIMARY KEY");
    await mirror.migrate();
    await mirror.sync();
  });

  test("a second migrate changes nothing: no table is compared for it", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.run("INSERT INTO $t VALUES (1)");
    await mirror.sync();
    await mirror.migrate();
    await mirror.migrate();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", notices: [] });
  });
});

describe("a deployed schema that lags behind", () => {
  const open = useMirrors();
  const tables = (name: string, fields: Record<string, Validator<unknown, "optional", string>>) => ({
    [name]: defineTable({ id: v.optional(v.union(v.null(), v.number())), ...fields }),
  });

  test("is noticed before a row moves, said with the field to add, and nothing is missed once it is there", async () => {
    const deployed = { a: v.optional(v.union(v.null(), v.string())) };
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
      schema: (name) => tables(name, deployed),
    });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 5) n");
    await mirror.sync();
    const writer = new Writer(mirror.db.url, [{ name: mirror.table, key: "id", value: "a" }]);
    try {
      await writer.round();
      await mirror.run("ALTER TABLE $t ADD COLUMN b text DEFAULT 'b', ADD COLUMN c int");
      await mirror.migrate();
      const before = mirror.documents();
      const report = (await mirror.runSync()).tables[0]!;
      expect(report).toMatchObject({ outcome: "failed", read: 0, calls: 0 });
      expect(report.error).toMatchObject({
        code: "SCHEMA_LAGS",
        message: `The deployed schema of ${mirror.table} lacks b, c.`,
        remedy: expect.stringContaining("{ b: mirrored(v.string()), c: mirrored(v.number()) }") as string,
      });
      expect(mirror.documents()).toEqual(before);
      const mended = tables(mirror.table, {
        ...deployed,
        b: v.optional(v.union(v.null(), v.string())),
        c: v.optional(v.union(v.null(), v.number())),
      });
      mirror.deployment.deploy({
        schema: defineSchema({ ...datahubSyncTables, ...mended }),
        modules: { datahubSync: defineDatahubSync({ tables: mended }) },
      });
      expect(await mirror.sync()).toMatchObject({ mode: "full" });
      await writer.round();
    } finally {
      await writer.stop();
    }
    expect(writer.failures).toEqual([]);
    await mirror.sync();
    await mirror.compare();
  });
});
