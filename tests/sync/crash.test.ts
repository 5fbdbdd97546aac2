import { describe, expect, test } from "vitest";
import { watchRun, type Step } from "../support/crash.js";
import { MirrorFixture, NOTHING, useMirrors, SMALL_PAGES } from "../support/mirror-fixture.js";

const SETTINGS = { pageRows: 3, ...SMALL_PAGES, maxInFlight: 2 };

const open = useMirrors();

/** Makes the same changes of content each time, with a value that was never there before. */
async function change(mirror: MirrorFixture, round: number): Promise<void> {
  const first = 1000 + round * 10;
  await mirror.run(`UPDATE $t SET a = 'round ${round}' WHERE id BETWEEN 1 AND 12`);
  await mirror.run(`INSERT INTO $t SELECT n, 'new' FROM generate_series(${first}, ${first + 2}) n`);
  await mirror.run(`DELETE FROM $t WHERE id BETWEEN ${first - 10} AND ${first - 9}`);
  await mirror.run(`UPDATE $t SET id = -${first} WHERE id = ${first - 8}`);
}

/** As long as the process is dead, others go on: rows before and behind the place where it stopped. */
async function changeMeanwhile(mirror: MirrorFixture, round: number): Promise<void> {
  await mirror.run(`UPDATE $t SET a = 'meanwhile ${round}' WHERE id IN (1, 11)`);
  await mirror.run(`DELETE FROM $t WHERE id = 2`);
  await mirror.run(`UPDATE $t SET id = 2 WHERE id = 3`);
  await mirror.run(`INSERT INTO $t VALUES (3, 'again ${round}'), (${-round - 1}, 'first')`);
}

async function recover(mirror: MirrorFixture): Promise<void> {
  await mirror.expireLease();
  await mirror.sync("delta", { allowDeletes: true });
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(NOTHING);
}

const written = (mirror: MirrorFixture) =>
  mirror.config.mirrors.reduce(
    (sum, { name }) => sum + (mirror.deployment.usage().byTable[name]?.documentsWritten ?? 0),
    0,
  );

describe("invariant 3: a crash at any step loses nothing, and nothing acknowledged is written again", () => {
  const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
  const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 12) n";

  /** A deployment that has not seen this table yet. */
  async function newDeployment(mirror: MirrorFixture): Promise<MirrorFixture> {
    return MirrorFixture.create(mirror.db, mirror.table, { ddl: "SELECT 1", settings: SETTINGS });
  }

  test("of a first load", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    const whole = await newDeployment(mirror);
    const { steps } = await watchRun(whole);
    await whole.close();
    // Three pages with their cursors are among them, or this test would not say much.
    expect(steps.filter((step) => step.includes("progress"))).toHaveLength(3);

    for (const [index, step] of fromTheLease([...steps, "the end"])) {
      const fresh = await newDeployment(mirror);
      try {
        const run = await watchRun(fresh, { crashBefore: (_, at) => at === index });
        expect([step, run.crashed]).toEqual([step, index < steps.length]);
        await recover(fresh);
        expect([step, written(fresh)]).toEqual([step, 12]);
      } finally {
        await fresh.close();
      }
    }
  });

  test("of a first load, while others write", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    const { steps } = await watchRun(await newDeployment(mirror));
    for (const [round] of fromTheLease(steps)) {
      const fresh = await newDeployment(mirror);
      const late = await mirror.sql.reserve();
      try {
        await late.unsafe(`BEGIN; UPDATE ${mirror.table} SET a = 'late ${round}' WHERE id IN (4, 12)`);
        await watchRun(fresh, { crashBefore: (_, at) => at === round });
        await late.unsafe("COMMIT");
        await changeMeanwhile(mirror, round);
        await recover(fresh);
      } finally {
        late.release();
        await fresh.close();
      }
    }
  });

  // A full run is the first half of a deep one.
  test.each(["delta", "deep"] as const)("of a %s run", async (mode) => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run(ROWS);
    await change(mirror, 0);
    await mirror.sync();
    await change(mirror, 1);
    mirror.deployment.resetUsage();
    const { steps } = await watchRun(mirror, { mode });
    const atOnce = written(mirror);
    await mirror.compare();

    let round = 2;
    for (const [index, step] of fromTheLease(steps)) {
      await change(mirror, round++);
      mirror.deployment.resetUsage();
      const run = await watchRun(mirror, { mode, crashBefore: (_, at) => at === index });
      expect([step, run.crashed]).toEqual([step, true]);
      await recover(mirror);
      expect([step, written(mirror)]).toEqual([step, atOnce]);
    }
  });

  test.each(["delta", "deep"] as const)("of a %s run, while others write", async (mode) => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run(ROWS);
    await mirror.sync();
    await change(mirror, 0);
    const { steps } = await watchRun(mirror, { mode });
    let round = 1;
    for (const [index] of fromTheLease(steps)) {
      await change(mirror, round++);
      const late = await mirror.sql.reserve();
      await late.unsafe(`BEGIN; UPDATE ${mirror.table} SET a = 'late ${round}' WHERE id = 4`);
      await watchRun(mirror, { mode, crashBefore: (_, at) => at === index });
      await late.unsafe("COMMIT");
      late.release();
      await changeMeanwhile(mirror, round);
      await recover(mirror);
    }
  });

  test("of two runs one after the other, each a step further", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run(ROWS);
    let round = 0;
    for (let index = 0; ; index++) {
      const { crashed } = await watchRun(mirror, { crashBefore: (_, at) => at === index });
      if (!crashed) break;
      await mirror.expireLease();
      await changeMeanwhile(mirror, round++);
    }
    expect(round).toBeGreaterThan(15);
    await recover(mirror);
  });
});

describe("invariant 8: what a run held back is not forgotten", () => {
  test("when a comparison crashes at any step, however small its pages", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)", settings: SETTINGS });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 40) n");
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id > 20");
    expect(await mirror.sync()).toMatchObject({ heldBack: 20 });
    const { steps } = await watchRun(mirror, { mode: "full" });
    for (const [index] of fromTheLease(steps)) {
      await watchRun(mirror, { mode: "full", crashBefore: (_, at) => at === index });
      await mirror.expireLease();
      expect(await mirror.sync()).toMatchObject({ heldBack: 20, deleted: 0 });
    }
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ heldBack: 0, deleted: 20 });
    await mirror.compare();
  });

  test("when the run that may delete it crashes before Convex has", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)", settings: SETTINGS });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 40) n");
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id > 20");
    expect(await mirror.sync()).toMatchObject({ heldBack: 20 });
    const run = await watchRun(mirror, {
      allowDeletes: true,
      crashBefore: (step) => step === "Convex: applyBatch",
    });
    expect(run.crashed).toBe(true);
    await mirror.expireLease();
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ heldBack: 0, deleted: 20 });
    await mirror.compare();
  });
});

/** The steps before have changed nothing yet. */
function fromTheLease(steps: Step[]): [number, Step][] {
  const first = steps.indexOf("Postgres: taking the lease");
  expect(first).toBeGreaterThan(0);
  return [...steps.entries()].slice(first);
}
