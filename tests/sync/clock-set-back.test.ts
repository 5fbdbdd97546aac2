import { expect, test } from "vitest";
import { watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

async function loaded(): Promise<MirrorFixture> {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
  await mirror.run("INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n");
  await mirror.sync();
  return mirror;
}

/** As if what is pending had been found at other times of the clock. */
async function moveFound(mirror: MirrorFixture, by: string): Promise<void> {
  await mirror.run(`
    UPDATE datahub_sync.pending_deletions SET found_at = found_at + interval '${by}'
     WHERE target_id = (SELECT target_id FROM datahub_sync.mirrors WHERE name = '$t')`);
}

test("invariant 1: a comparison deletes what it finds gone, though the clock of Postgres is set back meanwhile", async () => {
  const mirror = await loaded();
  await mirror.run("DELETE FROM $t WHERE id = 7");
  mirror.deployment.insert(mirror.table, { id: 21, a: "of nobody" });
  const { report } = await watchRun(mirror, {
    mode: "deep",
    onStep: async (step) => {
      if (step.startsWith("Postgres: clearing the deletions")) await moveFound(mirror, "-1 minute");
    },
  });
  expect(report).toMatchObject({ exitCode: 0, totals: { deleted: 2, heldBack: 0 } });
  await mirror.compare();
});

test("invariant 8: what was held back and is found no more is forgotten, though the clock was set back since", async () => {
  const mirror = await loaded();
  const strangers = Array.from({ length: 30 }, (_, id) =>
    mirror.deployment.insert(mirror.table, { id, a: "of nobody" }),
  );
  expect(await mirror.sync("deep")).toMatchObject({ heldBack: 30 });
  await moveFound(mirror, "1 hour");
  for (const id of strangers) mirror.deployment.remove(id);
  expect(await mirror.sync("deep")).toMatchObject({ heldBack: 0 });
  await mirror.compare();
});
