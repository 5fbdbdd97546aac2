import { defineTable } from "convex/server";
import { v } from "convex/values";
import { expect, test } from "vitest";
import { mirrored } from "../../src/package/convex.js";
import { nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";
const isMending = (step: Step) => step.startsWith("Postgres: mending the tracking");

async function openDrifted(): Promise<MirrorFixture> {
  const fields = { id: mirrored(v.number()), a: mirrored(v.string()) };
  const mirror = await open({ ddl: DDL, schema: (table) => ({ [table]: defineTable(fields) }) });
  await mirror.run(ROWS);
  await mirror.sync();
  await mirror.run("ALTER TABLE $t DISABLE TRIGGER ALL");
  return mirror;
}

async function runWith(mirror: MirrorFixture, sql: string) {
  const isMoment = nth(1, isMending);
  const { report } = await watchRun(mirror, {
    onStep: async (step) => void (isMoment(step) && (await mirror.run(sql))),
  });
  return report!;
}

test("a column that comes while a run mends the tracking waits for its field as any other", async () => {
  const mirror = await openDrifted();
  const report = await runWith(mirror, "ALTER TABLE $t ADD COLUMN late text DEFAULT 'late'");
  expect(report).toMatchObject({ exitCode: 3 });
  expect(report.tables).toMatchObject([{ tracking: "mended", waiting: ["late"], rejected: 0 }]);
  const documents = mirror.documents();
  expect(documents).toHaveLength(30);
  expect(documents.some((document) => "late" in document)).toBe(false);
});

test("a table that takes the other's place while a run mends the tracking is tracked", async () => {
  const mirror = await openDrifted();
  const report = await runWith(mirror, `DROP TABLE $t; ${DDL}; ${ROWS}; UPDATE $t SET a = 'b' WHERE id < 4`);
  expect(report.tables).toMatchObject([{ tracking: "mended", updated: 3 }]);
  await mirror.run("UPDATE $t SET a = 'c' WHERE id = 9");
  expect(await mirror.sync()).toMatchObject({ mode: "delta", tracking: "intact", updated: 1 });
  await mirror.compare();
});
