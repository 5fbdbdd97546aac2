import { describe, expect, test } from "vitest";
import { migrate, untrack } from "../../src/commands/migrate.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { track } from "../support/tracked-table.js";

const open = useMirrors();

const PARTITIONED = `
  CREATE TABLE $t (id int, a text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE $t_sub PARTITION OF $t FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
  CREATE TABLE $t_leaf PARTITION OF $t_sub FOR VALUES FROM (0) TO (50);
  CREATE VIEW $t_view AS SELECT id, a FROM $t_leaf;
  INSERT INTO $t VALUES (1, 'a')`;

/** What `migrate` and then `sync` say of the first mirror. */
async function refusals(mirror: MirrorFixture) {
  const migrated = await migrate({ config: mirror.config, clock: hurriedClock });
  return [migrated.tables[0]!.error, (await mirror.runSync()).tables[0]!.error];
}

const name = (mirror: MirrorFixture, relation: string) => {
  mirror.config.mirrors[0]!.relation = { schema: "public", name: relation };
};

describe("a partition that is named as a mirror", () => {
  test.each([
    ["of a parent that is not tracked", "$t_leaf", false, "$t_leaf is a partition of $t"],
    ["of a tracked parent", "$t_leaf", true, "$t_leaf is a partition of $t"],
    ["that is partitioned itself", "$t_sub", true, "$t_sub is a partition of $t"],
    ["by way of a view", "$t_view", true, "$t_leaf, which $t_view shows, is a partition of $t"],
  ])("%s: one refusal, in migrate and in sync", async (_, relation, parentTracked, says) => {
    const mirror = await open({ ddl: PARTITIONED });
    const named = (text: string) => text.replaceAll("$t", mirror.table);
    if (!parentTracked) await mirror.run("SELECT datahub_sync.untrack('$t')");
    name(mirror, named(relation));
    const [migrated, synced] = await refusals(mirror);
    expect(migrated).toMatchObject({
      code: "RELATION_UNSUPPORTED",
      message: `${named(says)}, and a partition is not mirrored by itself.`,
      remedy: expect.stringMatching(named("^Mirror $t, or")) as string,
    });
    expect(synced).toEqual(migrated);
    expect(mirror.documents()).toEqual([]);

    name(mirror, mirror.table);
    await mirror.migrate();
    expect(await mirror.sync()).toMatchObject({ inserted: 1 });
    await mirror.compare();
  });

  test("that was mirrored by itself before it was attached is refused with what to do, and both ways work", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
    await mirror.run("INSERT INTO $t VALUES (1, 'a')");
    await mirror.sync();
    await mirror.run(`
      CREATE TABLE $t_all (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
      ALTER TABLE $t_all ATTACH PARTITION $t FOR VALUES FROM (0) TO (50);
      INSERT INTO $t_all VALUES (2, 'b')`);
    const [migrated, synced] = await refusals(mirror);
    expect(migrated!.remedy).toContain(`untrack --table ${mirror.table}`);
    expect(synced).toEqual(migrated);

    await mirror.run("ALTER TABLE $t_all DETACH PARTITION $t");
    await mirror.migrate();
    expect(await mirror.sync()).toMatchObject({ inserted: 1 });
    await mirror.compare();

    await mirror.run("ALTER TABLE $t_all ATTACH PARTITION $t FOR VALUES FROM (0) TO (50)");
    const untracked = await untrack({ config: mirror.config, clock: hurriedClock });
    expect(untracked.tables).toMatchObject([{ outcome: "untracked" }]);
    name(mirror, `${mirror.table}_all`);
    await mirror.migrate();
    await mirror.run("UPDATE $t_all SET a = 'c' WHERE id = 1; DELETE FROM $t WHERE id = 2");
    expect(await mirror.sync()).toMatchObject({ mode: "full" });
    await mirror.compare();
    expect((await mirror.status()).notices).toEqual([]);
  });

  test("can still be tracked in SQL", async () => {
    const mirror = await open({ ddl: PARTITIONED });
    await expect(track(mirror.sql, `${mirror.table}_leaf`)).resolves.toBeTypeOf("number");
  });
});
