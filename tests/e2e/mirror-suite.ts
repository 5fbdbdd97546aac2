import { describe, expect, it } from "vitest";
import type { RunReport } from "../../src/model/report.js";
import { createOtherJob } from "../../local/data/other-job.js";
import { SOURCE_TABLES } from "../../local/data/source-tables.js";
import { readBothSides } from "./both-sides.js";
import { NOTHING, setUpScene, tableOf } from "./scene.js";
import type { StackKind } from "./stack.js";

const TABLES = SOURCE_TABLES.map(({ name }) => name);
const ISO_TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/) as string;
const COUNT = expect.any(Number) as number;
const ANNOUNCEMENT = "is going to move only when the content changes";

/** The main job: what psql shows is what `npx convex data` shows, at the cost of what changed (invariants 1, 2, 4). */
export function describeMirror(kind: StackKind): void {
  describe(`the mirror, on ${kind.name}`, () => {
    const scene = setUpScene(kind, { scale: 0.02 });
    const rows = () => scene.stack.sql<{ count: number }[]>`SELECT count(*)::int AS count FROM sow_drops`;

    /** Documents written to the mirrors themselves, by the meter; null where there is none. */
    async function documentsWritten(): Promise<number | null> {
      const usage = await scene.stack.usage?.();
      if (usage === undefined) return null;
      return TABLES.reduce((sum, table) => sum + (usage.byTable[table]?.documentsWritten ?? 0), 0);
    }

    async function expectEqualSides(): Promise<void> {
      const { databaseUrl, convex } = scene.stack;
      const read = (table: string) => readBothSides(databaseUrl, convex, table);
      for (const [index, sides] of (await Promise.all(TABLES.map(read))).entries()) {
        expect(sides.convex, TABLES[index]).toEqual(sides.postgres);
      }
    }

    it("is announced before anything is changed: what happens to updated_at", async () => {
      const { sql, databaseUrl } = scene.stack;
      const role = `announced_${crypto.randomUUID().replaceAll("-", "")}`;
      await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'of-a-test'`);
      try {
        // It may change nothing: what it is told comes before the first change.
        const url = Object.assign(new URL(databaseUrl), { username: role, password: "of-a-test" });
        const refused = await scene.cli.run(["migrate"], { DATABASE_URL: url.href });
        expect(refused).toMatchObject({ code: 1, stdout: "" });
        const announced = refused.stderr.indexOf(ANNOUNCEMENT);
        expect(announced).toBeGreaterThanOrEqual(0);
        expect(refused.stderr.indexOf("error:")).toBeGreaterThan(announced);
        for (const table of TABLES) expect(refused.stderr.slice(0, announced)).toContain(table);
        expect(refused.stderr).toContain("would delete every unchanged row");
        expect(await sql`SELECT FROM pg_namespace WHERE nspname = 'datahub_sync'`).toHaveLength(0);
      } finally {
        await sql.unsafe(`DROP ROLE ${role}`);
      }
    });

    it("is filled by two commands", async () => {
      const migrated = await scene.cli.run(["migrate", "--json"]);
      expect(migrated).toMatchObject({ code: 0 });
      expect(JSON.parse(migrated.stdout)).toMatchObject({
        ok: true,
        tables: TABLES.map((table) => ({ table, outcome: "tracked" })),
        notices: [{ code: "UPDATED_AT_FOLLOWS_CONTENT" }],
      });
      expect(migrated.stderr).toContain(ANNOUNCEMENT);
      const again = await scene.cli.run(["migrate", "--json"]);
      expect(again).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(again.stdout)).toMatchObject({
        applied: [],
        tables: TABLES.map((table) => ({ table, outcome: "already-tracked" })),
        notices: [],
      });
      const synced = await scene.cli.run(["sync"]);
      expect(synced).toMatchObject({ code: 0 });
      const [{ count } = { count: 0 }] = await rows();
      expect(count).toBeGreaterThan(100);
      expect(synced.stdout).toMatch(new RegExp(`^sow_drops +${count} +${count} +0 +0 +0 +0 +`, "m"));
      // Neither is a terminal: nothing that only a terminal understands.
      // eslint-disable-next-line no-control-regex
      expect(synced.stdout + synced.stderr).not.toMatch(/[\u001b\r]/);
    });

    it("shows every value that psql shows", expectEqualSides, 120_000);

    it("costs nothing when the other job rewrites every row with the values it has", async () => {
      const before = await documentsWritten();
      for (const table of TABLES) {
        await scene.stack
          .sql`UPDATE ${scene.stack.sql(table)} SET updated_at = now(), sync_timestamp = now()`;
      }
      const { code, report } = await scene.cli.sync();
      expect(code).toBe(0);
      expect(report.totals).toMatchObject(NOTHING);
      expect(await documentsWritten()).toBe(before);
    });

    it("prints one JSON object of the documented shape", async () => {
      const { report } = await scene.cli.sync();
      const counts = {
        read: COUNT,
        inserted: COUNT,
        updated: COUNT,
        unchanged: COUNT,
        deleted: COUNT,
        rejected: COUNT,
        heldBack: COUNT,
        calls: COUNT,
        retries: COUNT,
        bytesSent: COUNT,
        bytesRead: COUNT,
        bytesWritten: COUNT,
      };
      expect(report).toEqual({
        ok: true,
        mode: "delta",
        runId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        startedAt: ISO_TIME,
        finishedAt: ISO_TIME,
        durationMs: COUNT,
        exitCode: 0,
        notices: [],
        tables: TABLES.map((table) => ({
          table,
          mode: "delta",
          firstLoad: false,
          outcome: "done",
          durationMs: COUNT,
          notices: [],
          ...counts,
          tracking: "intact",
          waiting: [],
          watermark: { position: expect.stringMatching(/^\d+:\d+:[\d,]*$/) as string, at: ISO_TIME },
        })),
        totals: counts,
      } satisfies RunReport);
    });

    it("gets exactly the one row that changed", async () => {
      const before = await documentsWritten();
      await scene.stack.sql`
        UPDATE sow_poles SET status = 'changed, alone', updated_at = now()
        WHERE id = (SELECT min(id::text)::uuid FROM sow_poles)`;
      const { report } = await scene.cli.sync();
      expect(tableOf(report, "sow_poles")).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
      expect(report.totals).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
      if (before !== null) expect(await documentsWritten()).toBe(before + 1);
    });

    it("gets a transaction that was open during one run with the next, alone", async () => {
      const connection = await scene.stack.sql.reserve();
      try {
        await connection`BEGIN`;
        await connection`UPDATE sow_drops SET status = 'open' WHERE id = (SELECT max(id::text)::uuid FROM sow_drops)`;
        const during = await scene.cli.sync();
        expect(during.report.totals).toMatchObject(NOTHING);
        await connection`COMMIT`;
      } finally {
        connection.release();
      }
      const after = await scene.cli.sync();
      expect(tableOf(after.report, "sow_drops")).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
      expect(after.report.totals).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    });

    it("gets a day's changes, each exactly once, and is equal again", async () => {
      const job = createOtherJob(scene.stack.sql, { seed: 7 });
      await job.changeRows(14);
      await job.addRows(7);
      await job.deleteRows(7);
      await job.truncateAndReload("lawley_activations");
      const { code, report } = await scene.cli.sync();
      expect(code).toBe(0);
      expect(report.totals).toMatchObject({ updated: 14, inserted: 7, deleted: 7, rejected: 0, heldBack: 0 });
      expect(tableOf(report, "sow_poles")).toMatchObject({ mode: "delta", read: 3 });
      // The table that was truncated is compared, and only what differs is read.
      expect(tableOf(report, "lawley_activations")).toMatchObject({ mode: "full", read: 3, deleted: 1 });
      await expectEqualSides();
    }, 120_000);

    it("is compared in full at the cost of the ledger, and needs nothing", async () => {
      const { code, report } = await scene.cli.sync(["--full"]);
      expect(code).toBe(0);
      expect(report).toMatchObject({ mode: "full", totals: NOTHING });
    });
  });
}
