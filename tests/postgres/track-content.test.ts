import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track } from "../support/tracked-table.js";

const OLD = "2020-01-01 00:00:00";

describe.each(ALL_POSTGRES_VERSIONS)("updated_at that follows the content (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make, newEntries } = table;

  /** The `updated_at` of each row, in the order of the key: a time, or `now` for one of this hour. */
  async function updatedAt(): Promise<unknown[]> {
    const rows = await run(`SELECT CASE WHEN updated_at BETWEEN now() - interval '1 hour' AND now() THEN 'now'
                                        ELSE (updated_at AT TIME ZONE 'UTC')::timestamptz::text END AS at FROM $t ORDER BY id`);
    return rows.map(({ at }) => at);
  }

  async function makeContent(columns: string, ignored: string[] = []): Promise<void> {
    await make(`id int PRIMARY KEY, ${columns}, updated_at timestamp`, { updatedAt: "content", ignored });
  }

  test("invariant 4: a row that is set to what it was keeps its old one", async () => {
    await makeContent("a text, b jsonb, sync_timestamp timestamp", ["sync_timestamp"]);
    await run(`INSERT INTO $t VALUES (1, 'a', '{"k": 1}', NULL, '${OLD}'), (2, 'b', NULL, NULL, '${OLD}')`);
    const rewrite = `UPDATE $t SET a = a || '', b = CASE id WHEN 1 THEN '{"k": 1}'::jsonb END, updated_at = now(), sync_timestamp = now()`;
    expect(await newEntries(rewrite)).toEqual([]);
    const times =
      "SELECT bool_and(updated_at = '2020-01-01') AS kept, bool_and(sync_timestamp > '2021-01-01') AS moved FROM $t";
    expect(await run(times)).toEqual([{ kept: true, moved: true }]); // an ignored column is the writer's
    expect(await newEntries("UPDATE $t SET updated_at = now() WHERE id = 1")).toEqual([]);
    expect(await run(times)).toEqual([{ kept: true, moved: true }]);
  });

  test("a changed row keeps the one that its writer gave, and gets now() where he gave none", async () => {
    await makeContent("a text");
    await run(`INSERT INTO $t VALUES (1, 'a', '${OLD}'), (2, 'b', '${OLD}'), (3, 'c', NULL)`);
    expect(await newEntries("UPDATE $t SET a = 'x', updated_at = '2021-05-05' WHERE id = 1")).toEqual([
      "u a1",
    ]);
    expect(await newEntries("UPDATE $t SET a = 'x' WHERE id > 1")).toEqual(["u a2", "u a3"]);
    const rows = await run(
      "SELECT updated_at::text AS at, updated_at = now() OR updated_at > '2026-01-01' AS moved FROM $t ORDER BY id",
    );
    expect(rows.map(({ at, moved }) => (moved === true ? "now" : at))).toEqual([
      "2021-05-05 00:00:00",
      "now",
      "now",
    ]);
  });

  test("a job that upserts everything moves it for the rows that it changed, and for no other", async () => {
    await makeContent("a text");
    await run(`INSERT INTO $t SELECT n, 'a', '${OLD}' FROM generate_series(1, 9) n`);
    const entries = await newEntries(`
      INSERT INTO $t SELECT n, CASE n WHEN 4 THEN 'new' ELSE 'a' END, now() FROM generate_series(1, 10) n
      ON CONFLICT (id) DO UPDATE SET a = excluded.a, updated_at = excluded.updated_at`);
    expect(entries).toEqual(["u a4", "i b10"]);
    const [row] = await run(
      "SELECT array_agg(id ORDER BY id) AS moved FROM $t WHERE updated_at > '2020-02-01'",
    );
    expect(row).toEqual({ moved: [4, 10] });
  });

  test("what no deployment mirrors counts for its owner, and is not logged", async () => {
    await makeContent("a text, secret text");
    await track(table.sql, table.name, {
      compared: ["id", "a", "updated_at"],
      updatedAt: "content",
      target: "x",
    });
    await run(`INSERT INTO $t VALUES (1, 'a', 's', '${OLD}')`);
    expect(await newEntries("UPDATE $t SET secret = 't'")).toEqual(["t a1"]); // updated_at moved, and that is mirrored
    expect(await run("SELECT updated_at > '2021-01-01' AS moved FROM $t")).toEqual([{ moved: true }]);
    await track(table.sql, table.name, { compared: ["id", "a"], updatedAt: "content", target: "x" });
    expect(await newEntries("UPDATE $t SET secret = 'u'")).toEqual([]);
  });

  test("a rewrite with equal values writes no wide value again", async () => {
    await makeContent("wide text, other jsonb");
    await run("ALTER TABLE $t ALTER wide SET STORAGE EXTERNAL");
    await run(`INSERT INTO $t VALUES (1, repeat('x', 50000), '{}', '${OLD}')`);
    const [toast] = await run(
      "SELECT reltoastrelid::regclass::text AS name FROM pg_class WHERE relname = '$t'",
    );
    const chunks = () =>
      run(`SELECT chunk_id::text, count(*)::int AS n FROM ${toast!["name"] as string} GROUP BY 1`);
    const before = await chunks();
    expect(before).toHaveLength(1);
    // The value is made anew, so that without the trigger it would be stored anew.
    await run("UPDATE $t SET wide = repeat('x', 50000), updated_at = now()");
    expect(await chunks()).toEqual(before);
    await run("UPDATE $t SET wide = repeat('y', 50000)");
    expect(await chunks()).not.toEqual(before);
  });

  test("as written, nothing of a row is touched", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamp", { updatedAt: "as-written" });
    await run(`INSERT INTO $t VALUES (1, 'a', '${OLD}')`);
    await run("UPDATE $t SET a = 'b'");
    expect(await updatedAt()).toEqual(["2020-01-01 00:00:00+00"]);
    await run("UPDATE $t SET a = 'b', updated_at = '2021-01-01'");
    expect(await updatedAt()).toEqual(["2021-01-01 00:00:00+00"]);
    expect(
      await run("SELECT tgname FROM pg_trigger WHERE tgrelid = '$t'::regclass AND tgtype & 2 = 2"),
    ).toEqual([]);
  });

  test("a table gets no updated_at that it did not have", async () => {
    await make("id int PRIMARY KEY, a text", { updatedAt: "content" });
    const columns =
      "SELECT array_agg(attname::text ORDER BY attnum) AS names FROM pg_attribute WHERE attrelid = '$t'::regclass AND attnum > 0";
    expect(await run(columns)).toEqual([{ names: ["id", "a"] }]);
    expect(
      await run("SELECT updated_at_mode AS mode FROM datahub_sync.tracked_tables WHERE table_name = '$t'"),
    ).toEqual([{ mode: "none" }]);
    await run("INSERT INTO $t VALUES (1, 'a')");
    expect(await newEntries("UPDATE $t SET a = 'b'")).toEqual(["u a1"]);
  });

  test("a stored generated column does not make equal rows differ, and is not written", async () => {
    await makeContent(
      "a int, twice int GENERATED ALWAYS AS (a * 2) STORED, always int GENERATED ALWAYS AS IDENTITY",
    );
    await run(`INSERT INTO $t (id, a, updated_at) VALUES (1, 1, '${OLD}')`);
    expect(await newEntries("UPDATE $t SET a = 1, updated_at = now()")).toEqual([]);
    expect(await updatedAt()).toEqual(["2020-01-01 00:00:00+00"]);
    expect(await newEntries("UPDATE $t SET a = 2")).toEqual(["u a1"]);
    expect(await run("SELECT twice FROM $t")).toEqual([{ twice: 4 }]);
  });

  test("of a partitioned table too, by whichever way it is written", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamp) PARTITION BY RANGE (id)");
    await run("CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (10)");
    await table.track({ updatedAt: "content" });
    await run(`INSERT INTO $t VALUES (1, 'a', '${OLD}')`);
    for (const name of ["$t", "$t_1"]) {
      expect(await newEntries(`UPDATE ${name} SET a = 'a', updated_at = now()`)).toEqual([]);
      expect(await updatedAt()).toEqual(["2020-01-01 00:00:00+00"]);
    }
    expect(await newEntries("UPDATE $t_1 SET a = 'b'")).toEqual(["u a1"]);
    expect(await run("SELECT updated_at > '2021-01-01' AS moved FROM $t")).toEqual([{ moved: true }]);
  });
});
