import { describe, expect, test } from "vitest";
import { isProgress, nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { QUIET } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

/** Twenty rows in a partition, and ten in a table that could be another. */
async function partitioned(ids = "21, 30"): Promise<MirrorFixture> {
  return open({
    ddl: `CREATE TABLE $t (id int, part int, a text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES IN (1);
          CREATE TABLE $t_2 (LIKE $t INCLUDING ALL);
          INSERT INTO $t SELECT n, 1, 'row ' || n FROM generate_series(1, 20) n;
          INSERT INTO $t_2 SELECT n, 2, 'of 2' FROM generate_series(${ids}) n`,
    settings: { pageRows: 3, maxInFlight: 2 },
  });
}

const ATTACH = "ALTER TABLE $t ATTACH PARTITION $t_2 FOR VALUES IN (2)";
const DETACH = "ALTER TABLE $t DETACH PARTITION $t_2";

const isListing = (step: Step) => /^Postgres: (listing|comparing) keys/.test(step);
const isBatch = (step: Step) => step === "Convex: applyBatch";
/** The second is the last before the watermark moves. */
const isLook = (step: Step) => step === "Postgres: reading the catalog";

async function settle(mirror: MirrorFixture): Promise<void> {
  await mirror.sync("delta", { allowDeletes: true });
  await mirror.compare();
  expect(mirror.documents()).toHaveLength(20);
  expect(await mirror.sync()).toMatchObject(QUIET);
}

const KINDS = [
  { kind: "a first load", mode: "delta", earlier: false },
  { kind: "a full run", mode: "full", earlier: true },
] as const;
const KEYS = [
  { where: "behind the others", ids: "21, 30" },
  { where: "before them", ids: "-10, -1" },
  { where: "among them", ids: "1, 10" },
];
const cases = KINDS.flatMap((kind) => KEYS.map((keys) => ({ ...kind, ...keys })));

async function prepared({ ids, earlier }: { ids: string; earlier: boolean }): Promise<MirrorFixture> {
  const mirror = await partitioned(ids);
  if (earlier) await mirror.sync();
  return mirror;
}

describe("invariant 14: a partition is attached while a run lists the table, and detached", () => {
  test.each(cases)("before the next run, in $kind, with keys $where", async (given) => {
    const mirror = await prepared(given);
    const isFirst = nth(1, isListing);
    const { report } = await watchRun(mirror, {
      mode: given.mode,
      onStep: async (step) => {
        if (isFirst(step)) await mirror.run(ATTACH);
      },
    });
    expect(report!.tables[0]!.notices).toContainEqual(expect.objectContaining({ code: "CATALOG_CHANGED" }));
    expect(mirror.documents()).toHaveLength(30);
    await mirror.run(DETACH);
    await settle(mirror);
  });

  test.each(cases)("before that run ends, in $kind, with keys $where", async (given) => {
    const mirror = await prepared(given);
    const [isFirst, isEnd] = [nth(1, isListing), nth(2, isLook)];
    const { report } = await watchRun(mirror, {
      mode: given.mode,
      onStep: async (step) => {
        if (isFirst(step)) await mirror.run(ATTACH);
        if (isEnd(step)) await mirror.run(DETACH);
      },
    });
    expect(mirror.documents()).toHaveLength(30);
    expect(report!.tables[0]!.notices).toContainEqual(expect.objectContaining({ code: "CATALOG_CHANGED" }));
    await settle(mirror);
  });

  test.each(cases)("after that run was killed, in $kind, with keys $where", async (given) => {
    const mirror = await prepared(given);
    const [isFirst, isLate] = [nth(1, isListing), nth(given.earlier ? 2 : 3, isBatch)];
    const { crashed } = await watchRun(mirror, {
      mode: given.mode,
      onStep: async (step) => {
        if (isFirst(step)) await mirror.run(ATTACH);
      },
      crashBefore: isLate,
    });
    expect(crashed).toBe(true);
    await mirror.run(DETACH);
    await mirror.expireLease();
    await settle(mirror);
  });

  const MOMENTS = [
    { when: "before it had written down its first page", page: 1, ids: "-10, -1" },
    { when: "before it had written down a later page", page: 2, ids: "1, 10" },
  ];
  test.each(MOMENTS)("and a first load is killed $when", async ({ page, ids }) => {
    const mirror = await partitioned(ids);
    const isPage = nth(page, isListing);
    const { crashed } = await watchRun(mirror, {
      onStep: async (step) => {
        if (isPage(step)) await mirror.run(ATTACH);
      },
      crashBefore: nth(page, isProgress),
    });
    expect(crashed).toBe(true);
    expect(mirror.documents().filter(({ part }) => part === 2)).not.toEqual([]);
    await mirror.run(DETACH);
    await mirror.expireLease();
    await settle(mirror);
  });

  test("after the run that went on with an interrupted one was killed", async () => {
    const mirror = await partitioned("1, 10");
    await watchRun(mirror, { crashBefore: nth(3, isBatch) });
    await mirror.expireLease();
    const isFirst = nth(1, isListing);
    let advanced = false;
    const { crashed } = await watchRun(mirror, {
      onStep: async (step) => {
        if (isFirst(step)) await mirror.run(ATTACH);
      },
      crashBefore: (step) => {
        if (advanced) return true;
        advanced = step.startsWith("Postgres: moving the watermark");
        return false;
      },
    });
    expect(crashed).toBe(true);
    expect(mirror.documents().length).toBeGreaterThan(20);
    await mirror.run(DETACH);
    await mirror.expireLease();
    await settle(mirror);
  });
});

describe("invariant 14: a row that a delta reads through a partition that comes and goes", () => {
  test.each(["before the run ends", "before the next run", "after it was killed"])("%s", async (when) => {
    const mirror = await partitioned("1, 10");
    await mirror.sync();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
    const [isFirst, isEnd, isLate] = [
      nth(1, (step) => step.startsWith("Postgres: reading rows")),
      nth(2, isLook),
      nth(3, isBatch),
    ];
    await watchRun(mirror, {
      onStep: async (step) => {
        if (isFirst(step)) {
          await mirror.run(ATTACH);
          await mirror.run("INSERT INTO $t VALUES (100, 2, 'through the table')");
        }
        if (when === "before the run ends" && isEnd(step)) await mirror.run(DETACH);
      },
      crashBefore: (step) => when === "after it was killed" && isLate(step),
    });
    if (when !== "before the run ends") await mirror.run(DETACH);
    await mirror.expireLease();
    await settle(mirror);
  });
});

describe("invariant 14: a partition is detached and attached again", () => {
  test.each(KINDS)("while $kind lists the table: its rows do not stay away", async ({ mode, earlier }) => {
    const mirror = await partitioned();
    await mirror.run(ATTACH);
    await mirror.migrate();
    if (earlier) await mirror.sync();
    const [isFirst, isEnd] = [nth(1, isListing), nth(2, isLook)];
    const { report } = await watchRun(mirror, {
      mode,
      allowDeletes: true,
      onStep: async (step) => {
        if (isFirst(step)) await mirror.run(DETACH);
        if (isEnd(step)) await mirror.run(`UPDATE $t_2 SET a = 'meanwhile'; ${ATTACH}`);
      },
    });
    expect(report!.tables[0]!.notices).toContainEqual(expect.objectContaining({ code: "CATALOG_CHANGED" }));
    // Its triggers are other ones.
    expect(await mirror.sync()).toMatchObject({ mode: "full", tracking: "mended" });
    await mirror.compare();
    expect(mirror.documents()).toHaveLength(30);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });
});
