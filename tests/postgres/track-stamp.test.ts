import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { readMark, watchMark } from "../support/row-marks.js";
import { useTable } from "../support/table-fixture.js";
import { deletionRecords } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("what tracking makes of a write (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make } = table;

  test("invariant 4: a rewrite with equal values keeps sync_xid and updated_at", async () => {
    await make("id int PRIMARY KEY, a text, b jsonb, updated_at timestamp, sync_timestamp timestamp", {
      ignored: ["sync_timestamp"],
    });
    await run(`INSERT INTO $t VALUES (1, 'a', '{"k": 1}', '2020-01-01', '2020-01-01')`);
    const { before, after } = await watchMark(
      table,
      `UPDATE $t SET a = a || '', b = '{"k": 1}', updated_at = now(), sync_timestamp = now()`,
    );
    expect(after).toEqual(before);
    expect(after.touched).toBe("2020-01-01 00:00:00");
    const [row] = await run("SELECT sync_timestamp > '2020-01-02' AS moved FROM $t");
    expect(row).toEqual({ moved: true }); // an ignored column is the writer's
  });

  test("a rewrite with equal values writes no TOAST", async () => {
    await make("id int PRIMARY KEY, wide text");
    await run("ALTER TABLE $t ALTER wide SET STORAGE EXTERNAL");
    await run("INSERT INTO $t VALUES (1, repeat('x', 50000))");
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

  test("a changed row is stamped with its transaction, and updated_at moves", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamptz DEFAULT '2020-01-01+00'");
    await run("INSERT INTO $t VALUES (1, 'a')");
    const { before, xid, after } = await watchMark(table, "UPDATE $t SET a = 'b'");
    expect(after.xid).toBe(xid);
    expect(after.xid).not.toBe(before.xid);
    const [row] = await run("SELECT updated_at > now() - interval '1 minute' AS moved FROM $t");
    expect(row).toEqual({ moved: true });
  });

  test("a changed row keeps the updated_at that its writer gave", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamp");
    await run("INSERT INTO $t VALUES (1, 'a', '2020-01-01')");
    const { after } = await watchMark(table, "UPDATE $t SET a = 'b', updated_at = '2021-05-05'");
    expect(after.touched).toBe("2021-05-05 00:00:00");
  });

  test("a table without updated_at gets one; it means that the content changed", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t VALUES (1, 'a')");
    const same = await watchMark(table, "UPDATE $t SET a = 'a'");
    expect(same.after).toEqual(same.before);
    const changed = await watchMark(table, "UPDATE $t SET a = 'b'");
    expect(changed.after.touched).not.toBe(changed.before.touched);
  });

  test("an updated_at that is no timestamp is a column like any other", async () => {
    await make("id int PRIMARY KEY, a text, updated_at date");
    await run("INSERT INTO $t VALUES (1, 'a', '2020-01-01')");
    const { xid, after } = await watchMark(table, "UPDATE $t SET updated_at = '2021-01-01'");
    expect(after).toEqual({ xid, touched: "2021-01-01" });
  });

  test("an updated_at that belongs to the key is compared, and not touched", async () => {
    await make("id int, updated_at timestamp, PRIMARY KEY (id, updated_at)");
    await run("INSERT INTO $t VALUES (1, '2020-01-01')");
    const { xid, after } = await watchMark(table, "UPDATE $t SET updated_at = '2021-01-01'");
    expect(after).toEqual({ xid, touched: "2021-01-01 00:00:00" });
    expect(await table.deletions()).toEqual([{ kind: "row", key: "1,2020-01-01 00:00:00" }]);
  });

  test("a sync_xid that somebody sets is overridden", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t (id, a, sync_xid) VALUES (1, 'a', '3')");
    expect((await readMark(table)).xid).not.toBe("3");
    const same = await watchMark(table, "UPDATE $t SET sync_xid = '3'");
    expect(same.after).toEqual(same.before);
    const changed = await watchMark(table, "UPDATE $t SET a = 'b', sync_xid = '3'");
    expect(changed.after.xid).toBe(changed.xid);
  });

  test("a row without a mark gets one when it is written, changed or not", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_stamp");
    await run("INSERT INTO $t (id, a, sync_xid) VALUES (1, 'a', NULL)");
    await run("ALTER TABLE $t ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp");
    const { before, xid, after } = await watchMark(table, "UPDATE $t SET a = 'a'");
    expect(before.xid).toBeNull();
    expect(after.xid).toBe(xid);
  });

  test("a stored generated column neither hides a change nor looks like one", async () => {
    await make("id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED");
    await run("INSERT INTO $t (id, a) VALUES (1, 1)");
    const same = await watchMark(table, "UPDATE $t SET a = 1");
    expect(same.after).toEqual(same.before);
    const changed = await watchMark(table, "UPDATE $t SET a = 2");
    expect(changed.after.xid).toBe(changed.xid);
  });

  test.each([
    ["uuid", "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a text"],
    ["serial", "id serial PRIMARY KEY, a text"],
    ["identity", "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text"],
    ["text", "id text PRIMARY KEY DEFAULT 'a key, with a \\ in it', a text"],
    ["several columns", "p text DEFAULT 'a,b', q int DEFAULT 1, a text, PRIMARY KEY (p, q)"],
  ])("keys of kind %s: insert, no change, change, delete", async (_, columns) => {
    await make(columns);
    await run("INSERT INTO $t (a) VALUES ('a')");
    const same = await watchMark(table, "UPDATE $t SET a = 'a'");
    expect(same.after).toEqual(same.before);
    const changed = await watchMark(table, "UPDATE $t SET a = 'b'");
    expect(changed.after.xid).toBe(changed.xid);
    const [key] = await run(
      `SELECT datahub_sync.key_expression(key_columns, 'r') AS expression
         FROM datahub_sync.tracked_tables WHERE table_name = '$t'`,
    );
    const [row] = await run(`SELECT ${key!["expression"] as string} AS key FROM $t r`);
    await run("DELETE FROM $t");
    expect(await table.deletions()).toEqual([{ kind: "row", key: row!["key"] as string }]);
  });

  test("names that need quotes work everywhere", async () => {
    table.name = `"Odd ""table"""`;
    await make(`"the Key" int PRIMARY KEY, "a ""b""" text, "select" text, "%1$s %I" text, "'" text`, {
      ignored: ["select"],
    });
    await run("INSERT INTO $t VALUES (1, 'a', 'b', 'c', 'd')");
    const same = await watchMark(table, `UPDATE $t SET "a ""b""" = 'a', "select" = 'x', "%1$s %I" = 'c'`);
    expect(same.after).toEqual(same.before);
    const changed = await watchMark(table, `UPDATE $t SET "'" = 'x'`);
    expect(changed.after.xid).toBe(changed.xid);
    await run("DELETE FROM $t");
    expect(await deletionRecords(table.sql, 'Odd "table"')).toEqual([{ kind: "row", key: "1" }]);
  });
});
