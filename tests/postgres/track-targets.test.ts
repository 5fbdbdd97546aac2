import { describe, expect, test } from "vitest";
import { isTracked, readOtherClaims, trackTable, untrackTable } from "../../src/catalog/tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track, untrack, type TrackOptions } from "../support/tracked-table.js";

/** The triggers belong to a table, configurations to deployments: what any of them mirrors is compared. */
describe.each(ALL_POSTGRES_VERSIONS)("deployments that mirror one table (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, newEntries } = table;

  const COLUMNS = "id int PRIMARY KEY, a text, b text, c text, updated_at timestamp";
  const claim = (target: string, compared: string[], options: TrackOptions = {}) =>
    track(table.sql, table.name, { target, compared, ...options });

  async function tracked(): Promise<Record<string, unknown>> {
    const [row] =
      await run(`SELECT compared_columns AS compared, ignored_columns AS ignored, updated_at_mode AS mode,
        generation FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass`);
    return row!;
  }

  async function oid(): Promise<string> {
    const [row] = await run("SELECT '$t'::regclass::oid::text AS oid");
    return row!["oid"] as string;
  }

  test("a change of what either mirrors is logged, of what neither does is not", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    await claim("one", ["id", "a"]);
    await claim("two", ["id", "b"]);
    expect(await tracked()).toMatchObject({ compared: ["id", "a", "b"], generation: 2 });
    await run("INSERT INTO $t VALUES (1, 'a', 'b', 'c')");
    expect(await newEntries("UPDATE $t SET a = 'x'")).toEqual(["u a1"]);
    expect(await newEntries("UPDATE $t SET b = 'x'")).toEqual(["u a1"]);
    expect(await newEntries("UPDATE $t SET c = 'x', updated_at = now()")).toEqual([]);
    // Asked for again, whatever the order, nothing is done.
    await claim("one", ["a", "id"]);
    await claim("two", ["b", "id"]);
    expect(await tracked()).toMatchObject({ generation: 2 });
  });

  test("a claim is replaced by the same deployment's next one", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    await claim("one", ["id", "a"]);
    await claim("two", ["id", "b"]);
    await claim("one", ["id", "c"]);
    expect(await tracked()).toMatchObject({ compared: ["id", "b", "c"], generation: 3 });
    await claim("two", ["id", "b", "c"]);
    await claim("one", ["id"]);
    expect(await tracked()).toMatchObject({ compared: ["id", "b", "c"], generation: 3 });
  });

  test("what was tracked on nobody's behalf is forgotten once somebody says what he mirrors", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    await table.track();
    expect(await tracked()).toMatchObject({
      compared: ["id", "a", "b", "c", "updated_at"],
      mode: "as-written",
    });
    await claim("one", ["a"], { updatedAt: "content" });
    expect(await tracked()).toMatchObject({ compared: ["id", "a"], mode: "content" });
  });

  test("untracked for one, it goes on for the other, and narrows with the next claim alone", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    await claim("one", ["id", "a"]);
    await claim("two", ["id", "b"]);
    expect(await untrackTable(table.sql, await oid(), "three")).toBe(false);
    expect(await untrackTable(table.sql, await oid(), "one")).toBe(true);
    expect(await untrackTable(table.sql, await oid(), "one")).toBe(false);
    expect(await isTracked(table.sql, await oid())).toBe(true);
    await run("INSERT INTO $t VALUES (1, 'a', 'b', 'c')");
    expect(await newEntries("UPDATE $t SET b = 'x'")).toEqual(["u a1"]);
    await claim("two", ["id", "b"]);
    expect(await newEntries("UPDATE $t SET a = 'x'")).toEqual([]);

    expect(await untrackTable(table.sql, await oid(), "two")).toBe(true);
    expect(await isTracked(table.sql, await oid())).toBe(false);
    expect(await run("SELECT tgname FROM pg_trigger WHERE tgrelid = '$t'::regclass")).toEqual([]);
    const left =
      "SELECT FROM datahub_sync.tracking_claims WHERE tracked_id NOT IN (SELECT id FROM datahub_sync.tracked_tables)";
    expect(await run(left)).toEqual([]);
  });

  test("untracking takes the watermarks of that deployment, and of no other", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    const id = await claim("one", ["id", "a"]);
    await claim("two", ["id", "b"]);
    await run(`INSERT INTO datahub_sync.targets (url) VALUES ('one'), ('two') ON CONFLICT DO NOTHING`);
    await run(`INSERT INTO datahub_sync.mirrors (target_id, name, tracked_id, watermark)
               SELECT id, 'of ' || url, ${id}, '5:5:' FROM datahub_sync.targets`);
    const mirrors = () => run(`SELECT name FROM datahub_sync.mirrors WHERE tracked_id = ${id} ORDER BY 1`);
    await untrackTable(table.sql, await oid(), "one");
    expect(await mirrors()).toEqual([{ name: "of two" }]);
    await untrack(table.sql, table.name);
    expect(await mirrors()).toEqual([]);
  });

  describe("what updated_at means", () => {
    test("is refused where two disagree, and nothing changes", async () => {
      await run(`CREATE TABLE $t (${COLUMNS})`);
      await claim("one", ["id", "a"], { updatedAt: "content" });
      const before = await tracked();
      for (const target of ["two", "three"]) {
        await expect(claim(target, ["id", "b"], { updatedAt: "as-written" })).rejects.toThrow(
          /disagree about its updated_at/,
        );
      }
      expect(await tracked()).toEqual(before);
      const ofOne = { target: "one", updatedAt: "content", keyColumns: ["id"], isKey: true };
      expect(await readOtherClaims(table.sql, await oid(), "two")).toEqual([ofOne]);
      expect(await readOtherClaims(table.sql, await oid(), "one")).toEqual([]);
      // One of them alone may change its mind.
      await claim("one", ["id", "a"], { updatedAt: "as-written" });
      await claim("two", ["id", "b"], { updatedAt: "as-written" });
      expect(await tracked()).toMatchObject({ mode: "as-written" });
    });

    test("is what those say that mirror it, where others do not", async () => {
      await run(`CREATE TABLE $t (${COLUMNS})`);
      await claim("one", ["id", "a"], { updatedAt: "none" });
      expect(await tracked()).toMatchObject({ mode: "none" });
      await claim("two", ["id", "updated_at"], { updatedAt: "content", ignored: ["b", "c"] });
      expect(await tracked()).toMatchObject({ mode: "content", compared: ["id", "a", "updated_at"] });
      await claim("three", ["id"], { updatedAt: "none" });
      expect(await tracked()).toMatchObject({ mode: "content" });
      await untrackTable(table.sql, await oid(), "two");
      await claim("one", ["id", "a"], { updatedAt: "none" });
      expect(await tracked()).toMatchObject({ mode: "none" });
    });

    test("counts the columns that one of them does not ignore", async () => {
      await run(`CREATE TABLE $t (${COLUMNS})`);
      await claim("one", ["id", "a"], { updatedAt: "content", ignored: ["b", "c"] });
      await claim("two", ["id", "a"], { updatedAt: "content", ignored: ["c"] });
      await claim("three", ["id"], { updatedAt: "none", ignored: [] });
      expect(await tracked()).toMatchObject({ ignored: ["c"] });
      await run("INSERT INTO $t VALUES (1, 'a', 'b', 'c', '2020-01-01')");
      const kept = async (statement: string) => {
        await run(statement);
        const [row] = await run("SELECT updated_at = '2020-01-01' AS kept FROM $t");
        return row!["kept"];
      };
      expect(await kept("UPDATE $t SET c = 'x', updated_at = now()")).toBe(true);
      expect(await kept("UPDATE $t SET b = 'x'")).toBe(false);
    });
  });

  test("a table that is dropped and created again is tracked for all of them once one says so", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    const first = await claim("one", ["id", "a"]);
    await claim("two", ["id", "b"]);
    await run(`DROP TABLE $t; CREATE TABLE $t (${COLUMNS})`);
    const second = await claim("one", ["id", "a"]);
    expect(second).not.toBe(first);
    expect(await tracked()).toMatchObject({ compared: ["id", "a", "b"] });
    expect(
      await run(`SELECT target FROM datahub_sync.tracking_claims WHERE tracked_id = ${second} ORDER BY 1`),
    ).toEqual([{ target: "one" }, { target: "two" }]);
    expect(await run(`SELECT FROM datahub_sync.tracking_claims WHERE tracked_id = ${first}`)).toEqual([]);
  });

  test("what is remembered of a table that was dropped ends with untrack of the one that has taken its name", async () => {
    await run(`CREATE TABLE $t (${COLUMNS})`);
    await claim("one", ["id", "a", "updated_at"], { updatedAt: "content" });
    await claim("two", ["id", "a", "updated_at"], { updatedAt: "content" });
    await run(`DROP TABLE $t; CREATE TABLE $t (${COLUMNS})`);
    const asWritten = () => claim("one", ["id", "a", "updated_at"], { updatedAt: "as-written" });
    await expect(asWritten()).rejects.toMatchObject({ code: "DS104" });
    expect(await untrackTable(table.sql, await oid(), "two")).toBe(true);
    expect(await untrackTable(table.sql, await oid(), "two")).toBe(false);
    await asWritten();
    expect(await tracked()).toMatchObject({ mode: "as-written" });
  });

  test("what the program claims is what track was asked for", async () => {
    await run(`CREATE TABLE $t (${COLUMNS}, UNIQUE (a)); ALTER TABLE $t ALTER a SET NOT NULL`);
    const base = { schema: "public", name: table.name, oid: await oid() };
    await trackTable(table.sql, base, {
      target: "https://one.example",
      keyColumns: ["a"],
      compared: ["a", 'not "there", no', "b"],
      ignored: ["c"],
      updatedAt: "content",
    });
    expect(await tracked()).toEqual({ compared: ["a", "b"], ignored: ["c"], mode: "content", generation: 1 });
    expect(await newEntries("INSERT INTO $t (id, a) VALUES (1, 'x')")).toEqual(["i x"]);
  });
});
