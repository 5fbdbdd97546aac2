import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors({ settings: { pageKeys: 20, pageHashes: 20 } });

async function loaded(): Promise<MirrorFixture> {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, raw jsonb)" });
  await mirror.run(`INSERT INTO $t SELECT n, 'row ' || n, '{"k": [1, 2]}' FROM generate_series(1, 50) n`);
  await mirror.sync();
  return mirror;
}
const find = (mirror: MirrorFixture, id: number) =>
  mirror.documents().find((document) => document["id"] === id)!;

describe("invariant 1: a deep run mends what was done by hand in Convex:", () => {
  test("a document edited, one deleted, one added", async () => {
    const mirror = await loaded();
    mirror.deployment.patch(find(mirror, 3)._id, { a: "edited" });
    mirror.deployment.patch(find(mirror, 4)._id, { raw: { k: [1, 3] } });
    mirror.deployment.patch(find(mirror, 5)._id, { extra: true });
    mirror.deployment.patch(find(mirror, 6)._id, { a: undefined });
    mirror.deployment.remove(find(mirror, 7)._id);
    mirror.deployment.remove(find(mirror, 50)._id);
    mirror.deployment.insert(mirror.table, { id: 3, a: "added" });

    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0 });
    expect(await mirror.sync("full")).toMatchObject({ mode: "full", read: 0 });
    const report = await mirror.sync("deep");
    expect(report).toMatchObject({ mode: "deep", updated: 4, inserted: 2, deleted: 1 });
    expect(report.notices).toContainEqual({
      code: "DOCUMENTS_MENDED",
      message: expect.stringMatching(/4 documents edited and 2 documents removed/) as string,
    });
    await mirror.compare();
  });

  test("nothing, where nothing was done: every document is read, and none is written", async () => {
    const mirror = await loaded();
    const cost = await mirror.cost(async () => {
      const report = await mirror.sync("deep");
      expect(report).toMatchObject({ mode: "deep", updated: 0, inserted: 0, unchanged: 0, deleted: 0 });
      expect(report.notices).toEqual([]);
    });
    expect(cost.documentsWritten).toBe(0);
    expect(cost.documentsRead).toBeGreaterThanOrEqual(50);
  });

  test("beside what changed in Postgres", async () => {
    const mirror = await loaded();
    mirror.deployment.patch(find(mirror, 3)._id, { a: "edited" });
    await mirror.run("UPDATE $t SET a = 'changed' WHERE id IN (3, 4); DELETE FROM $t WHERE id = 5");
    mirror.deployment.remove(find(mirror, 5)._id);
    expect(await mirror.sync("deep")).toMatchObject({ updated: 2, deleted: 1 });
    await mirror.compare();
  });

  test("many documents added are held back, and forgotten when they are gone", async () => {
    const mirror = await loaded();
    const ids = Array.from({ length: 30 }, (_, n) =>
      mirror.deployment.insert(mirror.table, { id: n, a: "added" }),
    );
    expect(await mirror.runSync("deep")).toMatchObject({ exitCode: 5, totals: { heldBack: 30 } });
    for (const id of ids.slice(5)) mirror.deployment.remove(id);
    expect(await mirror.runSync("deep")).toMatchObject({ exitCode: 0, totals: { heldBack: 0, deleted: 5 } });
    await mirror.compare();
  });

  test("of documents whose keys were written otherwise since, though SQL calls them equal", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id numeric PRIMARY KEY, a text)" });
    // More than one page of documents: the old document of a key is in another page than the new one.
    await mirror.run("INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 600) n");
    await mirror.sync();
    await mirror.run("UPDATE $t SET id = 1.0 WHERE id = 1; UPDATE $t SET id = 40.00 WHERE id = 40");
    expect(await mirror.sync("deep")).toMatchObject({ inserted: 2, deleted: 2 });
    const ids = mirror.documents().map((document) => document["id"]);
    const expected = Array.from(
      { length: 600 },
      (_, n) => ({ 1: "1.0", 40: "40.00" })[n + 1] ?? String(n + 1),
    );
    expect(ids.sort()).toEqual(expected.sort());
  });
});
