import { expect, test } from "vitest";
import { watchRun } from "../support/crash.js";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

test("recorded deletions of several pages are all made, though their ids gain a digit", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY)",
    settings: { pageRows: 2 },
  });
  await mirror.run("INSERT INTO $t SELECT generate_series(1, 30)");
  await mirror.sync();
  // Ids 95 to 124: in the order of texts, "100" comes before "95".
  await mirror.run("SELECT setval(pg_get_serial_sequence('datahub_sync.deletions', 'id'), 94)");
  await mirror.run("DELETE FROM $t");
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
