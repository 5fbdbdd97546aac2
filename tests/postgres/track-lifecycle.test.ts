import { describe, expect, test } from "vitest";
import { toSyncError } from "../../src/postgres/to-sync-error.js";
import { trackTable, untrackTable } from "../../src/catalog/tracking.js";
import { readTracking } from "../support/read-tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track, untrack } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("track and untrack (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;

  async function generation(of = "$t"): Promise<number> {
    const [row] = await run(
      `SELECT generation FROM datahub_sync.tracked_tables WHERE relation_oid = '${of}'::regclass`,
    );
    return row!["generation"] as number;
  }

  async function base(of = "$t"): Promise<{ schema: string; name: string; oid: string }> {
    const [row] = await run(`SELECT '${of}'::regclass::oid::text AS oid`);
    return { schema: "public", name: table.named(of), oid: row!["oid"] as string };
  }

  /** Everything that the catalog says of a table, as `\\d+` would print it; also numbers that a drop leaves unused. */
  async function describeTable(of = "$t"): Promise<Record<string, unknown>[]> {
    return run(`
      WITH parts AS (SELECT '${of}'::regclass::oid AS oid UNION SELECT relid FROM pg_partition_tree('${of}'))
      SELECT c.relname, c.relacl::text, c.reloptions::text, c.relfilenode::text, c.relnatts, c.relchecks, c.relkind,
             c.relreplident, c.relrowsecurity, c.relhasrules, obj_description(c.oid) AS comment,
             (SELECT json_agg(json_build_array(attnum, attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
                       attgenerated, attidentity, attstattarget, attacl::text, pg_get_expr(adbin, adrelid)) ORDER BY attnum)
                FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
               WHERE attrelid = c.oid AND attnum > 0) AS columns,
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
        "CREATE TABLE $t (id serial PRIMARY KEY, a text, updated_at timestamp DEFAULT now()); COMMENT ON TABLE $t IS 'mine'",
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
      const ofOwner = async () => (await describeTable()).map(({ triggers: _triggers, ...rest }) => rest);
      for (const updatedAt of ["as-written", "content"] as const) {
        await table.track({ updatedAt });
        expect(await describeTable()).not.toEqual(before);
        // Tracked and untracked, it differs by triggers alone (invariant 12).
        expect(await ofOwner()).toEqual(before.map(({ triggers: _triggers, ...rest }) => rest));
        expect(await untrack(table.sql, table.name)).toBe(true);
        expect(await describeTable()).toEqual(before);
        expect(await untrack(table.sql, table.name)).toBe(false);
      }
      const left = await run(`SELECT proname FROM pg_proc WHERE pronamespace = 'datahub_sync'::regnamespace
                                   AND proname ~ '^(log|content)_[0-9]+$'`);
      expect(left).toEqual([]);
      expect(await run("SELECT FROM datahub_sync.changes")).toEqual([]);
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
  });

  test("repeated, it changes nothing and takes no lock", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text, sync_timestamp timestamp)");
    const id = await table.track({ ignored: ["sync_timestamp", "no such column"] });
    const before = await describeTable();
    await table.sql.begin(async (holder) => {
      await run("LOCK TABLE $t IN ROW EXCLUSIVE MODE", holder);
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
    expect(await table.track({ key: ["other"], ignored: ["b"], compared: ["a"] })).toBe(id);
    expect(await generation()).toBe(5);
    expect(await table.newEntries("INSERT INTO $t VALUES (1, 100, 'a')")).toEqual(["i c100"]);
    expect(await table.newEntries("UPDATE $t SET id = 2, b = 'x'")).toEqual([]);
    expect(await table.newEntries("UPDATE $t SET other = 101")).toEqual(["i c101", "d c100"]);
  });

  test("what updated_at means is part of it", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, updated_at timestamp)");
    await table.track({ updatedAt: "as-written" });
    await table.track({ updatedAt: "content" });
    await table.track({ updatedAt: "content" });
    expect(await generation()).toBe(2);
    await table.track({ updatedAt: "as-written" });
    expect(await generation()).toBe(3);
    const left = await run(
      "SELECT tgname FROM pg_trigger WHERE tgrelid = '$t'::regclass AND tgname ~ 'content'",
    );
    expect(left).toEqual([]);
  });

  test("a renamed table is still the one that was tracked", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY)");
    const id = await table.track();
    await run("ALTER TABLE $t RENAME TO $t_renamed");
    expect(await track(table.sql, `${table.name}_renamed`)).toBe(id);
    expect(await generation("$t_renamed")).toBe(1);
    expect(await untrack(table.sql, `${table.name}_renamed`)).toBe(true);
  });

  test("two tracked tables that swap names log each under its own id", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text)");
    await run("CREATE TABLE $t_new (id int PRIMARY KEY, a text)");
    const ids = [await table.track(), await track(table.sql, `${table.name}_new`)];
    await run("ALTER TABLE $t RENAME TO $t_old; ALTER TABLE $t_new RENAME TO $t");
    expect((await readTracking(table.sql, await base()))!.id).toBe(ids[1]);
    expect(await table.newEntries("INSERT INTO $t VALUES (1, 'new')")).toEqual(["i a1"]);
    await run("INSERT INTO $t_old VALUES (2, 'old')");
    expect(await table.track()).toBe(ids[1]);
    expect(await generation()).toBe(1);
    const logged = await run(`SELECT tracked_id AS id, key FROM datahub_sync.changes
                               WHERE tracked_id IN (${ids.join()}) ORDER BY tracked_id`);
    expect(logged).toEqual([
      { id: ids[0], key: "a2" },
      { id: ids[1], key: "a1" },
    ]);
    const names = await run(`SELECT id, table_name FROM datahub_sync.tracked_tables WHERE id = ${ids[1]!}`);
    expect(names).toEqual([{ id: ids[1], table_name: table.name }]);
  });

  test("a table that is dropped leaves nothing of ours behind once another is tracked", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, updated_at timestamp)");
    const id = await table.track({ updatedAt: "content" });
    await run("INSERT INTO $t VALUES (1)");
    await run("DROP TABLE $t");
    await run("CREATE TABLE $t_other (id int PRIMARY KEY)");
    await track(table.sql, `${table.name}_other`);
    expect(await run(`SELECT FROM pg_proc WHERE proname IN ('log_${id}', 'content_${id}')`)).toEqual([]);
    expect(await run(`SELECT FROM datahub_sync.changes WHERE tracked_id = ${id}`)).toEqual([]);
    expect(await run(`SELECT FROM datahub_sync.tracked_tables WHERE id = ${id}`)).toEqual([]);
  });

  test.each(["is not tracked yet", "is tracked"])(
    "several that track one table at once take turns: it %s",
    async (already) => {
      await run("CREATE TABLE $t (id int PRIMARY KEY, a text, b text)");
      if (already === "is tracked") await table.track();
      const columns = [["a"], ["b"], ["a", "b"], ["id"]];
      const ids = await Promise.all(
        columns.map((compared, n) => track(table.sql, table.name, { compared, target: `target ${n}` })),
      );
      expect(new Set(ids).size).toBe(1);
      const [row] = await run(`SELECT compared_columns AS compared,
        triggers = datahub_sync.describe_triggers(relation_oid::regclass, id) AS intact
      FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass`);
      expect(row).toEqual({ compared: ["id", "a", "b"], intact: true });
      expect(await table.newEntries("INSERT INTO $t VALUES (1, 'a', 'b')")).toEqual(["i a1"]);
    },
  );

  test("one that tracks what another one is tracking waits for it, and then knows what that one mirrors", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text, b text)");
    await table.track();
    const { second } = await table.sql.begin(async (tx) => {
      await track(tx, table.name, { compared: ["a"], target: "one" });
      const second = track(table.sql, table.name, { compared: ["b"], target: "two" });
      const waits = () =>
        run(`SELECT FROM pg_stat_activity WHERE datname = current_database()
                                  AND wait_event_type = 'Lock' AND query LIKE '%datahub_sync.track(%'`);
      while ((await waits()).length === 0);
      return { second };
    });
    await second;
    const [row] = await run(
      "SELECT compared_columns AS compared FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass",
    );
    expect(row).toEqual({ compared: ["id", "a", "b"] });
  });

  test("a lock that does not come ends the statement after five seconds, and nothing has changed", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY)");
    await run("CREATE TABLE $t_tracked (id int PRIMARY KEY)");
    await track(table.sql, `${table.name}_tracked`);
    const before = [await describeTable(), await describeTable("$t_tracked")];
    const startedAt = Date.now();
    await table.sql.begin(async (holder) => {
      await run("LOCK TABLE $t, $t_tracked IN ROW EXCLUSIVE MODE", holder);
      const claim = {
        target: "",
        keyColumns: null,
        compared: ["id"],
        ignored: [],
        updatedAt: "none",
      } as const;
      const [tracking, untracking] = await Promise.allSettled([
        base().then((found) => trackTable(table.sql, found, claim)),
        base("$t_tracked").then((found) => untrackTable(table.sql, found.oid, "")),
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
      comparedColumns: ["id"],
      updatedAt: "none",
      problem: null,
      isBehind: false,
    });
  });
});
