import { expect, onTestFinished, test } from "vitest";
import { listRuns } from "../../src/commands/read-runs.js";
import { watch, type WatchOptions, type WatchTimes } from "../../src/commands/watch/watch.js";
import { mergeReports } from "../../src/commands/watch/merge-reports.js";
import { SyncError } from "../../src/model/errors.js";
import type { RunReport } from "../../src/model/report.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { PostgresGate } from "../support/postgres-gate.js";
import { NOTHING, RUN, TABLE } from "../support/sample-reports.js";

const open = useMirrors();

const DDL = `CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n`;

const silent = {
  ...{ showsProgress: false, tableStarted() {}, tableProgress() {}, tableFinished() {}, notice() {} },
};

const TIMES: WatchTimes = { minIntervalMs: 0, idlePauseMs: 400, roundEveryMs: 3_600_000, fullEveryMs: 1e12 };

/** A watch that is told what to do next each time that it has nothing to do, and stopped when there is no more. */
async function watchThrough(
  mirror: Pick<MirrorFixture, "config">,
  steps: (() => Promise<unknown> | undefined)[],
  given: Partial<WatchOptions> = {},
) {
  const stop = new AbortController();
  const runs: { report: RunReport; isRound: boolean }[] = [];
  const failures: string[] = [];
  await watch({
    ...{ config: mirror.config, times: TIMES, progress: silent, clock: hurriedClock, signal: stop.signal },
    around: async (run, isRound) => {
      const report = await run();
      runs.push({ report, isRound });
      return report;
    },
    failed: ({ code }) => failures.push(code),
    idle: async () => {
      const step = steps.shift();
      if (step === undefined) stop.abort(new SyncError({ code: "INTERRUPTED", message: "m", remedy: "r" }));
      await step?.();
    },
    ...given,
  });
  return { runs: runs.map(({ report, isRound }) => ({ ...report, isRound })), failures };
}

test("what commits is mirrored by a run of its table alone, and a watch that is stopped ends", async () => {
  const mirror = await open({
    ddl: DDL,
    mirrors: [{ relation: "$t" }, { relation: "$t", name: "second", exclude: ["a"] }],
  });
  const { runs } = await watchThrough(mirror, [
    () => mirror.run("UPDATE $t SET a = 'b' WHERE id <= 3"),
    () => mirror.run("DELETE FROM $t WHERE id = 20"),
    () => undefined,
  ]);
  expect(runs.map(({ isRound, tables }) => [isRound, tables.length])).toEqual([
    [true, 2],
    [false, 2],
    [false, 2],
  ]);
  expect(runs.map(({ totals: { inserted, updated, deleted } }) => [inserted, updated, deleted])).toEqual([
    [40, 0, 0],
    [0, 3, 0],
    [0, 0, 2],
  ]);
  await mirror.compare();
});

