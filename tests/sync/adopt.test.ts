import { convexToJson } from "convex/values";
import { expect, test } from "vitest";
import { findStrangers } from "../../src/commands/adopt/find-strangers.js";
import { runSync } from "../../src/sync/run-sync.js";
import { watchRun } from "../support/crash.js";
import { hurriedClock, NOTHING, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors({ settings: { pageRows: 10, pageKeys: 10, pageHashes: 10 } });

const DDL = `CREATE TABLE $t (id uuid, no int8, at timestamptz, name text, note text, PRIMARY KEY (id, no, at));
  INSERT INTO $t SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, n, timestamptz '2026-01-01 00:00:00.5+00', 'n' || n
    FROM generate_series(1, 40) n`;

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const AT = "2026-01-01T00:00:00.500000Z";

/** As somebody's own script has left the table: most of it right, some outdated, some nobody's. */
function plant(mirror: MirrorFixture): Map<number, string> {
  const { deployment, table } = mirror;
  const ids = new Map<number, string>();
  for (let n = 1; n <= 20; n++) {
    const name = n <= 15 ? `n${n}` : "outdated";
    ids.set(n, deployment.insert(table, { id: uuid(n), no: BigInt(n), at: AT, name, note: null }));
  }
  deployment.insert(table, { id: uuid(3), no: 3n, at: AT, name: "once more", note: null });
  deployment.insert(table, { id: uuid(99), no: 99n, at: AT, name: "of nobody", note: null });
  deployment.insert(table, { id: "no uuid", no: 1n, at: AT, name: "no key" });
  deployment.insert(table, { id: uuid(4), name: "a field is lacking" });
  deployment.insert(table, { id: uuid(5), no: "5", at: AT, name: "another type" });
  return ids;
}

const adopt = (mirror: MirrorFixture, { remove = false } = {}) =>
  runSync({
    config: mirror.config,
    mode: "full",
    allowDeletes: [],
    takeOver: false,
    adopt: [mirror.table],
    removeStrangers: remove ? [mirror.table] : [],
    progress: {
      showsProgress: false,
      tableStarted() {},
      tableProgress() {},
      tableFinished() {},
      notice() {},
    },
    clock: hurriedClock,
    signal: new AbortController().signal,
  });

const look = ({ config }: MirrorFixture) =>
  findStrangers({ config, clock: hurriedClock, signal: new AbortController().signal });

const FOUND = { equal: 15, differing: 5, withoutRow: 1, doubles: 2, withoutKey: 2 };

test("documents of before are counted by what they are, and become the mirror's with their _id", async () => {
  const mirror = await open({ ddl: DDL });
  const ids = plant(mirror);
  const before = JSON.stringify(mirror.documents().map((document) => convexToJson(document as never)));
  expect(await look(mirror)).toMatchObject([FOUND]);
  expect(JSON.stringify(mirror.documents().map((document) => convexToJson(document as never)))).toBe(before);

  mirror.deployment.resetUsage();
  const report = await adopt(mirror);
  expect(report.tables).toMatchObject([{ inserted: 20, updated: 5, deleted: 0, heldBack: 5 }]);
  expect(report.exitCode).toBe(5);
  expect(report.tables[0]!.notices.map(({ code }) => code)).toContain("DOCUMENTS_ADOPTED");
  expect(mirror.deployment.usage().byTable[mirror.table]!.documentsWritten).toBe(25);
  for (const [n, id] of ids)
    expect(mirror.documents().find(({ _id }) => _id === id)).toMatchObject({ name: `n${n}` });

  expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ ...NOTHING, deleted: 5 });
  await mirror.compare();
  expect(await look(mirror)).toMatchObject([
    { equal: 0, differing: 0, withoutRow: 0, doubles: 0, withoutKey: 0 },
  ]);
});

test("a mirror that runs takes over what was added by hand, and removes the rest where that is asked for", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.sync();
  const twice = mirror.deployment.insert(mirror.table, {
    id: uuid(1),
    no: 1n,
    at: AT,
    name: "n1",
    note: null,
  });
  await mirror.run("INSERT INTO $t VALUES ('" + uuid(50) + "', 50, '" + AT + "', 'new', NULL)");
  const early = mirror.deployment.insert(mirror.table, {
    id: uuid(50),
    no: 50n,
    at: AT,
    name: "early",
    note: null,
  });
  expect(await look(mirror)).toMatchObject([{ equal: 0, differing: 1, doubles: 1 }]);
  const report = await adopt(mirror, { remove: true });
  expect(report.tables).toMatchObject([{ inserted: 0, updated: 1, deleted: 1, heldBack: 0 }]);
  expect(mirror.documents().map(({ _id }) => _id)).toContain(early);
  expect(mirror.documents().map(({ _id }) => _id)).not.toContain(twice);
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta" });
});

test("to remove documents that are nobody's allows no deletion of rows that are gone", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.sync();
  const { deployment, table } = mirror;
  deployment.insert(table, { id: uuid(99), no: 99n, at: AT, name: "of nobody", note: null });
  await mirror.run("DELETE FROM $t");
  const report = await adopt(mirror, { remove: true });
  expect(report.tables).toMatchObject([{ deleted: 1, heldBack: 40 }]);
  expect(mirror.documents()).toHaveLength(40);
});

test("what was recorded as nobody's waits no longer once a row has its key", async () => {
  const mirror = await open({ ddl: DDL });
  const { deployment, table } = mirror;
  const fields = { id: uuid(99), no: 99n, at: AT, name: "early", note: null };
  const id = deployment.insert(table, fields);
  expect(await mirror.sync()).toMatchObject({ inserted: 40, heldBack: 1 });
  await mirror.run(`INSERT INTO $t VALUES ('${uuid(99)}', 99, '${AT}', 'early', NULL)`);
  expect((await adopt(mirror)).tables).toMatchObject([{ inserted: 0, heldBack: 0 }]);
  expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject(NOTHING);
  expect(mirror.documents().map(({ _id }) => _id)).toContain(id);
  await mirror.compare();
});

test("what a restored deployment has lost is brought back as well", async () => {
  const mirror = await open({ ddl: DDL });
  await mirror.sync();
  const { deployment, table } = mirror;
  const documents = [...mirror.documents()];
  deployment.clearTable(table);
  // A copy of the table that was imported again: other documents with the same keys, and some of them missing.
  for (const { _id, _creationTime, ...fields } of documents.slice(0, 30))
    deployment.insert(table, fields as never);
  expect((await adopt(mirror, { remove: true })).tables).toMatchObject([{ mode: "deep", deleted: 30 }]);
  await mirror.compare();
});

test("a crash at any step loses nothing and makes no two of one", async () => {
  const first = await open({ ddl: DDL });
  plant(first);
  const { steps } = await watchRun(first, { adopt: [first.table] });
  expect(steps.some((step) => step.includes("adoptDocuments"))).toBe(true);
  // Up to here nothing of it has begun; of a statement that is made several times in a row, one stands for all.
  const begun = steps.indexOf("Convex: beginRuns");
  const tried = [...steps.keys()].filter((at) => at >= begun && steps[at] !== steps[at - 1]);
  for (const index of tried) {
    const mirror = await open({ ddl: DDL });
    plant(mirror);
    await watchRun(mirror, { adopt: [mirror.table], crashBefore: (_, at) => at === index });
    await mirror.expireLease();
    await adopt(mirror, { remove: true });
    await mirror.sync("deep", { allowDeletes: true });
    await mirror.compare();
    expect(mirror.documents()).toHaveLength(40);
  }
});
