import { defineSchema, defineTable } from "convex/server";
import { v, type Validator } from "convex/values";
import { describe, expect, test } from "vitest";
import { datahubSyncTables, defineDatahubSync } from "../../src/package/convex.js";
import { compareMirror } from "../support/compare-mirror.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { Writer } from "../support/writer.js";

describe("invariant 15: a deployed schema that lags behind", () => {
  const open = useMirrors();
  type Fields = Record<string, Validator<unknown, "optional", string>>;
  const [number, text] = [
    v.optional(v.union(v.null(), v.number())),
    v.optional(v.union(v.null(), v.string())),
  ];
  const tables = (name: string, fields: Fields) => ({ [name]: defineTable({ id: number, ...fields }) });
  const PASTE =
    /Add \{ b: mirrored\(v\.string\(\)\), c: mirrored\(v\.number\(\)\) \} to the table .* or exclude/;

  /** A mirror of (id, a) with five rows, in a deployment with a field for each of the two. */
  const openTwo = () =>
    open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text);
            INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 5) n`,
      schema: (name) => tables(name, { a: text }),
    });

  function deploy(mirror: MirrorFixture, fields: Fields): void {
    const deployed = tables(mirror.table, fields);
    mirror.deployment.deploy({
      schema: defineSchema({ ...datahubSyncTables, ...deployed }),
      modules: { datahubSync: defineDatahubSync({ tables: deployed }) },
    });
  }

  test("an added column waits for its field while the others go on, and nothing is missed once it is there", async () => {
    const mirror = await openTwo();
    await mirror.sync();
    const known = { ...mirror.config.mirrors[0]!, ignore: ["b", "c"] };
    const writer = new Writer(mirror.db.url, [{ name: mirror.table, key: "id", value: "a" }]);
    try {
      await writer.round();
      await mirror.run("ALTER TABLE $t ADD COLUMN b text DEFAULT 'b', ADD COLUMN c int");
      const first = await mirror.runSync();
      expect(first).toMatchObject({ ok: false, exitCode: 3 });
      expect(first.tables[0]).toMatchObject({
        outcome: "done",
        tracking: "mended",
        waiting: ["b", "c"],
        notices: [
          { code: "COLUMNS_WAIT", message: expect.stringMatching(PASTE) as string },
          { code: "TRACKING_MENDED" },
          { code: "BECAME_FULL" },
        ],
      });
      await writer.round();
    } finally {
      await writer.stop();
    }
    // The same without a comparison, until somebody deploys.
    await mirror.run("UPDATE $t SET c = 7 WHERE id < 3");
    const second = await mirror.runSync();
    expect(second).toMatchObject({ exitCode: 3, tables: [{ mode: "delta", tracking: "intact" }] });
    expect(second.tables[0]!.notices.map(({ code }) => code)).toEqual(["COLUMNS_WAIT"]);
    await compareMirror(mirror.sql, mirror.deployment, known);
    expect(await mirror.status()).toMatchObject({
      exitCode: 3,
      notices: [{ code: "COLUMNS_WAIT" }],
      tables: [{ problem: null, waiting: ["b", "c"] }],
    });

    deploy(mirror, { a: text, b: text, c: number });
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, tables: [{ mode: "full", waiting: [] }] });
    await mirror.compare();
    // Compared by the triggers since before the deploy.
    await mirror.run("UPDATE $t SET b = 'later' WHERE id = 3");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1 });
    await mirror.compare();
    expect(writer.failures).toEqual([]);
  });

  test("a column that is dropped while it waits is forgotten", async () => {
    const mirror = await openTwo();
    await mirror.sync();
    await mirror.run("ALTER TABLE $t ADD COLUMN b text");
    const dropping = await mirror.runSync("delta", {
      progress: { tableStarted: () => void mirror.run("ALTER TABLE $t DROP COLUMN b") },
    });
    expect(dropping.tables[0]).toMatchObject({ outcome: "done", waiting: ["b"] });
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, tables: [{ waiting: [] }] });
    await mirror.compare();
  });

  test("what was mirrored does not vanish because its new field is not deployed yet", async () => {
    const mirror = await openTwo();
    await mirror.sync();
    const before = mirror.documents();
    mirror.config.mirrors[0]!.columns = { a: { field: "renamed" } };
    for (const mode of ["delta", "full"] as const) {
      const report = (await mirror.runSync(mode)).tables[0]!;
      expect(report).toMatchObject({ outcome: "failed", read: 0, calls: 0, error: { code: "SCHEMA_LAGS" } });
      expect(mirror.documents()).toEqual(before);
    }
    deploy(mirror, { a: text, renamed: text });
    await mirror.sync();
    await mirror.compare();
  });

  test("a first load does not begin before all fields are there: it would be written twice", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, b text, c int); INSERT INTO $t VALUES (1)`,
      schema: (name) => tables(name, { a: text }),
    });
    const report = (await mirror.runSync()).tables[0]!;
    expect(report).toMatchObject({ outcome: "failed", read: 0, calls: 0 });
    expect(report.error).toMatchObject({
      code: "SCHEMA_LAGS",
      message: `The deployed schema of ${mirror.table} lacks b, c.`,
      remedy: expect.stringMatching(PASTE) as string,
    });
    expect(mirror.documents()).toEqual([]);
  });
});
