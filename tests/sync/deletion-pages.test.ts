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
