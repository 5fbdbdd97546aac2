import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { expectFull, loadedMirror, openAnother, PAGED, ROWS } from "../support/paged-mirror.js";

const open = useMirrors();

describe("one source and several mirrors of a table", () => {
  const kept = async (mirror: MirrorFixture) => {
    const [row] = await mirror.run(
      `SELECT count(*)::int AS n FROM datahub_sync.changes JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
        WHERE relation_oid = '${mirror.table}'::regclass`,
    );
    return row!["n"] as number;
  };
  /** As if the mirror had not run for so long. */
  const rest = (mirror: MirrorFixture, days: number, name = mirror.table) =>
    mirror.run(
      `UPDATE datahub_sync.mirrors SET watermark_at = now() - interval '${days} days'
        WHERE name = '${name}' AND target_id = (SELECT id FROM datahub_sync.targets WHERE url = '${mirror.config.convex.url}')`,
    );

  test("in two deployments: both get every change, and none is forgotten before both have", async () => {
    const mirror = await loadedMirror(open);
    const other = await openAnother(mirror);
    await other.sync();
    for (let id = 1; id <= 3; id++) {
      await mirror.run(`DELETE FROM $t WHERE id = ${id}; UPDATE $t SET a = 'x${id}' WHERE id = 20`);
      await mirror.sync();
    }
    expect(await kept(mirror)).toBe(6);
    expect(await other.sync()).toMatchObject({ mode: "delta", read: 1, updated: 1, deleted: 3 });
    await other.compare();
    await mirror.sync();
    await other.sync();
    await mirror.sync();
    expect(await kept(mirror)).toBe(0);
  });

  test("a deployment that is no longer used: status says what waits for it, and it does not wait for ever", async () => {
    const mirror = await loadedMirror(open);
    const left = await openAnother(mirror);
    await left.sync();
    await mirror.run("DELETE FROM $t WHERE id = 1");
    await mirror.sync();
    await rest(left, 29);
    await mirror.sync();
    expect(await kept(mirror)).toBe(1);
    expect((await mirror.status()).notices).toEqual([
      {
        code: "CHANGES_KEPT",
        message: expect.stringMatching(
          new RegExp(
            `^1 entry of the change log is kept for the mirror ${mirror.table} of ${left.config.convex.url}, .* not run since`,
          ),
        ) as string,
      },
    ]);
    await rest(left, 31);
    await mirror.sync();
    expect(await kept(mirror)).toBe(0);
    expect((await mirror.status()).notices).toEqual([]);
    // It is used again after all.
    await expectFull(left, /Postgres does not remember the last run/);
  });

  test("a mirror that was taken out of the configuration, and put back", async () => {
    const mirror = await open({
      ...PAGED,
      ddl: `${PAGED.ddl}; CREATE VIEW $t_v AS SELECT id FROM $t`,
      mirrors: [{ relation: "$t" }, { relation: "$t_v" }],
    });
    await mirror.run(ROWS);
    await mirror.sync();
    const view = mirror.config.mirrors.pop()!;
    await mirror.run("DELETE FROM $t WHERE id = 1");
    await mirror.sync();
    await rest(mirror, 2, view.name);
    await mirror.sync();
    expect(await kept(mirror)).toBe(1);
    expect((await mirror.status()).notices).toMatchObject([
      { code: "CHANGES_KEPT", message: expect.stringContaining(view.name) as string },
    ]);
    await rest(mirror, 31, view.name);
    await mirror.sync();
    expect(await kept(mirror)).toBe(0);
    mirror.config.mirrors.push(view);
    const report = await mirror.runSync();
    expect(report.tables.map(({ mode, deleted }) => [mode, deleted])).toEqual([
      ["delta", 0],
      ["full", 1],
    ]);
    await mirror.compare();
  });

  test("changes of a table that nobody mirrors do not pile up", async () => {
    const mirror = await loadedMirror(open);
    await mirror.run(
      `CREATE TABLE $t_unmirrored (id int PRIMARY KEY); SELECT datahub_sync.track('$t_unmirrored')`,
    );
    await mirror.run("INSERT INTO $t_unmirrored VALUES (1), (2); DELETE FROM $t_unmirrored WHERE id = 1");
    const left = () =>
      mirror.run(
        `SELECT key FROM datahub_sync.changes JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
          WHERE relation_oid = '$t_unmirrored'::regclass`,
      );
    expect(await left()).toHaveLength(3);
    await mirror.sync();
    expect(await left()).toEqual([]);
  });
});