test("tables that have nothing to do cost nothing, and the small runs of an hour are one in the history", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_other (id int PRIMARY KEY)`,
    mirrors: [{ relation: "$t" }, { relation: "$t_other", name: "other" }],
  });
  const { runs } = await watchThrough(mirror, [
    () => mirror.run("UPDATE $t SET a = 'b' WHERE id <= 3"),
    () => mirror.run("UPDATE $t SET a = 'c' WHERE id <= 2"),
    () => mirror.run("INSERT INTO $t_other VALUES (1)"),
  ]);
  expect(runs.map(({ tables }) => tables.map(({ table }) => table))).toEqual([
    [mirror.table, "other"],
    [mirror.table],
    [mirror.table],
    ["other"],
  ]);
  const options = { config: mirror.config, clock: hurriedClock, signal: new AbortController().signal };
  const history = await listRuns({ ...options, limit: 10 });
  expect(history).toMatchObject([
    { id: runs[1]!.runId, totals: { updated: 5, inserted: 1 }, grown: { [mirror.table]: 0, other: 1 } },
    { id: runs[0]!.runId, loaded: true },
  ]);
  // No call is lost to the account.
  const calls = runs.reduce((sum, { totals }) => sum + totals.calls, 0);
  expect(history.reduce((sum, { totals }) => sum + totals.calls, 0)).toBe(calls);
});

test("a database that goes away is waited for, and what was missed is mirrored", async () => {
  const mirror = await open({ ddl: DDL });
  const gate = await PostgresGate.open(mirror.config.database.url.reveal());
  onTestFinished(async () => {
    gate.cut();
    if (gate.listening) await gate.shut();
  });
  const { port } = new URL(gate.url);
  const behind = { ...mirror.config, database: { ...mirror.config.database, port: Number(port) } };
  let failures = 0;
  const { runs } = await watchThrough(
    { config: behind },
    [
      async () => {
        await gate.shut();
        await mirror.run("UPDATE $t SET a = 'missed' WHERE id <= 4");
      },
      () => undefined,
    ],
    {
      failed: ({ code }) => {
        expect(code).toMatch(/^DATABASE_/);
        failures += 1;
        if (failures === 2) void gate.reopen();
      },
    },
  );
  expect(failures).toBeGreaterThanOrEqual(2);
  expect(runs.at(-1)).toMatchObject({ totals: { updated: 4 } });
  await mirror.compare();
});

test("another run may hold the lease: the watch goes on when it is free", async () => {
  const mirror = await open({ ddl: DDL });
  let held = 1;
  const { failures, runs } = await watchThrough(
    mirror,
    [() => mirror.run("UPDATE $t SET a = 'b'"), () => undefined],
    {
      around: async (run) => {
        if (held-- > 0) throw new SyncError({ code: "LEASE_HELD", message: "m", remedy: "r" });
        return run();
      },
    },
  );
  expect(failures).toEqual(["LEASE_HELD"]);
  expect(runs).toEqual([]);
  await mirror.compare();
});

test("a table that fails keeps no other waiting, and is tried again ever more rarely", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_other (id int PRIMARY KEY)`,
    mirrors: [{ relation: "$t" }, { relation: "$t_other", name: "other" }],
  });
  await mirror.runSync();
  await mirror.run(
    "ALTER TABLE $t_other DROP CONSTRAINT $t_other_pkey; INSERT INTO $t_other VALUES (1); UPDATE $t SET a = 'b'",
  );
  const pauses: number[] = [];
  const tables: string[][] = [];
  const stop = new AbortController();
  await watch({
    ...{ config: mirror.config, times: TIMES, progress: silent, signal: stop.signal },
    clock: { ...hurriedClock, random: () => 0.5 },
    around: async (run) => {
      const report = await run();
      tables.push(report.tables.map(({ table, outcome }) => `${table} ${outcome}`));
      return report;
    },
    failed: ({ code, table }, againInMs) => {
      expect([code, table]).toEqual(["NO_KEY", "other"]);
      pauses.push(againInMs);
      if (pauses.length === 5) stop.abort(new SyncError({ code: "INTERRUPTED", message: "m", remedy: "r" }));
    },
  });
  expect(tables[0]).toEqual([`${mirror.table} done`, "other failed"]);
  expect(tables.slice(1)).toEqual(Array(4).fill(["other failed"]));
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
});

/** The clock of the computer, which a step can set forward by an hour. */
function leapingClock() {
  let ahead = 0;
  const hour = () => {
    ahead += 3_600_000;
    return undefined;
  };
  return { clock: { ...hurriedClock, now: () => Date.now() + ahead }, hour };
}

