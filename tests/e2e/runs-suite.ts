import { describe, expect, it } from "vitest";
import { NOTHING, setUpScene, tableOf } from "./scene.js";
import type { StackKind } from "./stack.js";

const APPLY = "datahubSync:applyBatch";
const TABLE = "onemap_installations";
const ONE_TABLE = ["--table", TABLE];

/** A crash, a signal and a second run, each in the middle of a first load (invariants 3 and 5). */
export function describeRuns(kind: StackKind): void {
  describe(`runs that meet each other or end early, on ${kind.name}`, () => {
    const scene = setUpScene(kind, {
      scale: 0.02,
      prepare: async ({ cli }) => expect(await cli.run(["migrate"])).toMatchObject({ code: 0 }),
    });

    async function countRows(): Promise<number> {
      const [row] = await scene.stack.sql<{ count: number }[]>`
        SELECT count(*)::int AS count FROM ${scene.stack.sql(TABLE)}`;
      return row!.count;
    }

    /** Starts a run that will send its batches one by one, and stops it when that many are acknowledged. */
    async function runUntil(acknowledged: number, ...flags: string[]) {
      const hold = scene.stack.gate.hold(APPLY, acknowledged);
      const running = scene.cli.start(["sync", ...ONE_TABLE, "--max-in-flight", "1", ...flags]);
      // A run that ends early would leave the hold waiting for ever.
      await Promise.race([
        hold.reached,
        running.finished.then(({ stderr }) => Promise.reject(new Error(`It ended: ${stderr}`))),
      ]);
      return { ...running, hold };
    }

    /** By the database's clock, and no longer than that. */
    async function leaseIsOver(): Promise<void> {
      await scene.stack.sql`
        SELECT pg_sleep(greatest(0, extract(epoch FROM max(expires_at) - clock_timestamp())))
        FROM datahub_sync.leases WHERE NOT released`;
    }

    it("lets one run and sends the other away with exit code 4", async () => {
      const first = await runUntil(0);
      const second = await scene.cli.run(["sync", ...ONE_TABLE]);
      expect(second).toMatchObject({ code: 4, stdout: "" });
      expect(second.stderr).toMatch(/error: Another run is going on: .+, process \d+, since .+\./);
      expect(second.stderr).toContain(`process ${first.child.pid}`);
      const status = await scene.cli.status(ONE_TABLE);
      expect(status.report.running[0]?.holder).toContain(`process ${first.child.pid}`);

      // The first is stopped before it has sent anything: the next tests still meet a first load.
      first.child.kill("SIGTERM");
      first.hold.release();
      expect(await first.finished).toMatchObject({ code: 1 });
    });

    it("goes on after kill -9 in a first load, and writes nothing twice that was acknowledged", async () => {
      const count = await countRows();
      const killed = await runUntil(2, "--lease-seconds", "3");
      killed.child.kill("SIGKILL");
      expect(await killed.finished).toMatchObject({ code: null });
      killed.hold.release();
      const acknowledged = (await scene.stack.convex.documents(TABLE)).length;
      expect(acknowledged).toBeGreaterThan(0);
      expect(acknowledged).toBeLessThan(count);
      const writtenBefore = (await scene.stack.usage?.())?.byTable[TABLE]?.documentsWritten;

      await leaseIsOver();
      const next = await scene.cli.sync(ONE_TABLE);
      expect(next).toMatchObject({ code: 0, report: { ok: true } });
      expect(next.report.notices.map(({ code }) => code)).toEqual(["LEASE_TAKEN_OVER"]);
      expect(tableOf(next.report, TABLE).notices.map(({ code }) => code)).toEqual(["RESUMED"]);
      expect(tableOf(next.report, TABLE)).toMatchObject({ inserted: count - acknowledged, updated: 0 });
      if (writtenBefore !== undefined) {
        const usage = await scene.stack.usage!();
        expect(writtenBefore).toBe(acknowledged);
        expect(usage.byTable[TABLE]!.documentsWritten).toBe(count);
      }
      expect(await scene.stack.convex.documents(TABLE)).toHaveLength(count);
    });

    it.each(["SIGINT", "SIGTERM"] as const)(
      "stops in order at %s, and the next run completes it",
      async (signal) => {
        const { sql } = scene.stack;
        const count = await countRows();
        await sql`UPDATE ${sql(TABLE)} SET status = ${`changed before ${signal}`}, updated_at = now()`;
        const stopped = await runUntil(1);
        stopped.child.kill(signal);
        stopped.hold.release();
        const ended = await stopped.finished;
        expect(ended).toMatchObject({ code: 1 });
        expect(ended.stderr).toContain(`${signal}: stopping`);
        expect(ended.stdout).toContain(`The run was stopped by ${signal}. (INTERRUPTED)`);
        expect(ended.stdout).toContain("Nothing is lost");
        expect((await scene.cli.status(ONE_TABLE)).report.running).toEqual([]);

        const next = await scene.cli.sync(ONE_TABLE);
        expect(next).toMatchObject({ code: 0, report: { ok: true, notices: [] } });
        // Some were acknowledged before the signal, and only the others were written now.
        const { updated } = tableOf(next.report, TABLE);
        expect(updated).toBeGreaterThan(0);
        expect(updated).toBeLessThan(count);
        expect((await scene.cli.sync(ONE_TABLE)).report.totals).toMatchObject(NOTHING);
        const statuses = (await scene.stack.convex.documents(TABLE)).map((document) => document["status"]);
        expect(new Set(statuses)).toEqual(new Set([`changed before ${signal}`]));
        expect(statuses).toHaveLength(count);
      },
    );
  });
}
