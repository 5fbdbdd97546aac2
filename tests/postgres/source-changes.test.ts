import { describe, expect, test } from "vitest";
import { countDeletions, needsComparison, readDeletions } from "../../src/source/deletion-records.js";
import { parseSnapshot } from "../../src/source/snapshot.js";
import { takeSnapshot } from "../../src/source/source-identity.js";
import type { ChangeCursor } from "../../src/source/table-reader.js";
import { allChanges, openReader, snapshotOf } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { spyOnStatements } from "../support/spy-statements.js";
import { useTable } from "../support/table-fixture.js";

describe.each(ALL_POSTGRES_VERSIONS)("changed rows (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;

  async function make(rows: number, columns = "id int PRIMARY KEY, a text") {
    const tracked = await table.make(columns);
    if (rows > 0) await run(`INSERT INTO $t (id, a) SELECT n, 'a' FROM generate_series(1, ${rows}) n`);
    return { reader: await openReader(table.database, table.name), tracked };
  }

  test("invariant 2: a late committer arrives in the next run, alone", async () => {
    const { reader, tracked } = await make(5);
    const writer = await table.sql.reserve();
    await run(`BEGIN; UPDATE $t SET a = 'late' WHERE id = 1; DELETE FROM $t WHERE id = 2`, writer);
    const first = await snapshotOf(table.sql);
    await run("UPDATE $t SET a = 'b' WHERE id = 3; DELETE FROM $t WHERE id = 4");
    expect(await allChanges(reader, first)).toEqual(["3"]);
    expect((await readDeletions(table.database, tracked, first, "0", 10)).map(({ key }) => key)).toEqual([
      "4",
    ]);

    const second = await snapshotOf(table.sql);
    expect(await allChanges(reader, second)).toEqual([]);
    await writer.unsafe("COMMIT");
    writer.release();
    expect(await allChanges(reader, second)).toEqual(["1"]);
    expect((await readDeletions(table.database, tracked, second, "0", 10)).map(({ key }) => key)).toEqual([
      "2",
    ]);

    const third = await snapshotOf(table.sql);
    expect(await allChanges(reader, third)).toEqual([]);
    expect(await countDeletions(table.database, tracked, third)).toBe(0);
    expect(await reader.countChanges(second)).toBe(1);
  });

  test("invariant 2: so does what it did in savepoints, and what was rolled back does not", async () => {
    const { reader } = await make(5);
    const writer = await table.sql.reserve();
    await run(
      `BEGIN; SAVEPOINT s; UPDATE $t SET a = 'kept' WHERE id = 1; RELEASE s;
                         SAVEPOINT s; UPDATE $t SET a = 'undone' WHERE id = 2; ROLLBACK TO s;
                         DO $$ BEGIN UPDATE $t SET a = 'block' WHERE id = 3; EXCEPTION WHEN OTHERS THEN NULL; END $$`,
      writer,
    );
    const since = await snapshotOf(table.sql);
    await writer.unsafe("COMMIT");
    writer.release();
    expect(await allChanges(reader, since)).toEqual(["1", "3"]);
  });

  test("the transaction that was open when the snapshot was taken is asked for, its neighbours are not", async () => {
    const { reader } = await make(3);
    const writer = await table.sql.reserve();
    await run("UPDATE $t SET a = 'before' WHERE id = 1");
    await run(`BEGIN; UPDATE $t SET a = 'open' WHERE id = 2`, writer);
    await run("UPDATE $t SET a = 'after, and committed' WHERE id = 3");
    const since = await snapshotOf(table.sql);
    const [xmin, xmax] = since.split(":").map(Number);
    expect(xmin).toBeLessThan(xmax! - 1);
    await writer.unsafe("COMMIT");
    writer.release();
    expect(await allChanges(reader, since)).toEqual(["2"]);
  });

  test.each([1, 2, 3, 7, 10, 11])(
    "pages of %i give many rows of one transaction once each, in order",
    async (limit) => {
      const { reader } = await make(0);
      const since = await snapshotOf(table.sql);
      await run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 10) n");
      await run("UPDATE $t SET a = 'b' WHERE id = 4");
      expect(await allChanges(reader, since, limit)).toEqual([
        "1",
        "2",
        "3",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        "4",
      ]);
    },
  );

  test("keys of several columns are paged in the order of their types", async () => {
    await table.make("p text, q int, a text, PRIMARY KEY (p, q)");
    const reader = await openReader(table.database, table.name);
    const since = await snapshotOf(table.sql);
    await run(
      "INSERT INTO $t SELECT p, q, 'a' FROM unnest(ARRAY['a,', 'a\\', 'b']) p, generate_series(9, 11) q",
    );
    const keys = await allChanges(reader, since, 2);
    expect(new Set(keys).size).toBe(9);
    expect(keys.filter((key) => key.startsWith("b"))).toEqual(["b,9", "b,10", "b,11"]);
  });

  test("rows without a mark are not read by each delta: a comparison follows what brings them", async () => {
    const { reader } = await make(9);
    await run("ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_stamp");
    await run("UPDATE $t SET sync_xid = NULL WHERE id < 6");
    await run("ALTER TABLE $t ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp");
    const since = await snapshotOf(table.sql);
    await run("UPDATE $t SET a = 'b' WHERE id > 7 OR id = 2");
    for (const limit of [1, 2, 3, 100]) {
      expect(await allChanges(reader, since, limit)).toEqual(["2", "8", "9"]);
    }
    expect(await reader.countChanges(since)).toBe(3);
  });

  test("a row that keeps changing neither ends nor escapes the paging", async () => {
    const { reader } = await make(6);
    const since = await snapshotOf(table.sql);
    await run("UPDATE $t SET a = 'b'");
    const keys: string[] = [];
    let cursor: ChangeCursor | null = null;
    let pages = 0;
    do {
      const page = await reader.changedKeys(since, cursor, 3);
      keys.push(...page.keys.map(({ key }) => key));
      cursor = page.cursor;
      await run(`UPDATE $t SET a = 'page ${pages}' WHERE id = 1`);
    } while (cursor !== null && ++pages < 20);
    // It comes back at the end of the list as long as it changes, and a page that is not full is the last one.
    expect(pages).toBeLessThan(5);
    expect(new Set(keys)).toEqual(new Set(["1", "2", "3", "4", "5", "6"]));
    expect(keys.filter((key) => key === "1").length).toBeGreaterThan(1);
  });

  test("xids from an older cluster do not look changed for ever: a restored dump", async () => {
    const { reader, tracked } = await make(4);
    const since = await snapshotOf(table.sql);
    const future = String(Number(since.split(":")[1]) + 1_000_000);
    await run("ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_stamp");
    await run(`UPDATE $t SET sync_xid = '${future}' WHERE id < 3`);
    await run("ALTER TABLE $t ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp");
    await table.sql`INSERT INTO datahub_sync.deletions (tracked_id, kind, key, xid) VALUES (${tracked}, 'row', 'x', ${future}::text::xid8)`;
    expect(await allChanges(reader, since)).toEqual([]);
    expect(await readDeletions(table.database, tracked, since, "0", 10)).toEqual([]);
    await run("UPDATE $t SET a = 'b' WHERE id = 1");
    expect(await allChanges(reader, since)).toEqual(["1"]);
  });

  test("sizes come along, so that wide rows make small chunks", async () => {
    const { reader } = await make(0, "id int PRIMARY KEY, a text, n int");
    const since = await snapshotOf(table.sql);
    await run("ALTER TABLE $t ALTER a SET STORAGE EXTERNAL");
    await run("INSERT INTO $t VALUES (1, repeat('x', 100000), 1), (2, 'y', 2), (3, NULL, 3)");
    const { keys } = await reader.changedKeys(since, null, 10);
    expect(keys.map(({ bytes }) => Math.sign(bytes - 50_000))).toEqual([1, -1, -1]);
    expect((await reader.allKeys(null, 10)).map(({ bytes }) => bytes)).toEqual(
      keys.map(({ bytes }) => bytes),
    );
  });

  test("recorded deletions are paged by id, and truncations are told apart", async () => {
    const { tracked } = await make(6);
    const since = await snapshotOf(table.sql);
    expect(await needsComparison(table.database, tracked, since)).toBeNull();
    await run("DELETE FROM $t");
    const first = await readDeletions(table.database, tracked, since, "0", 4);
    const second = await readDeletions(table.database, tracked, since, first.at(-1)!.id, 4);
    expect([...first, ...second].map(({ key }) => key)).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(await needsComparison(table.database, tracked, since)).toBeNull();
    await run("TRUNCATE $t");
    expect(await needsComparison(table.database, tracked, since)).toBe("truncate");
    expect(await countDeletions(table.database, tracked, since)).toBe(7);
    expect(await needsComparison(table.database, tracked, await snapshotOf(table.sql))).toBeNull();
  });

  test("the delta is served by the index, not by a scan of the table", async () => {
    const { reader } = await make(3000);
    await run("ANALYZE $t");
    const since = await snapshotOf(table.sql);
    await run("UPDATE $t SET a = 'b' WHERE id = 7");
    const [sent] = await spyOnStatements(() => reader.changedKeys(since, null, 100));
    const plan = await table.sql.unsafe(`EXPLAIN ${sent!.statement}`, sent!.parameters, { prepare: false });
    const text = plan.map((row) => row["QUERY PLAN"] as string).join("\n");
    expect(text).toMatch(/Index.* using datahub_sync_changed_/);
    expect(text).not.toContain("Seq Scan");
  });

  test("a snapshot is taken with the database's clock, in UTC", async () => {
    const { snapshot, at } = await takeSnapshot(table.database);
    expect(parseSnapshot(snapshot)).toBe(snapshot);
    expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
  });
});
