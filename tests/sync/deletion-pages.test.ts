import { expect, test } from "vitest";
import { watchRun } from "../support/crash.js";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

test("logged changes of several pages are all read, though their ids gain a digit", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY)",
    settings: { pageRows: 2 },
  });
  await mirror.run("INSERT INTO $t SELECT generate_series(1, 30)");
  await mirror.sync();
  // Ids 95 to 124: in the order of texts, "100" comes before "95".
  await mirror.run("DISCARD SEQUENCES; SELECT setval('datahub_sync.changes_id_seq', 94); DELETE FROM $t");
  const [first] = await mirror.run(
    `SELECT min(c.id)::int AS id FROM datahub_sync.changes c JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
      WHERE relation_oid = '$t'::regclass AND kind = 'd'`,
  );
  expect(first).toEqual({ id: 95 });
  const report = await mirror.sync("delta", { allowDeletes: true });
  expect(report).toMatchObject({ mode: "delta", deleted: 30 });
  await mirror.compare();
});

test("invariant 10: a comparison writes down what is gone page by page, however much it is", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY)",
    settings: { pageRows: 2 },
  });
  await mirror.run("INSERT INTO $t SELECT generate_series(1, 30)");
  await mirror.sync();
  await mirror.run("DELETE FROM $t");
  const { steps, report } = await watchRun(mirror, { mode: "full" });
  expect(report!.tables[0]).toMatchObject({ mode: "full", heldBack: 30 });
  // Pages of eight keys.
  expect(steps.filter((step) => step.includes("recording deletions"))).toHaveLength(4);
});

test("deletions are made in pages as long as other lists of keys, and written down as acknowledged once a page", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY)",
    settings: { pageRows: 50 },
  });
  await mirror.run("INSERT INTO $t SELECT generate_series(1, 1000)");
  await mirror.sync();
  await mirror.run("DELETE FROM $t");
  const { steps, report } = await watchRun(mirror, { allowDeletes: true });
  expect(report!.tables[0]).toMatchObject({ mode: "delta", deleted: 1_000 });
  // Pages of 400 keys: each is read to look whether its keys live again, and once more to be deleted.
  const made = steps.slice(steps.findIndex((step) => step.includes("counting the deletions")));
  const count = (text: string) => made.filter((step) => step.includes(text)).length;
  expect(count("counting the deletions")).toBe(1);
  expect(count("reading the deletions")).toBe(2 * (3 + 1));
  expect(count("looking up keys")).toBe(3);
  expect(count("Convex: applyBatch")).toBe(3);
  expect(count("Convex: rotateFence")).toBe(3);
  expect(count("recording deletions")).toBe(3);
  await mirror.compare();
});

test("a key that lives again under another spelling is neither counted as one that was dropped nor kept", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id numeric PRIMARY KEY, n int)",
  });
  await mirror.run("INSERT INTO $t SELECT i, i FROM generate_series(1, 40) AS i");
  await mirror.sync();
  // 1 and 1.0 are equal in SQL: the row that is found by the one key is another one.
  await mirror.run(
    "DELETE FROM $t WHERE id <= 10; INSERT INTO $t SELECT i + 0.0, i FROM generate_series(1, 10) AS i",
  );
  const report = await mirror.sync("delta");
  expect(report).toMatchObject({ inserted: 10, deleted: 10, heldBack: 0 });
  const ids = mirror.documents().map(({ id }) => id as string);
  expect(ids.filter((id) => Number(id) <= 10).sort()).toEqual(
    Array.from({ length: 10 }, (_, i) => `${i + 1}.0`).sort(),
  );
  expect(ids).toHaveLength(40);
});
