import { expect, test } from "vitest";
import { checkHealth } from "../../src/commands/check-health.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

const health = ({ config }: MirrorFixture, maxAgeSeconds: number) =>
  checkHealth({ config, maxAgeSeconds, clock: hurriedClock, signal: new AbortController().signal });

test("says how old each mirror is by the database's clock, the oldest first, and calls Convex for nothing", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_b (id int PRIMARY KEY)",
    mirrors: [{ relation: "$t" }, { relation: "$t_b" }],
  });
  const [first, second] = mirror.config.mirrors.map(({ name }) => name);
  expect(await health(mirror, 3600)).toMatchObject({
    ok: false,
    exitCode: 6,
    tables: [{ ageSeconds: null }, { ageSeconds: null }],
  });

  await mirror.runSync();
  mirror.deployment.resetUsage();
  const fresh = await health(mirror, 3600);
  expect(fresh).toMatchObject({ ok: true, exitCode: 0 });
  expect(mirror.deployment.usage().calls).toBe(0);

  await mirror.run(
    `UPDATE datahub_sync.mirrors SET watermark_at = clock_timestamp() - interval '2 hours' WHERE name = '${second!}'`,
  );
  const stale = await health(mirror, 3600);
  expect(stale).toMatchObject({ ok: false, exitCode: 6 });
  expect(stale.tables.map(({ table }) => table)).toEqual([second, first]);
  expect(stale.tables[0]!.ageSeconds).toBeGreaterThanOrEqual(7200);
  expect((await health(mirror, 7300)).ok).toBe(true);
});
