import { describe, expect, test } from "vitest";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { createMigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture, useMirrors } from "../support/mirror-fixture.js";
import { expectFull, loadedMirror, openAnother, PAGED, QUIET, ROWS } from "../support/paged-mirror.js";

const open = useMirrors();

describe("invariant 6: the deployment was restored, or exchanged", () => {
  test("to the middle of a run that went on and then crashed: what was acknowledged since is gone", async () => {
    const mirror = await open(PAGED);
    await mirror.run(ROWS);
    for (const work of ["a load", "a delta"]) {
      await mirror.run(`UPDATE $t SET a = '${work}'`);
      let backup: ReturnType<typeof mirror.deployment.export> | undefined;
      const isFirst = nth(1, isProgress);
      const crashed = await watchRun(mirror, {
        crashBefore: nth(4, isProgress),
        onStep: (step) => {
          if (isFirst(step)) backup = mirror.deployment.export();
        },
      });
      expect([work, crashed.crashed]).toEqual([work, true]);
      mirror.deployment.import(backup!);
      await mirror.expireLease();
      await expectFull(mirror, /Convex was restored to before what the interrupted run had written/);
    }
  });

  test("and the run that was to go on never began: the next one notices as well", async () => {
    const mirror = await loadedMirror(open);
    await mirror.run("UPDATE $t SET a = 'b'");
    let backup: ReturnType<typeof mirror.deployment.export> | undefined;
    const isFirst = nth(1, isProgress);
    await watchRun(mirror, {
      crashBefore: nth(4, isProgress),
      onStep: (step) => {
        if (isFirst(step)) backup = mirror.deployment.export();
      },
    });
    await mirror.expireLease();
    await watchRun(mirror, { crashBefore: (step) => step === "Convex: beginRuns" });
    mirror.deployment.import(backup!);
    await mirror.expireLease();
    await expectFull(mirror, /Convex was restored to before/);
  });

  test("two deployments of one source change places, by their URLs", async () => {
    const mirror = await loadedMirror(open);
    const other = await openAnother(mirror);
    await other.sync();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id < 4; DELETE FROM $t WHERE id = 9");
    await other.sync();
    const [ours, theirs] = [mirror.deployment.export(), other.deployment.export()];
    mirror.deployment.import(theirs);
    other.deployment.import(ours);
    await expectFull(mirror, /one of the two was restored/);
    await expectFull(other, /one of the two was restored/);
  });

  test("the mirror moved to a deployment with another URL, documents and all", async () => {
    const mirror = await loadedMirror(open);
    const other = await openAnother(mirror);
    other.deployment.import(mirror.deployment.export());
    await mirror.run("UPDATE $t SET a = 'b' WHERE id < 4; DELETE FROM $t WHERE id = 9");
    await mirror.sync();
    await expectFull(other, /Postgres does not remember the last run/);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("a deployment that mirrors another source, under the old URL, is left alone", async () => {
    const mirror = await loadedMirror(open);
    const other = await createMigratedDatabase();
    try {
      const theirs = await MirrorFixture.create(other, mirror.table, PAGED);
      await theirs.migrate();
      await theirs.run("INSERT INTO $t VALUES (1, 'of another source')");
      await theirs.sync();
      mirror.deployment.import(theirs.deployment.export());
      await theirs.close();
      const refused = await mirror.runSync();
      expect(refused.tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
      expect(mirror.documents()).toMatchObject([{ a: "of another source" }]);
      await mirror.sync("delta", { takeOver: true });
      await mirror.compare();
    } finally {
      await other.drop();
    }
  });
});
