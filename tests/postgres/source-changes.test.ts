import { describe, expect, test } from "vitest";
import type { ChangeCursor, ChangeLog, ChangePage } from "../../src/source/change-log.js";
import { parseSnapshot, type Snapshot } from "../../src/model/snapshot.js";
import { takeSnapshot } from "../../src/source/source-identity.js";
import { allChanges, openLog, snapshotOf } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { spyOnStatements } from "../support/spy-statements.js";
import { useTable } from "../support/table-fixture.js";
import { currentXid } from "../support/tracked-table.js";

/** The transactions that a snapshot found open. */
const openIn = (snapshot: Snapshot) => snapshot.split(":")[2]!.split(",");

describe.each(ALL_POSTGRES_VERSIONS)("reading the change log (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;

  /** A tracked table with that many rows. */
  async function make(rows: number): Promise<{ log: ChangeLog; id: number }> {
    const id = await table.make("id int PRIMARY KEY, a text, updated_at timestamp");
    if (rows > 0) await run(`INSERT INTO $t (id, a) SELECT n, 'a' FROM generate_series(1, ${rows}) n`);
    return { log: await openLog(table.database, table.name), id };
  }

  /** What a run that begins now reads, and the watermark that it leaves. */
  async function read(log: ChangeLog, since: Snapshot, limit?: number): Promise<[string[], Snapshot]> {
    const until = await snapshotOf(table.sql);
    return [await allChanges(log, { since, until }, limit), until];
  }

  async function allPages(log: ChangeLog, range: { since: Snapshot; until: Snapshot }, limit: number) {
    const pages: ChangePage[] = [];
    for (let cursor: ChangeCursor | null = null; ; cursor = pages.at(-1)!.cursor) {
      pages.push(await log.page(range, cursor, limit));
      if (pages.at(-1)!.cursor === null) return pages;
    }
  }

  test("invariant 2: a late committer arrives in the next run, alone", async () => {
    const { log } = await make(5);
    let since = await snapshotOf(table.sql);
    const writer = await table.sql.reserve();
    await run(`BEGIN; UPDATE $t SET a = 'late' WHERE id = 1; DELETE FROM $t WHERE id = 2`, writer);
    await run("UPDATE $t SET a = 'b' WHERE id = 3; DELETE FROM $t WHERE id = 4");
    let keys: string[];
    [keys, since] = await read(log, since);
    expect(keys).toEqual(["a3", "a4"]);

    [keys, since] = await read(log, since);
    expect(keys).toEqual([]);
    await run("UPDATE $t SET a = 'c' WHERE id = 5");
    await writer.unsafe("COMMIT");
    writer.release();
    expect(await log.countKeys(since)).toBe(3);
    [keys, since] = await read(log, since);
    expect(keys.sort()).toEqual(["a1", "a2", "a5"]);

    expect((await read(log, since))[0]).toEqual([]);
    expect(await log.countKeys(since)).toBe(0);
  });

  test("invariant 2: so does what it did in savepoints, and what was rolled back does not", async () => {
    const { log } = await make(5);
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
    expect((await read(log, since))[0]).toEqual(["a1", "a3"]);
  });

  test("of the transactions around a watermark, those that it found open are asked for", async () => {
    const { log } = await make(9);
    const writers = await Promise.all([1, 2, 3].map(() => table.sql.reserve()));
    await run("UPDATE $t SET a = 'before' WHERE id = 1");
    for (const [place, writer] of writers.entries()) {
      await run(`BEGIN; UPDATE $t SET a = 'open' WHERE id = ${2 + place}`, writer);
    }
    await run("UPDATE $t SET a = 'after, and committed' WHERE id = 5");
    const since = await snapshotOf(table.sql);
    const [xmin, xmax, xip] = since.split(":");
    expect(Number(xmin)).toBeLessThan(Number(xmax) - 1);
    expect(xip!.split(",").length).toBeGreaterThanOrEqual(3);
    await writers[0]!.unsafe("COMMIT");
    await writers[1]!.unsafe("ROLLBACK");
    await run("UPDATE $t SET a = 'later' WHERE id = 6");
    const [keys, next] = await read(log, since);
    expect(keys).toEqual(["a2", "a6"]); // by xid: the older transaction first
    await writers[2]!.unsafe("COMMIT");
    writers.forEach((writer) => writer.release());
    for (const limit of [1, 2, 1000]) expect((await read(log, next, limit))[0]).toEqual(["a4"]);
  });

  test("a prepared transaction is one that is still open, whoever ends it", async () => {
    const { log } = await make(3);
    const name = `prepared ${table.name} ${version}`;
    const session = await table.sql.reserve();
    await run(`BEGIN; UPDATE $t SET a = 'x' WHERE id = 2; PREPARE TRANSACTION '${name}'`, session);
    session.release();
    const since = await snapshotOf(table.sql);
    await run("UPDATE $t SET a = 'x' WHERE id = 1");
    const [keys, next] = await read(log, since);
    expect(keys).toEqual(["a1"]);
    await run(`COMMIT PREPARED '${name}'`);
    expect((await read(log, next, 1))[0]).toEqual(["a2"]);
  });

  test("an old transaction that pins xmin has nothing read again", async () => {
    const { log } = await make(9);
    const old = await table.sql.reserve();
    await run("BEGIN; UPDATE $t SET a = 'old' WHERE id = 9", old);
    const xid = await currentXid(old);
    let since = await snapshotOf(table.sql);
    for (let n = 1; n <= 5; n++) {
      await run(`UPDATE $t SET a = 'x' WHERE id = ${n}`);
      const [keys, next] = await read(log, since, 2);
      expect(keys).toEqual([`a${n}`]);
      expect(openIn(next)).toContain(xid);
      since = next;
    }
    await old.unsafe("COMMIT");
    old.release();
    expect((await read(log, since))[0]).toEqual(["a9"]);
  });

  test.each([1, 2, 3, 7, 12, 13])(
    "pages of %i give each entry once, in order, and each key of a page once",
    async (limit) => {
      const { log } = await make(0);
      const since = await snapshotOf(table.sql);
      await run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 10) n");
      await run("UPDATE $t SET a = 'b' WHERE id = 4");
      await run("UPDATE $t SET updated_at = now() WHERE id = 4");
      const range = { since, until: await snapshotOf(table.sql) };
      const pages = await allPages(log, range, limit);
      expect(pages.reduce((sum, { entries }) => sum + entries, 0)).toBe(12);
      expect(pages.reduce((sum, { timestamps }) => sum + timestamps, 0)).toBe(1);
      for (const { keys, entries } of pages) {
        expect(entries).toBeLessThanOrEqual(limit);
        expect(new Set(keys).size).toBe(keys.length);
      }
      const keys = pages.flatMap((page) => page.keys);
      const inOrder = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `a${n}`).concat("b10");
      expect(keys.slice(0, 10)).toEqual(inOrder);
      expect(new Set(keys.slice(10))).toEqual(new Set(limit < 12 ? ["a4"] : []));
      expect(await log.countKeys(since)).toBe(10);
    },
  );

  test("a range is frozen: a row that keeps changing neither ends nor escapes the paging", async () => {
    const { log } = await make(6);
    const since = await snapshotOf(table.sql);
    await run("UPDATE $t SET a = 'b'");
    const until = await snapshotOf(table.sql);
    const keys: string[] = [];
    let entries = 0;
    let cursor: ChangeCursor | null = null;
    do {
      const page: ChangePage = await log.page({ since, until }, cursor, 2);
      keys.push(...page.keys);
      entries += page.entries;
      cursor = page.cursor;
      await run(`UPDATE $t SET a = a || 'c' WHERE id = 1`);
    } while (cursor !== null);
    expect(entries).toBe(6);
    expect(keys.sort()).toEqual(["a1", "a2", "a3", "a4", "a5", "a6"]);
    // And what came meanwhile is the next run's.
    expect((await read(log, until))[0]).toEqual(["a1"]);
  });

  test("entries of a cluster that the log was restored from are nobody's changes", async () => {
    const { log, id } = await make(4);
    const since = await snapshotOf(table.sql);
    const future = String(Number(since.split(":")[1]) + 1_000_000);
    await table.sql`INSERT INTO datahub_sync.changes (tracked_id, kind, key, xid)
                    VALUES (${id}, 'u', 'a1', ${future}::text::xid8)`;
    expect((await read(log, since))[0]).toEqual([]);
    await run("UPDATE $t SET a = 'b' WHERE id = 2");
    expect((await read(log, since))[0]).toEqual(["a2"]);
  });

  test("what only a comparison can answer is found, and told apart", async () => {
    const { log, id } = await make(6);
    const since = await snapshotOf(table.sql);
    await run("DELETE FROM $t WHERE id = 1");
    expect(await log.findUnknown(since)).toBeNull();
    await run("TRUNCATE $t");
    expect(await log.findUnknown(since)).toBe("truncated");
    expect((await read(log, since))[0]).toEqual(["a1"]);
    const later = await snapshotOf(table.sql);
    expect(await log.findUnknown(later)).toBeNull();
    await table.sql`INSERT INTO datahub_sync.changes (tracked_id, kind) VALUES (${id}, 'u')`;
    expect(await log.findUnknown(later)).toBe("key unknown");
    expect(await log.findUnknown(since)).toBe("truncated"); // the first of them
    expect(await log.countKeys(later)).toBe(1);
  });

  test("another table's entries are not this one's", async () => {
    const { log } = await make(2);
    const since = await snapshotOf(table.sql);
    await run("CREATE TABLE $t_b (id int PRIMARY KEY)");
    await run("SELECT datahub_sync.track('$t_b'::regclass)");
    await run("INSERT INTO $t_b SELECT generate_series(1, 5)");
    await run("TRUNCATE $t_b");
    expect((await read(log, since))[0]).toEqual([]);
    expect(await log.findUnknown(since)).toBeNull();
    expect(await log.countKeys(since)).toBe(0);
  });

  test("of 100,000 entries, a page reads those that it gives, by the log's index", async () => {
    const { log, id } = await make(1);
    const old = await table.sql.reserve();
    const xid = await old.unsafe("BEGIN").then(() => currentXid(old));
    for (let n = 0; n < 10; n++) {
      await run(`INSERT INTO datahub_sync.changes (tracked_id, kind, key)
                 SELECT ${id}, 'u', 'a' || n FROM generate_series(1, 10000) n`);
    }
    await run("ANALYZE datahub_sync.changes");
    const since = await snapshotOf(table.sql);
    expect(openIn(since)).toContain(xid);
    await run("UPDATE $t SET a = 'b'");
    await run("UPDATE $t SET a = 'c'", old);
    await old.unsafe("COMMIT");
    old.release();
    const until = await snapshotOf(table.sql);
    const first = await log.page({ since, until }, null, 1);
    expect(first).toMatchObject({ keys: ["a1"], entries: 1 });
    const sent = await spyOnStatements(async () => {
      await log.page({ since, until }, null, 100);
      await log.page({ since, until }, first.cursor, 100);
      await log.findUnknown(since);
      await log.countKeys(since);
    });
    expect(sent).toHaveLength(4);
    for (const { statement, parameters } of sent) {
      const plan = await table.sql.unsafe(`EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ${statement}`, parameters, {
        prepare: false,
      });
      const text = plan.map((row) => row["QUERY PLAN"] as string).join("\n");
      expect(text).toContain("using changes_order on changes c");
      expect(text).not.toContain("Seq Scan on changes");
      const removed = [...text.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, rows]) => Number(rows));
      expect(removed.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(5);
    }
  });

  test("a snapshot is taken with the database's clock, in UTC", async () => {
    const { snapshot, at } = await takeSnapshot(table.database);
    expect(parseSnapshot(snapshot)).toBe(snapshot);
    expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
  });
});
