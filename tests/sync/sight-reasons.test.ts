import { describe, expect, onTestFinished, test } from "vitest";
import { nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { QUIET } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

/** A view whose owner sees the rows that a policy shows him: half of them, where `setup` does nothing else. */
async function hidden(setup = ""): Promise<MirrorFixture> {
  const mirror = await open({
    ddl: `CREATE ROLE $t_owner; CREATE TABLE $t (id int PRIMARY KEY, a text);
          INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n;
          GRANT SELECT ON $t TO $t_owner; CREATE VIEW $t_v AS SELECT id, a FROM $t; ALTER VIEW $t_v OWNER TO $t_owner;
          CREATE POLICY half ON $t USING (id % 2 = 0); ALTER TABLE $t ENABLE ROW LEVEL SECURITY; ${setup}`,
    mirrors: [{ relation: "$t_v" }],
    settings: { pageRows: 3, maxInFlight: 2 },
  });
  onTestFinished(async () => {
    await mirror.run("DROP OWNED BY $t_owner; DROP ROLE $t_owner");
  });
  return mirror;
}

const SECURITY = /row-level security/;
const UNTIL_NOW = /until now each run compared everything/;

async function expectCompared(mirror: MirrorFixture, says: RegExp): Promise<void> {
  const report = await mirror.sync("delta", { allowDeletes: true });
  expect(report.mode).toBe("full");
  expect(report.notices).toEqual([{ code: "BECAME_FULL", message: expect.stringMatching(says) as string }]);
  await mirror.compare();
}

describe("invariant 14: a reason to compare in each run ends, and one run more compares:", () => {
  test.each([
    ["row-level security is disabled", "ALTER TABLE $t DISABLE ROW LEVEL SECURITY"],
    ["the view's owner may pass it by", "ALTER ROLE $t_owner BYPASSRLS"],
    ["the view is of an owner to whom it does not apply", "ALTER VIEW $t_v OWNER TO CURRENT_USER"],
    ["the view is read as whoever asks", "ALTER VIEW $t_v SET (security_invoker = on)"],
    ["its owner owns the table, too", "ALTER TABLE $t OWNER TO $t_owner"],
  ])("%s", async (_, end) => {
    const mirror = await hidden();
    await mirror.sync();
    await expectCompared(mirror, SECURITY);
    expect(mirror.documents()).toHaveLength(10);
    await mirror.run(end);
    await expectCompared(mirror, UNTIL_NOW);
    expect(mirror.documents()).toHaveLength(20);
    expect(await mirror.sync()).toMatchObject(QUIET);
    await mirror.run("UPDATE $t SET a = 'b' WHERE id = 1; DELETE FROM $t WHERE id = 2");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 1, updated: 1, deleted: 1 });
    await mirror.compare();
  });

  test("an interrupted comparison of before it ended does not go on", async () => {
    const mirror = await hidden();
    await mirror.sync();
    await mirror.run("UPDATE $t SET a = 'b'");
    const { crashed } = await watchRun(mirror, {
      crashBefore: nth(2, (step) => step === "Convex: applyBatch"),
    });
    expect(crashed).toBe(true);
    await mirror.expireLease();
    await mirror.run("ALTER TABLE $t DISABLE ROW LEVEL SECURITY");
    await expectCompared(mirror, UNTIL_NOW);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("it ends after the run has looked at the catalog, and before it has read a row", async () => {
    const mirror = await hidden();
    await mirror.sync();
    const { report } = await watchRun(mirror, {
      onStep: async (step) => {
        if (step === "Postgres: taking the snapshot")
          await mirror.run("ALTER TABLE $t DISABLE ROW LEVEL SECURITY");
      },
    });
    expect(report!.tables[0]!.notices.map(({ code }) => code)).toEqual(["BECAME_FULL", "CATALOG_CHANGED"]);
    await expectCompared(mirror, /was changed while the last run went on/);
    expect(mirror.documents()).toHaveLength(20);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("an unlogged table is logged", async () => {
    const mirror = await open({
      ddl: `CREATE UNLOGGED TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t VALUES (1, 'a'), (2, 'b')`,
    });
    await mirror.sync();
    await expectCompared(mirror, /unlogged/);
    await mirror.run("ALTER TABLE $t SET LOGGED");
    await expectCompared(mirror, UNTIL_NOW);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });
});

/** The second is the last before the watermark moves. */
const isLook = (step: Step) => step === "Postgres: reading the catalog";

describe("invariant 14: what a view shows of its rows is changed while a run reads, and is as before when the run ends:", () => {
  test.each([
    [
      "row-level security",
      "ALTER TABLE $t DISABLE ROW LEVEL SECURITY",
      "ALTER TABLE $t ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE $t DISABLE ROW LEVEL SECURITY",
    ],
    [
      "the view's owner",
      "ALTER VIEW $t_v OWNER TO CURRENT_USER",
      "ALTER VIEW $t_v OWNER TO $t_owner",
      "ALTER VIEW $t_v OWNER TO CURRENT_USER",
    ],
  ])("%s, in a full run", async (_, before, hide, show) => {
    const mirror = await hidden(before);
    await mirror.sync();
    expect(mirror.documents()).toHaveLength(20);
    const isRead = nth(1, (step) => step.startsWith("Postgres: comparing keys"));
    const isEnd = nth(2, isLook);
    await watchRun(mirror, {
      mode: "full",
      allowDeletes: true,
      onStep: async (step) => {
        if (isRead(step)) await mirror.run(hide);
        if (isEnd(step)) await mirror.run(show);
      },
    });
    await mirror.sync();
    await mirror.compare();
    expect(mirror.documents()).toHaveLength(20);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("whom it applies to, which is as before when the next run begins", async () => {
    const mirror = await hidden("ALTER ROLE $t_owner BYPASSRLS");
    await mirror.sync();
    const isRead = nth(1, (step) => step.startsWith("Postgres: comparing keys"));
    await watchRun(mirror, {
      mode: "full",
      allowDeletes: true,
      onStep: async (step) => {
        if (isRead(step)) await mirror.run("ALTER ROLE $t_owner NOBYPASSRLS");
      },
    });
    expect(mirror.documents()).toHaveLength(10);
    await mirror.run("ALTER ROLE $t_owner BYPASSRLS");
    await expectCompared(mirror, /was changed while the last run went on/);
    expect(await mirror.sync()).toMatchObject(QUIET);
  });

  test("row-level security, in a delta: a row that changed is no deletion", async () => {
    const mirror = await hidden("ALTER TABLE $t DISABLE ROW LEVEL SECURITY");
    await mirror.sync();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id < 4");
    const isRead = nth(1, (step) => step.startsWith("Postgres: reading the changed keys"));
    const isEnd = nth(2, isLook);
    await watchRun(mirror, {
      onStep: async (step) => {
        if (isRead(step)) await mirror.run("ALTER TABLE $t ENABLE ROW LEVEL SECURITY");
        if (isEnd(step)) await mirror.run("ALTER TABLE $t DISABLE ROW LEVEL SECURITY");
      },
    });
    await mirror.sync();
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject(QUIET);
  });
});

test("invariant 14: row-level security comes while a run reads a table that its role does not own, and goes", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); CREATE POLICY half ON $t USING (id % 2 = 0)",
    settings: { pageRows: 3, maxInFlight: 2 },
  });
  await mirror.run("INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n");
  await mirror.run("CREATE ROLE $t_runner LOGIN PASSWORD 'invented'; GRANT SELECT ON $t TO $t_runner");
  await mirror.run("SELECT datahub_sync.grant_runner('$t_runner')");
  const url = new URL(mirror.db.url);
  url.username = `${mirror.table}_runner`;
  url.password = "invented";
  const runner = mirror.withDatabase({ ...mirror.db, url: url.href });
  await runner.sync();
  const [isRead, isEnd] = [nth(1, (step) => step.startsWith("Postgres: comparing keys")), nth(2, isLook)];
  await watchRun(runner, {
    mode: "full",
    allowDeletes: true,
    onStep: async (step) => {
      if (isRead(step)) await mirror.run("ALTER TABLE $t ENABLE ROW LEVEL SECURITY");
      if (isEnd(step)) await mirror.run("ALTER TABLE $t DISABLE ROW LEVEL SECURITY");
    },
  });
  expect(mirror.documents()).toHaveLength(10);
  expect(await runner.sync()).toMatchObject({ mode: "full", inserted: 10 });
  await mirror.compare();
  expect(await runner.sync()).toMatchObject(QUIET);
});
