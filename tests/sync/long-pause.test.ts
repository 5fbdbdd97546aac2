import { expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n";

/** As if the mirror's last run had been so long ago. */
const pause = (mirror: MirrorFixture, days: number) => mirror.sql`
  UPDATE datahub_sync.mirrors SET watermark_at = watermark_at - make_interval(days => ${days})
   WHERE target_id = (SELECT id FROM datahub_sync.targets WHERE url = ${mirror.config.convex.url})`;

const countEntries = async (mirror: MirrorFixture) =>
  (
    await mirror.run(`SELECT count(*)::int AS n FROM datahub_sync.changes
                       WHERE tracked_id = (SELECT tracked_id FROM datahub_sync.mirrors WHERE name = '$t')`)
  )[0]!["n"];

test("a mirror that runs again after more than 30 days goes on where it was, and then frees its part of the change log", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.run(ROWS);
  await mirror.sync();
  await mirror.run("DELETE FROM $t WHERE id = 7; UPDATE $t SET a = 'b' WHERE id = 8");
  await pause(mirror, 31);
  expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 1, updated: 1, deleted: 1, notices: [] });
  await mirror.compare();
  await mirror.run("UPDATE $t SET a = 'c' WHERE id = 8");
  await mirror.sync();
  await mirror.sync();
  expect(await countEntries(mirror)).toBe(0);
});
