import { expect, test } from "vitest";
import { nth, watchRun } from "../support/crash.js";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

test("invariant 2: what is remembered of a mirror is removed as its run begins, and the log with it: nothing is lost", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 9) n",
  });
  await mirror.sync();
  await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 3");
  // After the run has read where it begins. As an operator may, or the run of another deployment after 30 days.
  const isTime = nth(1, (step) => step.startsWith("Postgres: writing the start"));
  const { report } = await watchRun(mirror, {
    onStep: async (step) => {
      if (isTime(step))
        await mirror.run("DELETE FROM datahub_sync.mirrors; DELETE FROM datahub_sync.changes");
    },
  });
  expect(report!.tables[0]).toMatchObject({
    outcome: "failed",
    error: { code: "DATABASE_FAILED", message: expect.stringContaining("was removed while") as string },
  });
  expect(await mirror.sync()).toMatchObject({ mode: "full", updated: 3 });
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0 });
});
