import { expect, test } from "vitest";
import { collectPage } from "../../src/commands/html-report/collect.js";
import { listRuns, showRun } from "../../src/commands/read-runs.js";
import { readStatus } from "../../src/commands/read-status.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

const DDL =
  "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";

const optionsOf = ({ config }: MirrorFixture) => ({
  ...{ config, clock: hurriedClock, signal: new AbortController().signal },
});

test("runs are listed by what they did, shown whole, and pictured", async () => {
  const mirror = await open({ ddl: DDL });
  const options = optionsOf(mirror);
  expect(await listRuns({ ...options, limit: 5 })).toEqual([]);
  const load = await mirror.runSync();
  await mirror.run(
    "UPDATE $t SET a = 'b' WHERE id <= 4; DELETE FROM $t WHERE id = 30; INSERT INTO $t VALUES (31, 'c'), (32, 'c')",
  );
  const delta = await mirror.runSync();
  const idle = await mirror.runSync("full");

  const runs = await listRuns({ ...options, limit: 5 });
  expect(runs.map(({ id }) => id)).toEqual([idle.runId, delta.runId, load.runId]);
  expect(runs[1]).toEqual({
    ...{ id: delta.runId, mode: "delta", exitCode: 0, loaded: false, failed: [] },
    ...{ startedAt: expect.any(String) as string, durationMs: delta.durationMs, totals: delta.totals },
    watermarkAt: delta.tables[0]!.watermark.at,
    grown: { [mirror.table]: 1 },
  });
  expect(Date.parse(runs[1]!.startedAt)).toBe(Date.parse(delta.startedAt));
  expect(runs[2]).toMatchObject({ loaded: true, grown: { [mirror.table]: 30 } });
  expect(await listRuns({ ...options, limit: 1 })).toHaveLength(1);
  expect((await readStatus(options)).recentRuns).toEqual(runs);

  expect(await showRun({ ...options, id: delta.runId.slice(0, 12) })).toEqual(
    JSON.parse(JSON.stringify(delta)),
  );
  await expect(showRun({ ...options, id: "nobody" })).rejects.toMatchObject({
    message: "No run is called nobody.",
  });
  await expect(showRun({ ...options, id: "" })).rejects.toMatchObject({
    message: "More than one run begins with .",
  });

  const { series } = await collectPage({ ...options, days: 1 });
  expect(series.changed).toEqual([
    [null, 2, 0],
    [null, 4, 0],
    [null, 1, 0],
  ]);
  expect(series.storage.map((bytes) => bytes! > 0)).toEqual([true, true, true]);
  expect(series.storage[0]!).toBeLessThan(series.storage[1]!);
});

test("a run that failed says of which table", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.run("ALTER TABLE $t DROP CONSTRAINT $t_pkey");
  expect(await mirror.runSync()).toMatchObject({ exitCode: 1 });
  expect(await listRuns({ ...optionsOf(mirror), limit: 5 })).toMatchObject([
    { exitCode: 1, failed: [mirror.table], watermarkAt: null },
  ]);
});
