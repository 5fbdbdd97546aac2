import { expect, test } from "vitest";
import type { IsolateOptions } from "../../local/convex/isolate.js";
import { useMirrors } from "../support/mirror-fixture.js";

const openMirror = useMirrors();

const DDL = `
  CREATE TABLE $t (id int PRIMARY KEY, a text, data jsonb);
  INSERT INTO $t SELECT n, 'a' || n, (SELECT jsonb_object_agg('f' || f, n * f) FROM generate_series(1, 20) f)
    FROM generate_series(1, 300) n`;

test.each<[string, IsolateOptions]>([
  ["a database so slow that 20 rows take the 15 s", { tripMs: 300 }],
  ["a tenth of the time that a batch needs", { maxOwnMs: 10 }],
  ["a heap that holds few rows", { maxHeapBytes: 150_000 }],
])("%s: every run gets to its end, and no row is set aside", async (_, isolate) => {
  const mirror = await openMirror({ ddl: DDL, deployment: { isolate } });
  const runs = async () => {
    expect(await mirror.sync()).toMatchObject({ inserted: 300, rejected: 0 });
    await mirror.run("UPDATE $t SET a = 'changed' WHERE id <= 100; DELETE FROM $t WHERE id > 295");
    expect(await mirror.sync()).toMatchObject({ updated: 100, deleted: 5, rejected: 0 });
    await mirror.run("ALTER TABLE $t DISABLE TRIGGER ALL; UPDATE $t SET a = 'unseen' WHERE id <= 50");
    await mirror.run("ALTER TABLE $t ENABLE TRIGGER ALL");
    expect(await mirror.sync("full")).toMatchObject({ updated: 50, rejected: 0 });
    const [document] = mirror.documents();
    mirror.deployment.patch(document!._id, { a: "by hand" });
    expect(await mirror.sync("deep")).toMatchObject({ rejected: 0 });
  };
  await runs();
  await mirror.compare();
  expect((await mirror.status()).tables[0]).toMatchObject({ rejected: [] });
});
