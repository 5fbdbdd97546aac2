import { defineTable } from "convex/server";
import { v } from "convex/values";
import { describe, expect, test } from "vitest";
import { mirrored } from "../../convex/datahubSyncPackage.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text, n int)";
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n, n FROM generate_series(1, 20) n";
/** More than a document of Convex can hold. */
const TOO_WIDE = "repeat('x', 1100000)";

/** Documents equal the rows but for these, which have none. */
async function compareWithout(mirror: MirrorFixture, ids: number[]): Promise<void> {
  const expected = await mirror.run(
    `SELECT id, a, n FROM $t WHERE id <> ALL ('{${ids.join()}}') ORDER BY id`,
  );
  const actual = mirror.documents().map(({ _id, ...document }) => document);
  expect(actual.sort((x, y) => (x["id"] as number) - (y["id"] as number))).toEqual(expected);
}

describe("invariant 7: a row that cannot be mirrored losslessly", () => {
  test("complaint 5: is set aside with the reason, and the rest goes on", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 3, totals: { inserted: 19, rejected: 1 } });
    await compareWithout(mirror, [7]);
    const status = await mirror.status();
    expect(status.exitCode).toBe(3);
    expect(status.tables[0]!.rejected).toEqual([
      {
        key: "7",
        code: expect.any(String) as string,
        column: null,
        reason: expect.not.stringContaining("xxx") as string,
      },
    ]);
  });

  test("is reported by each run until it is mended, and mirrored then", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    for (const mode of ["delta", "full", "delta"] as const) {
      expect([mode, (await mirror.runSync(mode)).exitCode]).toEqual([mode, 3]);
    }
    await mirror.run("UPDATE $t SET a = 'mended' WHERE id = 7");
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { inserted: 1, rejected: 0 } });
    await mirror.compare();
  });

  test("is forgotten when it is gone, though deletions are held back", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id <= 15");
    expect(await mirror.sync()).toMatchObject({ heldBack: 14, rejected: 0 });
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 14, rejected: 0 });
    await mirror.compare();
  });

  test("does not leave its older document behind as if that were current", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.sync();
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7; UPDATE $t SET a = 'x' WHERE id = 8`);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { updated: 1, rejected: 1 } });
    await compareWithout(mirror, [7]);
  });

  test.each(["delta", "full"] as const)("is forgotten when the row is deleted (%s)", async (mode) => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id = 7");
    expect(await mirror.runSync(mode)).toMatchObject({ exitCode: 0, totals: { rejected: 0 } });
    await mirror.compare();
  });

  test("is one that the deployed schema refuses, too", async () => {
    const mirror = await open({
      ddl: DDL,
      schema: (table) => ({
        [table]: defineTable({
          id: mirrored(v.number()),
          a: mirrored(v.union(v.string(), v.literal("row 3"))),
          n: mirrored(
            v.union(v.literal(1), v.literal(2), ...Array.from({ length: 17 }, (_, n) => v.literal(n + 4))),
          ),
        }),
      }),
    });
    await mirror.run(ROWS);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { inserted: 19, rejected: 1 } });
    await compareWithout(mirror, [3]);
    expect((await mirror.status()).tables[0]!.rejected[0]!.reason).toContain('"n"');
  });

  test("is a fault of the whole table when nothing passes: the run stops and the watermark stays", async () => {
    const mirror = await open({
      ddl: DDL,
      schema: (table) => ({
        [table]: defineTable({ id: mirrored(v.string()), a: mirrored(v.string()), n: mirrored(v.number()) }),
      }),
    });
    await mirror.run("INSERT INTO $t SELECT n, 'row ' || n, n FROM generate_series(1, 60) n");
    const report = await mirror.runSync();
    expect(report.exitCode).toBe(1);
    expect(report.tables[0]!.error).toMatchObject({ code: "SYSTEMIC_REFUSAL" });
    expect(await mirror.record()).toMatchObject({ watermark: null, last_full_outcome: "SYSTEMIC_REFUSAL" });
    expect(mirror.documents()).toEqual([]);
  });
});
