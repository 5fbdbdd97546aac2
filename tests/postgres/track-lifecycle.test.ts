import { describe, expect, test } from "vitest";
import { toSyncError } from "../../src/postgres/database-error.js";
import { readTracking, trackTable, untrackTable } from "../../src/source/tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track, untrack } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("track and untrack (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;

  async function generation(of = "$t"): Promise<number> {
    const [row] = await run(`SELECT generation FROM datahub_sync.tracked_tables WHERE table_name = '${of}'`);
    return row!["generation"] as number;
  }

  async function base(of = "$t"): Promise<{ schema: string; name: string; oid: string }> {
    const [row] = await run(`SELECT '${of}'::regclass::oid::text AS oid`);
    return { schema: "public", name: table.named(of), oid: row!["oid"] as string };
  }

  /** Everything that the catalog says of a table, in the words of Postgres, without what a drop leaves unused. */
  async function describeTable(of = "$t"): Promise<unknown> {
    return run(`
      WITH parts AS (SELECT '${of}'::regclass::oid AS oid UNION SELECT relid FROM pg_partition_tree('${of}'))
      SELECT c.relname, c.relacl::text, c.reloptions::text, c.relhastriggers AND EXISTS (
               SELECT FROM pg_trigger WHERE tgrelid = c.oid) AS has_triggers,
             (SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
                       attgenerated, attidentity, pg_get_expr(adbin, adrelid)) ORDER BY attnum)
                FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
             (SELECT json_agg(pg_get_indexdef(indexrelid) ORDER BY 1) FROM pg_index WHERE indrelid = c.oid) AS indexes,
             (SELECT json_agg(pg_get_triggerdef(oid) || tgenabled::text ORDER BY tgname) FROM pg_trigger
               WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers,
             (SELECT json_agg(pg_get_constraintdef(oid) ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid) AS constraints
        FROM pg_class c JOIN parts ON parts.oid = c.oid ORDER BY c.relname`);
  }

  describe("untrack restores what was there:", () => {
    test.each([
      ["a table without updated_at", "CREATE TABLE $t (id uuid PRIMARY KEY, a text NOT NULL DEFAULT 'x')"],
      [
        "a table with updated_at",
        "CREATE TABLE $t (id serial PRIMARY KEY, updated_at timestamp DEFAULT now())",
      ],
      [
        "a table with indexes, triggers and a key of several columns",
        `CREATE TABLE $t (p text, q int, b jsonb, g int GENERATED ALWAYS AS (q + 1) STORED, PRIMARY KEY (p, q));
         CREATE INDEX $t_b ON $t USING gin (b);
         CREATE FUNCTION $t_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER own BEFORE UPDATE ON $t FOR EACH ROW EXECUTE FUNCTION $t_f();
         GRANT SELECT ON $t TO PUBLIC`,
      ],
      [
        "a partitioned table",
        `CREATE TABLE $t (region text, id int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
         CREATE TABLE $t_n PARTITION OF $t FOR VALUES IN ('n');
         CREATE TABLE $t_s PARTITION OF $t FOR VALUES IN ('s')`,
      ],
    ])("%s", async (_, ddl) => {
      await run(ddl);
      const before = await describeTable();
      await table.track();
      expect(await describeTable()).not.toEqual(before);
      expect(await untrack(table.sql, table.name)).toBe(true);
      expect(await describeTable()).toEqual(before);
      expect(await untrack(table.sql, table.name)).toBe(false);
      const left = await run(`SELECT proname FROM pg_proc WHERE pronamespace = 'datahub_sync'::regnamespace
                                   AND proname ~ '^(stamp|forget)_[0-9]+$'`);
      expect(left).toEqual([]);
    });

    test("also from a partition that was detached meanwhile", async () => {
      await run("CREATE TABLE $t (id int PRIMARY KEY) PARTITION BY RANGE (id)");
      await run("CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (10)");
      await table.track();
      await run("ALTER TABLE $t DETACH PARTITION $t_1");
      await untrack(table.sql, table.name);
      expect(await run("SELECT tgname FROM pg_trigger WHERE tgrelid = '$t_1'::regclass")).toEqual([]);
    });
  });

  test("tracking does not rewrite the table", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text)");
    await run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 100) n");
    const rows =
      "SELECT pg_relation_filenode('$t') AS file, array_agg(ctid::text ORDER BY id) AS places FROM $t";
    const before = await run(rows);
    await table.track();
    expect(await run(rows)).toEqual(before);
    const marks = await run("SELECT count(*)::int AS n, count(DISTINCT sync_xid)::int AS xids FROM $t");
    expect(marks).toEqual([{ n: 100, xids: 1 }]);
  });

  test("repeated, it changes nothing and takes no lock", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text, sync_timestamp timestamp)");
    const id = await table.track({ ignored: ["sync_timestamp", "no such column"] });
    const before = await describeTable();
    await table.sql.begin(async (holder) => {
      await run("LOCK TABLE $t IN ACCESS SHARE MODE", holder);
      await table.sql.begin(async (tx) => {
        await run("SET LOCAL lock_timeout = '100ms'", tx);
        expect(await track(tx, table.name, { ignored: ["no such column", "sync_timestamp"] })).toBe(id);
        const locks = await run(
          `SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = '$t'::regclass
                                       AND mode <> 'AccessShareLock'`,
          tx,
        );
        expect(locks).toHaveLength(0);
      });
    });
    expect(await generation()).toBe(1);
    expect(await describeTable()).toEqual(before);
  });

  test("whatever it has to do raises the generation, which makes the next run full", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, other int NOT NULL UNIQUE, a text)");
    const id = await table.track();
    await run("ALTER TABLE $t ADD COLUMN b text");
    expect(await table.track()).toBe(id);
    expect(await generation()).toBe(2);
    expect(await table.track({ ignored: ["b"] })).toBe(id);
    expect(await generation()).toBe(3);
    expect(await table.track({ key: ["other"], ignored: ["b"] })).toBe(id);
    expect(await generation()).toBe(4);
    await run("INSERT INTO $t VALUES (1, 100, 'a')");
    await run("DELETE FROM $t");
    expect(await table.deletions()).toEqual([{ kind: "row", key: "100" }]);
    const [index] = await run(
      "SELECT pg_get_indexdef(('datahub_sync_changed_' || '$t'::regclass::oid)::regclass)",
    );
    expect(index!["pg_get_indexdef"]).toMatch(/\(sync_xid, other\)/);
  });

  test("a renamed table is still the one that was tracked", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY)");
    const id = await table.track();
    await run("ALTER TABLE $t RENAME TO $t_renamed");
    expect(await track(table.sql, `${table.name}_renamed`)).toBe(id);
    expect(await generation("$t_renamed")).toBe(1);
    expect(await untrack(table.sql, `${table.name}_renamed`)).toBe(true);
  });

  test("two tracked tables that swap names are tracked under their new ones, each with its indexes", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text)");
    await run("CREATE TABLE $t_new (id int PRIMARY KEY, a text)");
    const before = await describeTable("$t_new");
    const id = await table.track();
    await track(table.sql, `${table.name}_new`);
    await run("ALTER TABLE $t RENAME TO $t_old");
    await run("ALTER TABLE $t_new RENAME TO $t");
    expect((await readTracking(table.sql, await base()))!.problem).toMatch(/dropped and created again/);
    expect(await table.track()).toBe(id);
    expect(await generation()).toBe(2);
    expect((await readTracking(table.sql, await base()))!.problem).toBeNull();
    const [indexes] = await run("SELECT count(*)::int AS n FROM pg_index WHERE indrelid = '$t'::regclass");
    expect(indexes).toEqual({ n: 3 });
    await run("DROP TABLE $t_old");
    expect(await untrack(table.sql, table.name)).toBe(true);
    await run("ALTER TABLE $t RENAME TO $t_new");
    expect(await describeTable("$t_new")).toEqual(before);
  });

  describe("it refuses", () => {
    test.each([
      ["a view", "CREATE VIEW $t AS SELECT 1 AS id", /not an ordinary or partitioned table/],
      ["a materialised view", "CREATE MATERIALIZED VIEW $t AS SELECT 1 AS id", /not an ordinary/],
      [
        "a table that others inherit from",
        "CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_c () INHERITS ($t)",
        /inherit/,
      ],
      ["a table without a key", "CREATE TABLE $t (id int)", /no key/],
      [
        "a table with a sync_xid of its own",
        "CREATE TABLE $t (id int PRIMARY KEY, sync_xid bigint)",
        /sync_xid of its own/,
      ],
    ])("%s", async (_, ddl, message) => {
      await run(ddl);
      await expect(table.track()).rejects.toThrow(message);
      expect(await run("SELECT 1 FROM datahub_sync.tracked_tables WHERE table_name = '$t'")).toEqual([]);
    });

    test.each([
      ["without a unique index", "a"],
      ["that may be NULL", "nullable"],
      ["unique under a condition only", "partly"],
      ["unique only together with an expression", "mixed"],
      ["that do not exist", "absent"],
    ])("key columns %s", async (_, column) => {
      await run(`CREATE TABLE $t (id int PRIMARY KEY, a int NOT NULL, nullable int UNIQUE, partly int NOT NULL,
                                        mixed int NOT NULL)`);
      await run("CREATE UNIQUE INDEX ON $t (partly) WHERE partly > 0");
      await run("CREATE UNIQUE INDEX ON $t (mixed, (a % 2))");
      await expect(table.track({ key: [column] })).rejects.toThrow(/no key/);
    });
  });

  test("a table that is not the caller's is refused with 42501", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY)");
    const role = `other_${crypto.randomUUID().replaceAll("-", "")}`;
    await run(`CREATE ROLE ${role}`);
    try {
      await run(`GRANT ALL ON ALL TABLES IN SCHEMA datahub_sync TO ${role}`);
      await run(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA datahub_sync TO ${role}`);
      const refused = table.sql.begin(async (tx) => {
        await run(`SET LOCAL ROLE ${role}`, tx);
        await track(tx, table.name);
      });
      await expect(refused).rejects.toMatchObject({ code: "42501" });
    } finally {
      await run(`DROP OWNED BY ${role}`);
      await run(`DROP ROLE ${role}`);
    }
  });

  test("a lock that does not come ends the statement after five seconds, and nothing has changed", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY)");
    await run("CREATE TABLE $t_tracked (id int PRIMARY KEY)");
    await track(table.sql, `${table.name}_tracked`);
    const before = [await describeTable(), await describeTable("$t_tracked")];
    const startedAt = Date.now();
    await table.sql.begin(async (holder) => {
      await run("SELECT FROM $t, $t_tracked", holder);
      const [tracking, untracking] = await Promise.allSettled([
        base().then((found) => trackTable(table.sql, found, null, [])),
        base("$t_tracked").then((found) => untrackTable(table.sql, found.oid)),
      ]);
      for (const settled of [tracking, untracking]) {
        expect(settled.status).toBe("rejected");
        const refused = settled as PromiseRejectedResult;
        expect(toSyncError(refused.reason as unknown, "tracking")).toMatchObject({ code: "LOCK_TIMEOUT" });
      }
    });
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect([await describeTable(), await describeTable("$t_tracked")]).toEqual(before);
  });

  test("readTracking says what track recorded", async () => {
    await run(`CREATE TABLE $t (id int PRIMARY KEY, "odd, name" int)`);
    expect(await readTracking(table.sql, await base())).toBeNull();
    const id = await table.track({ ignored: ["odd, name"] });
    expect(await readTracking(table.sql, await base())).toEqual({
      id,
      generation: 1,
      keyColumns: ["id"],
      ignoredColumns: ["odd, name"],
      addedUpdatedAt: true,
      files: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      indexed: true,
      problem: null,
    });
  });
});
