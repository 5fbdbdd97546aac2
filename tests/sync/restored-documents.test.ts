import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

test("invariant 8: documents that a deep run restores are no new rows, and do not make up for those that go", async () => {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
  await mirror.run("INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 100) n");
  await mirror.sync();
  for (const { _id, id } of mirror.documents()) if ((id as number) <= 40) mirror.deployment.remove(_id);
  await mirror.run("DELETE FROM $t WHERE id > 60; INSERT INTO $t VALUES (101, 'new')");
  expect(await mirror.sync("deep")).toMatchObject({ inserted: 41, deleted: 0, heldBack: 40 });
  expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 40, heldBack: 0 });
  await mirror.compare();
});
