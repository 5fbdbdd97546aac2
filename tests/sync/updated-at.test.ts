import { describe, expect, onTestFinished, test } from "vitest";
import type { MirrorConfig } from "../../src/model/config.js";
import { migrate } from "../../src/commands/migrate.js";
import { hurriedClock, MirrorFixture, NOTHING, useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

const DDL = `CREATE TABLE $t (id int PRIMARY KEY, a text, b text, updated_at timestamptz NOT NULL DEFAULT '2026-01-01');
             INSERT INTO $t SELECT n, 'a', 'b' FROM generate_series(1, 237) n`;
const REWRITE =
  "INSERT INTO $t SELECT id, a, b, now() FROM $t ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = excluded.b, updated_at = excluded.updated_at";

async function loaded(config: Partial<Omit<MirrorConfig, "relation">>): Promise<MirrorFixture> {
  const mirror = await open({ ddl: DDL, mirrors: [{ relation: "$t", ...config }] });
  await mirror.sync();
  return mirror;
}

/** Another deployment's mirror of the same table. */
async function openTwin(
  mirror: MirrorFixture,
  config: Partial<Omit<MirrorConfig, "relation">>,
): Promise<MirrorFixture> {
  const twin = await MirrorFixture.create(mirror.db, mirror.table, {
    ddl: "SELECT 1",
    mirrors: [{ relation: "$t", ...config }],
  });
  onTestFinished(() => twin.close());
  return twin;
}

const touched = async (mirror: MirrorFixture) =>
  (await mirror.run("SELECT count(*)::int AS n FROM $t WHERE updated_at > '2026-01-02'"))[0]!["n"];

const ALONE = expect.objectContaining({ code: "TIMESTAMPS_ALONE" }) as unknown;

describe("invariant 4: 237 rows are written again with equal values and another updated_at, and updated_at", () => {
  test("follows the content: nothing is read, and the table keeps its times", async () => {
    const mirror = await loaded({ updatedAt: "content" });
    await mirror.run(REWRITE);
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta", notices: [] });
    expect(await touched(mirror)).toBe(0);
    await mirror.compare();
    expect(await mirror.status()).toMatchObject({
      notices: [],
      tables: [{ updatedAt: "content", changesRead: { total: 0, timestampsAlone: 0 } }],
    });
  });

  test("is as it was written: each row is read and written, and status says what it costs", async () => {
    const mirror = await loaded({ updatedAt: "as-written" });
    await mirror.run(REWRITE);
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 237, updated: 237 });
    expect(await touched(mirror)).toBe(237);
    await mirror.compare();
    const status = await mirror.status();
    expect(status.tables[0]).toMatchObject({
      updatedAt: "as-written",
      changesRead: { total: 237, timestampsAlone: 237 },
    });
    expect(status.notices).toContainEqual(ALONE);
    expect(status.notices[0]!.message).toMatch(
      /^100 % of the 237 changes .* "updatedAt": "content".*"ignore": \["updated_at"\]/,
    );
  });

  test.each(["ignore", "exclude"] as const)(
    "is left out (%s): nothing is read, and the table has the new times",
    async (how) => {
      const mirror = await loaded({ [how]: ["updated_at"] });
      await mirror.run(REWRITE);
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta", notices: [] });
      expect(await touched(mirror)).toBe(237);
      await mirror.compare();
      expect((await mirror.status()).notices).toEqual([]);
    },
  );
});

describe("a row that did change", () => {
  test.each(["content", "as-written"] as const)(
    "has the time that was written with it (%s)",
    async (updatedAt) => {
      const mirror = await loaded({ updatedAt });
      await mirror.run("UPDATE $t SET a = 'new', updated_at = '2026-03-04 05:06:07.123456+00' WHERE id <= 3");
      expect(await mirror.sync()).toMatchObject({ read: 3, updated: 3 });
      await mirror.compare();
      expect(
        mirror.documents().filter(({ updated_at: at }) => at === "2026-03-04T05:06:07.123456Z"),
      ).toHaveLength(3);
    },
  );

  test("has the time of the change where the writer gives none, if it follows the content; its own otherwise", async () => {
    for (const [updatedAt, moved] of [
      ["content", 3],
      ["as-written", 0],
    ] as const) {
      const mirror = await loaded({ updatedAt });
      await mirror.run("UPDATE $t SET a = 'new' WHERE id <= 3");
      expect(await mirror.sync()).toMatchObject({ read: 3, updated: 3 });
      await mirror.compare();
      expect(await touched(mirror)).toBe(moved);
    }
  });
});