test("all tables are run by the watch's own clock, and compared one after the other when that is due", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_other (id int PRIMARY KEY)`,
    mirrors: [{ relation: "$t" }, { relation: "$t_other", name: "other" }],
  });
  const { clock, hour } = leapingClock();
  const times = { ...TIMES, fullEveryMs: 2.5 * 3_600_000 };
  const compared: string[] = [];
  /** Until both are compared; an hour does not pass again. */
  const more = (): Promise<unknown> | undefined => {
    if (compared.length < 2) steps.push(more);
    return undefined;
  };
  const steps = [hour, hour, hour, more];
  await watchThrough(mirror, steps, {
    ...{ clock, times },
    around: async (run) => {
      const report = await run();
      if (report.mode === "full") compared.push(...report.tables.map(({ table }) => table));
      return report;
    },
  });
  expect(compared.sort()).toEqual([mirror.table, "other"].sort());
});

/** Holds the first run that is of this kind until it is let go; what the others were. */
function holdOne(isHeld: (report: RunReport) => boolean) {
  const seen: { held: RunReport | null; others: RunReport[]; letGo: () => void } = {
    ...{ held: null, others: [], letGo: () => {} },
  };
  const around: WatchOptions["around"] = async (run) => {
    const report = await run();
    if (seen.held !== null || !isHeld(report)) {
      seen.others.push(report);
      return report;
    }
    seen.held = report;
    await new Promise<void>((resolve) => (seen.letGo = resolve));
    return report;
  };
  return { seen, around };
}

/** A step that is repeated until something is so. */
function until(steps: (() => Promise<unknown> | undefined)[], isSo: () => boolean, then: () => void) {
  const step = (): Promise<unknown> | undefined => {
    if (isSo()) then();
    else steps.unshift(step);
    return undefined;
  };
  return step;
}

const tablesOf = (reports: readonly RunReport[]) =>
  reports.flatMap(({ tables }) => tables.map(({ table }) => table));

test("the first load of a table that was added keeps no other table waiting", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_new (id int PRIMARY KEY); INSERT INTO $t_new VALUES (1)`,
    mirrors: [{ relation: "$t" }, { relation: "$t_new", name: "new" }],
  });
  await mirror.runSync("delta", { only: [mirror.table] });
  const { seen, around } = holdOne(({ tables }) => tables[0]!.table === "new");
  const steps: (() => Promise<unknown> | undefined)[] = [];
  steps.push(
    until(
      steps,
      () => seen.held !== null,
      () => {},
    ),
    () => mirror.run("UPDATE $t SET a = 'b' WHERE id = 1"),
    until(
      steps,
      () => seen.others.some(({ totals }) => totals.updated === 1),
      () => seen.letGo(),
    ),
    until(
      steps,
      () => true,
      () => {},
    ),
  );
  const { failures } = await watchThrough(mirror, steps, { around });
  expect(failures).toEqual([]);
  expect(seen.held).toMatchObject({ tables: [{ table: "new", firstLoad: true }] });
  expect(tablesOf(seen.others)).toEqual([mirror.table, mirror.table]);
  await mirror.compare();
});

