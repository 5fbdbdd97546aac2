import { describe, expect, test, vi } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { PLAIN, SHAPE } from "./shape-suite.js";

/** How much newer the encoder is than this one, which a test raises as an update of the program would. */
const encoder = vi.hoisted(() => ({ newer: 0 }));
vi.mock("../../src/encode/type-table.js", async (original) => {
  const actual = await original<{ ENCODER_VERSION: number }>();
  return {
    ...actual,
    get ENCODER_VERSION() {
      return actual.ENCODER_VERSION + encoder.newer;
    },
  };
});

const open = useMirrors();

/** A run in which every document is another than before, then one that reads nothing, and then deltas again. */
async function expectAllAnew(mirror: MirrorFixture): Promise<void> {
  for (const report of (await mirror.runSync()).tables) {
    expect(report).toMatchObject({ outcome: "done", mode: "full", read: 20, updated: 20, deleted: 0 });
    expect(report.notices).toEqual([
      { code: "BECAME_FULL", message: expect.stringMatching(SHAPE) as string },
    ]);
  }
  await mirror.compare();
  for (const report of (await mirror.runSync()).tables) {
    expect(report).toMatchObject({ outcome: "done", mode: "delta", read: 0, deleted: 0, notices: [] });
  }
  for (const table of (await mirror.status()).tables) {
    expect(table).toMatchObject({ tracking: "intact", problem: null });
  }
  await mirror.run("UPDATE $t SET n = 21 WHERE id = 20; DELETE FROM $t WHERE id = 19");
  for (const report of (await mirror.runSync()).tables) {
    expect(report).toMatchObject({ mode: "delta", read: 1, updated: 1, deleted: 1, notices: [] });
  }
  await mirror.compare();
}

function firstDocument(mirror: MirrorFixture): Record<string, unknown> {
  const { _id, ...fields } = mirror.documents().find(({ id }) => id === 1)!;
  return fields;
}

/** What shapes the documents besides the rows: when it changes, documents no longer say what rows do. */
describe("the next run compares everything, and only that one, after a change of", () => {
  test.each<[string, MirrorFixture["config"]["mirrors"][number]["columns"], Record<string, unknown>]>([
    ["a column's encoding", { n: { encoding: "int64" } }, { id: 1, n: 1n, a: "1" }],
    ["a column's encoding to text", { n: { encoding: "text" } }, { id: 1, n: "1", a: "1" }],
    ["a column's field", { a: { field: "shown" } }, { id: 1, n: 1, shown: "1" }],
  ])("%s", async (_, columns, document) => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.run("INSERT INTO $t SELECT n, n, n FROM generate_series(1, 20) n");
    await mirror.sync();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0 });
    mirror.config.mirrors[0]!.columns = columns;
    await expectAllAnew(mirror);
    expect(firstDocument(mirror)).toEqual(document);
  });

  test("the encoder's version, in every kind of relation", async () => {
    const mirror = await open({
      ddl: `CREATE TYPE $t_state AS ENUM ('on', 'off');
            CREATE TABLE $t (id int, n int, a text, s $t_state DEFAULT 'on', PRIMARY KEY (id)) PARTITION BY RANGE (id);
            CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (10);
            CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (10) TO (30);
            CREATE VIEW $t_v AS SELECT id, n * 2 AS twice FROM $t`,
      mirrors: [{ relation: "$t" }, { relation: "$t_v" }],
    });
    await mirror.run("INSERT INTO $t SELECT n, n, n FROM generate_series(1, 20) n");
    await mirror.sync();
    encoder.newer = 1;
    try {
      await expectAllAnew(mirror);
    } finally {
      encoder.newer = 0;
    }
    expect(firstDocument(mirror)).toEqual({ id: 1, n: 1, a: "1", s: "on" });
  });
});
