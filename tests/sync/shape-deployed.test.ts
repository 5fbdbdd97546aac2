import { defineSchema, defineTable } from "convex/server";
import { v, type Validator } from "convex/values";
import { describe, expect, test } from "vitest";
import { datahubSyncTables, defineDatahubSync } from "../../convex/datahubSyncPackage.js";
import { useMirrors } from "../support/mirror-fixture.js";
import { Writer } from "../support/writer.js";

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
