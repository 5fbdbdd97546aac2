import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";

test("what a failed first load has set aside is forgotten by the next one, where its row is gone", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.run("INSERT INTO $t SELECT n, repeat('x', 1100000) FROM generate_series(1, 30) n");
  expect((await mirror.runSync()).tables).toMatchObject([{ error: { code: "SYSTEMIC_REFUSAL" } }]);
  await mirror.run(`TRUNCATE $t; ${ROWS}; DELETE FROM $t WHERE id > 5`);
  expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { inserted: 5, rejected: 0 } });
  expect((await mirror.status()).tables[0]).toMatchObject({ rejectedRows: 0 });
});