describe("status tells of timestamps alone", () => {
  test("not before a hundred changes, and not where half of them were of more", async () => {
    const mirror = await loaded({ updatedAt: "as-written" });
    await mirror.run("UPDATE $t SET updated_at = now() WHERE id <= 99");
    await mirror.sync();
    expect((await mirror.status()).notices).toEqual([]);
    await mirror.run("UPDATE $t SET updated_at = now() WHERE id = 100");
    await mirror.sync();
    expect((await mirror.status()).notices).toEqual([ALONE]);
    await mirror.run("UPDATE $t SET a = 'c', updated_at = now() WHERE id <= 101");
    await mirror.sync();
    const status = await mirror.status();
    expect(status.tables[0]!.changesRead).toEqual({ total: 201, timestampsAlone: 100 });
    expect(status.notices).toEqual([]);
  });

  test("and counts each change once, whatever runs follow", async () => {
    const mirror = await loaded({ updatedAt: "as-written" });
    await mirror.run("UPDATE $t SET updated_at = now()");
    await mirror.sync();
    await mirror.sync("full");
    await mirror.sync();
    expect((await mirror.status()).tables[0]!.changesRead).toEqual({ total: 237, timestampsAlone: 237 });
  });
});

describe("two deployments mirror different columns of one table", () => {
  test("both are exact, and neither reads what only the other shows", async () => {
    const first = await loaded({ exclude: ["b", "updated_at"] });
    const second = await openTwin(first, { exclude: ["a", "updated_at"] });
    await second.migrate();
    await second.sync();
    expect(await first.sync()).toMatchObject({ mode: "full", read: 0 }); // its triggers compare more than before
    await first.run("UPDATE $t SET a = 'x' WHERE id <= 5");
    await first.run("UPDATE $t SET b = 'y' WHERE id BETWEEN 4 AND 10");
    await first.run(
      "UPDATE $t SET updated_at = now(); DELETE FROM $t WHERE id = 20; INSERT INTO $t VALUES (300, 'x', 'y')",
    );
    for (const mirror of [first, second]) {
      expect(await mirror.sync()).toMatchObject({
        mode: "delta",
        inserted: 1,
        updated: mirror === first ? 5 : 7,
        deleted: 1,
      });
      await mirror.compare();
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta", notices: [] });
    }
  });

  test("one shows updated_at as written, the other leaves it out", async () => {
    const first = await loaded({ updatedAt: "as-written" });
    const second = await openTwin(first, { ignore: ["updated_at"] });
    await second.migrate();
    await second.sync();
    await first.run("UPDATE $t SET updated_at = now() WHERE id <= 9; UPDATE $t SET a = 'x' WHERE id = 1");
    await first.sync();
    expect(await second.sync()).toMatchObject({ mode: "delta", updated: 1 });
    for (const mirror of [first, second]) await mirror.compare();
  });

  test("one wants it to follow the content, the other as written: migrate refuses, and changes nothing", async () => {
    const first = await loaded({ updatedAt: "as-written" });
    const second = await openTwin(first, { updatedAt: "content" });
    const { tables } = await migrate({ config: second.config, clock: hurriedClock });
    expect(tables[0]).toMatchObject({ outcome: "failed", error: { code: "UPDATED_AT_DISPUTED" } });
    await first.run(REWRITE);
    expect(await first.sync()).toMatchObject({ mode: "delta", updated: 237 });
    await first.compare();
  });
});
