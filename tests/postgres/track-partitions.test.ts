import { beforeEach, describe, expect, test } from "vitest";
import { readTracking } from "../support/read-tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { logEntries, track, untrack } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("partitioned tables (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, newEntries } = table;

  beforeEach(async () => {
    await run(
      "CREATE TABLE $t (region text, id int, a text, PRIMARY KEY (region, id)) PARTITION BY LIST (region)",
    );
    await run("CREATE TABLE $t_n PARTITION OF $t FOR VALUES IN ('n')");
    await run("CREATE TABLE $t_s PARTITION OF $t FOR VALUES IN ('s')");
    await table.track();
    await run("INSERT INTO $t VALUES ('n', 1, 'a'), ('s', 2, 'b')");
  });

  async function problem(): Promise<string | null> {
    const [row] = await run("SELECT '$t'::regclass::oid::text AS oid");
    return (await readTracking(table.sql, { oid: row!["oid"] as string }))!.problem;
  }

  /** The entries that another table under the same tracking has. */
  const entriesOf = async (name: string) =>
    (await logEntries(table.sql, table.named(name))).map(({ kind, key }) => `${kind} ${key}`);

  test("a row that moves is logged under both keys", async () => {
    const moved = await newEntries("UPDATE $t SET region = 's' WHERE id = 1");
    // Postgres deletes it there and inserts it here; an entry is no proof, so that more of them do no harm.
    expect(new Set(moved.map((entry) => entry.slice(2)))).toEqual(new Set(["n\u0001a1", "s\u0001a1"]));
  });

  test("rows that are written through their partition", async () => {
    expect(await newEntries("UPDATE $t_n SET a = 'c'")).toEqual(["u n\u0001a1"]);
    expect(await newEntries("INSERT INTO $t_n VALUES ('n', 5)")).toEqual(["i n\u0001a5"]);
    expect(await newEntries("DELETE FROM $t_n WHERE id = 1")).toEqual(["d n\u0001a1"]);
    expect(await newEntries("UPDATE $t_n SET a = a")).toEqual([]);
  });

  test("TRUNCATE of one partition, and of all", async () => {
    expect(await newEntries("TRUNCATE $t_s")).toEqual(["c null"]);
    expect(new Set(await newEntries("TRUNCATE $t"))).toEqual(new Set(["c null"]));
  });

  test("TRUNCATE of a partition that came after tracking makes the next run look at partitions", async () => {
    await run("CREATE TABLE $t_w PARTITION OF $t FOR VALUES IN ('w')");
    expect(await problem()).toMatch(/partition came or went/);
    await table.track();
    expect(await problem()).toBeNull();
    expect(await newEntries("INSERT INTO $t VALUES ('w', 3, 'c')")).toEqual(["i w\u0001a3"]);
    expect(await newEntries("TRUNCATE $t_w")).toEqual(["c null"]);
    await run("ALTER TABLE $t DETACH PARTITION $t_w");
    expect(await problem()).toMatch(/partition came or went/);
  });

  test("invariant 12: a table made before is attached, and its rows are logged from then on", async () => {
    await run("CREATE TABLE $t_w (region text NOT NULL, id int NOT NULL, a text, PRIMARY KEY (region, id))");
    await run("INSERT INTO $t_w VALUES ('w', 1, 'a')");
    await run("ALTER TABLE $t ATTACH PARTITION $t_w FOR VALUES IN ('w')");
    expect(await newEntries("UPDATE $t_w SET a = 'b'")).toEqual(["u w\u0001a1"]);
    await table.sql.begin(async (tx) => {
      await run("SET LOCAL session_replication_role = replica", tx);
      expect(await newEntries("DELETE FROM $t WHERE region = 'w'", tx)).toEqual(["d w\u0001a1"]);
    });
  });

  test("invariant 12: a table that is tracked by itself is attached to one that is tracked", async () => {
    await run("CREATE TABLE $t_w (region text NOT NULL, id int NOT NULL, a text, PRIMARY KEY (region, id))");
    await track(table.sql, `${table.name}_w`);
    await run("ALTER TABLE $t ATTACH PARTITION $t_w FOR VALUES IN ('w')");
    expect(await newEntries("INSERT INTO $t VALUES ('w', 7, 'a')")).toEqual(["i w\u0001a7"]);
    expect(await entriesOf("$t_w")).toEqual(["i w\u0001a7"]);
    await table.track();
    expect(await problem()).toBeNull();
    expect(await newEntries("TRUNCATE $t_w")).toEqual(["c null"]);
    expect(await entriesOf("$t_w")).toEqual(["i w\u0001a7", "c null"]);

    // Each goes its own way again, and neither takes the other's triggers along.
    expect(await untrack(table.sql, table.name)).toBe(true);
    await run("INSERT INTO $t VALUES ('w', 8, 'a')");
    expect((await entriesOf("$t_w")).at(-1)).toBe("i w\u0001a8");
    await run("ALTER TABLE $t DETACH PARTITION $t_w");
    expect(await untrack(table.sql, `${table.name}_w`)).toBe(true);
    const left = await run(
      "SELECT tgname FROM pg_trigger WHERE tgrelid IN ('$t'::regclass, '$t_w'::regclass, '$t_n'::regclass)",
    );
    expect(left).toEqual([]);
  });

  test("a partition that is detached logs nothing more, and untracking takes what is left on it", async () => {
    await run("ALTER TABLE $t DETACH PARTITION $t_n");
    expect(await newEntries("INSERT INTO $t_n VALUES ('n', 9, 'a')")).toEqual([]);
    await run("CREATE TABLE $t_later PARTITION OF $t FOR VALUES IN ('n')");
    await untrack(table.sql, table.name);
    for (const name of ["$t", "$t_n", "$t_s", "$t_later"])
      expect(await run(`SELECT tgname FROM pg_trigger WHERE tgrelid = '${name}'::regclass`)).toEqual([]);
    await run("TRUNCATE $t_n; DELETE FROM $t");
  });

  test("partitions of partitions are tracked too", async () => {
    await run("CREATE TABLE $t_d PARTITION OF $t DEFAULT PARTITION BY RANGE (id)");
    await run("CREATE TABLE $t_d1 PARTITION OF $t_d FOR VALUES FROM (0) TO (10)");
    await table.track();
    expect(await newEntries("INSERT INTO $t VALUES ('x', 1, 'a')")).toEqual(["i x\u0001a1"]);
    expect(await newEntries("TRUNCATE $t_d1")).toEqual(["c null"]);
    const [enabled] = await run(`SELECT array_agg(DISTINCT tgenabled::text) AS ways FROM pg_trigger
      WHERE tgrelid IN (SELECT relid FROM pg_partition_tree('$t'))`);
    expect(enabled).toEqual({ ways: ["A"] });
  });
});