test("nor does a comparison: one table after the other is compared", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_other (id int PRIMARY KEY)`,
    mirrors: [{ relation: "$t" }, { relation: "$t_other", name: "other" }],
  });
  await mirror.runSync();
  await mirror.run(
    "UPDATE datahub_sync.mirrors SET last_full_at = now() - interval '9 days' WHERE name = '$t'",
  );
  await mirror.run(
    "UPDATE datahub_sync.mirrors SET last_full_at = now() - interval '8 days' WHERE name = 'other'",
  );
  const { seen, around } = holdOne(({ mode }) => mode === "full");
  const steps: (() => Promise<unknown> | undefined)[] = [];
  steps.push(
    until(
      steps,
      () => seen.held !== null,
      () => {},
    ),
    () => mirror.run("INSERT INTO $t_other VALUES (1)"),
    until(
      steps,
      () => seen.others.some(({ totals }) => totals.inserted === 1),
      () => seen.letGo(),
    ),
    until(
      steps,
      () => seen.others.some(({ mode }) => mode === "full"),
      () => {},
    ),
  );
  const times = { ...TIMES, fullEveryMs: 7 * 86_400_000 };
  await watchThrough(mirror, steps, { around, times });
  expect(tablesOf([seen.held!])).toEqual([mirror.table]);
  expect(tablesOf(seen.others.filter(({ mode }) => mode === "full"))).toEqual(["other"]);
});

test("a table whose comparison fails keeps no other from being compared", async () => {
  const mirror = await open({
    ddl: `${DDL}; CREATE TABLE $t_other (id int PRIMARY KEY)`,
    mirrors: [{ relation: "$t" }, { relation: "$t_other", name: "other" }],
  });
  await mirror.runSync();
  await mirror.run(
    "UPDATE datahub_sync.mirrors SET last_full_at = now() - interval '9 days' WHERE name = '$t'",
  );
  await mirror.run(
    "UPDATE datahub_sync.mirrors SET last_full_at = now() - interval '8 days' WHERE name = 'other'",
  );
  const compared: string[] = [];
  const steps: (() => Promise<unknown> | undefined)[] = [];
  steps.push(
    until(
      steps,
      () => compared.includes("other"),
      () => {},
    ),
  );
  const error = new SyncError({ code: "PERMISSION_DENIED", message: "m", remedy: "r", table: mirror.table });
  const { failures } = await watchThrough(mirror, steps, {
    times: { ...TIMES, fullEveryMs: 7 * 86_400_000 },
    around: async (run) => {
      const report = await run();
      if (report.mode !== "full") return report;
      compared.push(...tablesOf([report]));
      if (compared.length === 1) throw error;
      return report;
    },
  });
  expect(compared).toEqual([mirror.table, "other"]);
  expect(failures).toEqual(["PERMISSION_DENIED"]);
});

test("runs begin no sooner than is asked for, and looks become rarer the less happens", async () => {
  const mirror = await open({ ddl: DDL });
  const pauses: number[] = [];
  const clock = {
    ...hurriedClock,
    now: () => 0,
    sleep: (ms: number, signal?: AbortSignal) => {
      // The database and the run wait for other reasons, and longer.
      if (ms <= 5_000 && ms >= 100) pauses.push(ms);
      return ms <= 5_000 ? Promise.resolve() : hurriedClock.sleep(ms, signal);
    },
  };
  const times = { ...TIMES, minIntervalMs: 5_000, idlePauseMs: 700 };
  const nothing = () => undefined;
  await watchThrough(
    mirror,
    [nothing, nothing, nothing, nothing, () => mirror.run("UPDATE $t SET a = 'b'"), nothing, nothing],
    { clock, times },
  );
  expect(pauses).toEqual([100, 200, 400, 700, 700, 5_000, 100, 200, 400]);
});

test("a mistake that no waiting mends ends the watch", async () => {
  const mirror = await open({ ddl: DDL });
  const error = new SyncError({ code: "CONFIG_INVALID", message: "m", remedy: "r" });
  await expect(watchThrough(mirror, [], { around: () => Promise.reject(error) })).rejects.toBe(error);
});

test("what lacks when it begins ends it at once; once it has worked, all may come back", async () => {
  const mirror = await open({ ddl: DDL });
  const wrongKey = new SyncError({ code: "WRONG_SYNC_KEY", message: "m", remedy: "r" });
  await expect(watchThrough(mirror, [], { around: () => Promise.reject(wrongKey) })).rejects.toBe(wrongKey);
  let runs = 0;
  const { failures } = await watchThrough(
    mirror,
    [() => mirror.run("UPDATE $t SET a = 'b'"), () => undefined],
    {
      around: async (run) => {
        if (++runs === 2) throw wrongKey;
        return run();
      },
    },
  );
  expect(failures).toEqual(["WRONG_SYNC_KEY"]);
  await mirror.compare();
  await mirror.run("DROP SCHEMA datahub_sync CASCADE");
  await expect(watchThrough(mirror, [])).rejects.toMatchObject({ code: "MIGRATIONS_MISSING" });
});

test("two runs as one: what happened is added up, and what is so is the later one's", () => {
  const later: RunReport = {
    ...RUN,
    runId: "later",
    durationMs: 100,
    exitCode: 5,
    tables: [
      { ...TABLE, heldBack: 2 },
      { ...TABLE, table: "new" },
    ],
    totals: { ...NOTHING, updated: 20, heldBack: 2, calls: 4 },
  };
  const earlier: RunReport = {
    ...RUN,
    tables: [{ ...TABLE, heldBack: 9, firstLoad: true }],
    totals: { ...NOTHING, updated: 10, heldBack: 9, calls: 2 },
  };
  expect(mergeReports(earlier, later)).toMatchObject({
    ...{ runId: RUN.runId, exitCode: 5, durationMs: RUN.durationMs + 100, finishedAt: later.finishedAt },
    totals: { updated: 30, heldBack: 2, calls: 6 },
    tables: [
      { table: TABLE.table, updated: 20, heldBack: 2, firstLoad: true },
      { table: "new", updated: 10 },
    ],
  });
});
