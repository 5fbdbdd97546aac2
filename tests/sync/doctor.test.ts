import { expect, test } from "vitest";
import { examine, type DoctorOptions } from "../../src/commands/doctor/examine.js";
import type { Check, DoctorReport } from "../../src/model/doctor-report.js";
import { Secret } from "../../src/model/secret.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { createTestDatabase } from "../support/postgres.js";
import { asRunner } from "../support/runner-role.js";
import { quietSurroundings } from "../support/surroundings.js";

const open = useMirrors();

async function examineMirror(
  mirror: MirrorFixture,
  given: Partial<DoctorOptions> = {},
): Promise<DoctorReport> {
  return examine({
    here: quietSurroundings(),
    source: mirror.config,
    config: mirror.config,
    clock: hurriedClock,
    signal: new AbortController().signal,
    ...given,
  });
}

/** What is not as it should be, by name. */
function troubles({ checks }: DoctorReport): Record<string, Check["outcome"]> {
  return Object.fromEntries(
    checks.flatMap(({ name, outcome }) => (outcome === "ok" ? [] : [[name, outcome]])),
  );
}

const find = ({ checks }: DoctorReport, name: string) => checks.find((check) => check.name === name)!;

const DDL =
  "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";

test("a mirror that runs is well, before its first run and after it, and nothing is changed by looking", async () => {
  const mirror = await open({ ddl: DDL });
  expect(troubles(await examineMirror(mirror))).toEqual({});
  await mirror.sync();
  const before = { record: await mirror.record(), state: mirror.state() };
  const { written } = await writesOf(mirror, async () => {
    const report = await examineMirror(mirror);
    expect(report).toMatchObject({ ok: true, exitCode: 0 });
    expect(troubles(report)).toEqual({});
    expect(find(report, mirror.table).finding).toMatch(/^30 rows mirrored, \d+ s old/);
  });
  expect({ record: await mirror.record(), state: mirror.state() }).toEqual(before);
  expect(written).toBe(0);
});

async function writesOf(mirror: MirrorFixture, work: () => Promise<void>): Promise<{ written: number }> {
  mirror.deployment.resetUsage();
  await work();
  const { byTable } = mirror.deployment.usage();
  return { written: Object.values(byTable).reduce((sum, { documentsWritten }) => sum + documentsWritten, 0) };
}

test("what is wrong on one side keeps it from nothing of the other", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.sync();
  const { config } = mirror;

  const wrongKey = { ...config, convex: { ...config.convex, syncKey: new Secret("another key, as long") } };
  const noKey = await examineMirror(mirror, { config: wrongKey });
  expect(noKey).toMatchObject({ ok: false, exitCode: 6 });
  expect(troubles(noKey)).toEqual({ deployment: "problem" });
  expect(find(noKey, "deployment").remedy).toContain("CONVEX_SYNC_AUTH_KEY");
  expect(find(noKey, mirror.table).finding).toContain("can be mirrored");

  const url = new URL(mirror.db.url);
  url.port = "1";
  const database = { ...config.database, url: new Secret(url.href), port: 1 };
  const stopped = await examineMirror(mirror, { source: { ...config, database } });
  expect(troubles(stopped)).toEqual({ connection: "problem", migrations: "left-out", all: "left-out" });
  expect(find(stopped, "deployment").outcome).toBe("ok");

  const unnamed = await examineMirror(mirror, { config: null });
  expect(troubles(unnamed)).toEqual({ deployment: "left-out" });
  expect(find(unnamed, mirror.table).outcome).toBe("ok");
});

test("a database that was never migrated: what can be mirrored is said, and what to do first", async () => {
  const mirror = await open({ ddl: DDL });
  const fresh = await createTestDatabase();
  try {
    await fresh.sql.unsafe(DDL.replaceAll("$t", mirror.table));
    const url = new URL(fresh.url);
    const database = {
      ...mirror.config.database,
      url: new Secret(fresh.url),
      database: url.pathname.slice(1),
    };
    const report = await examineMirror(mirror, { source: { ...mirror.config, database } });
    expect(troubles(report)).toEqual({ migrations: "problem" });
    expect(find(report, "migrations").remedy).toContain("datahub-sync migrate");
    expect(find(report, mirror.table).finding).toContain("can be mirrored, by id");
  } finally {
    await fresh.drop();
  }
});

test("each table is looked at by itself", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_gone (id int PRIMARY KEY); CREATE TABLE $t_shrinks (id int PRIMARY KEY);
          CREATE TABLE $t_loose (id int PRIMARY KEY); INSERT INTO $t_shrinks SELECT generate_series(1, 100)`,
    mirrors: [
      { relation: "$t" },
      { relation: "$t_gone" },
      { relation: "$t_shrinks" },
      { relation: "$t_loose" },
    ],
  });
  await mirror.runSync();
  await mirror.run("DELETE FROM $t_shrinks WHERE id > 10");
  await mirror.runSync();
  await mirror.run("DROP TABLE $t_gone; ALTER TABLE $t_loose DISABLE TRIGGER ALL");
  const report = await examineMirror(mirror);
  const [table, gone, shrinks, loose] = mirror.config.mirrors.map(({ name }) => name);
  expect(troubles(report)).toEqual({ [gone!]: "problem", [shrinks!]: "warning", [loose!]: "warning" });
  expect(find(report, table!).outcome).toBe("ok");
  expect(find(report, shrinks!).remedy).toBe(
    `If they are meant: datahub-sync sync --allow-deletes ${shrinks!}`,
  );
  expect(find(report, loose!).finding).toContain("disabled");
});

test("a role that only runs, and a clock that is wrong, are warned of", async () => {
  const mirror = await open({ ddl: DDL });
  const { runner, role } = await asRunner(mirror);
  await mirror.run(`SELECT datahub_sync.grant_runner('${role}')`);
  const late = { ...hurriedClock, now: () => hurriedClock.now() - 400_000 };
  const report = await examineMirror(runner, { clock: late });
  expect(troubles(report)).toEqual({ rights: "warning", clock: "warning" });
  expect(find(report, "clock").finding).toContain("400 s behind");
  expect(find(report, "rights").finding).toContain(mirror.table);
});
