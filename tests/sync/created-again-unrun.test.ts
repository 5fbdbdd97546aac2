import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const AGAIN = `DROP TABLE $t; ${DDL}; INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 9) n`;

test("a table that was dropped and created again before its first run is tracked anew", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.run(AGAIN);
  expect((await mirror.status()).tables[0]!.problem).toMatch(/dropped and created again/);
  expect(await mirror.sync()).toMatchObject({ tracking: "mended", inserted: 9 });
  await mirror.run("UPDATE $t SET a = 'b' WHERE id = 4");
  expect(await mirror.sync()).toMatchObject({ mode: "delta", tracking: "intact", updated: 1 });
  await mirror.compare();
});

test("by a role that does not own it, it is compared until somebody mends that", async () => {
  const mirror = await open({ ddl: DDL });
  const role = `runner_${randomUUID().slice(0, 8)}`;
  await mirror.run(
    `CREATE ROLE ${role} LOGIN PASSWORD 'invented'; SELECT datahub_sync.grant_runner('${role}')`,
  );
  await mirror.run(`${AGAIN}; GRANT SELECT ON $t TO ${role}`);
  const url = new URL(mirror.db.url);
  url.username = role;
  url.password = "invented";
  const runner = mirror.withDatabase({ ...mirror.db, url: url.href });
  expect((await runner.runSync()).tables).toMatchObject([{ tracking: "unmended", inserted: 9 }]);
  await mirror.run("UPDATE $t SET a = 'b' WHERE id = 4");
  expect((await runner.runSync()).tables).toMatchObject([{ mode: "full", tracking: "unmended", updated: 1 }]);
  expect(await mirror.sync()).toMatchObject({ tracking: "mended", updated: 0 });
  await mirror.compare();
});

test("a table that nobody tracks any more is refused, whatever bears its name", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.run("SELECT datahub_sync.untrack('$t')");
  await mirror.run(AGAIN);
  expect((await mirror.runSync()).tables).toMatchObject([{ error: { code: "NOT_TRACKED" } }]);
});
