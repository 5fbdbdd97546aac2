import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { readBothSides } from "./both-sides.js";
import type { CatchPoint } from "./call-gate.js";
import type { Running } from "./cli-process.js";
import { fillMirror, setUpScene } from "./scene.js";
import type { StackKind } from "./stack.js";

const TABLE = "onemap_installations";
const OTHER_TABLE = "onemap_poles";
const BEGIN = "datahubSync:beginRuns";
const APPLY = "datahubSync:applyBatch";
const END = "datahubSync:finishRuns";

const LOST = /Another run (has taken over|of onemap_installations has begun).*\(LEASE_LOST\)/;
const REPLACED =
  /^The run of (.+), process (\d+), begun at (\d{4}-\d\d-\d\dT[\d:.]+Z), neither ended nor renewed its lease;/;

/** Processes that are stopped, overtaken, and continued (invariant 5). */
export function describeZombies(kind: StackKind): void {
  describe(`a run that stands still, on ${kind.name}`, () => {
    const scene = setUpScene(kind, {
      scale: 0.02,
      prepare: (ready) => fillMirror(ready, [TABLE, OTHER_TABLE]),
    });

    /** Every row of our own state and of the two tables, and every document: as text, by where it stands. */
    async function readEverything(): Promise<Map<string, string>> {
      const { sql } = scene.stack;
      const tables = await sql<{ name: string }[]>`
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
         WHERE schemaname = 'datahub_sync' OR tablename IN (${TABLE}, ${OTHER_TABLE})`;
      const everything = new Map<string, string>();
      for (const { name } of tables) {
        const [row] = await sql.unsafe<{ text: string }[]>(
          `SELECT coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '') AS text FROM ${name} t`,
        );
        everything.set(name, row!.text);
      }
      for (const mirror of [TABLE, OTHER_TABLE]) {
        const documents = JSON.stringify(await scene.stack.readDeployment(mirror), (_, value: unknown) =>
          typeof value === "bigint" ? String(value) : value,
        );
        everything.set(`Convex: ${mirror} and the sync's own tables`, documents);
      }
      return everything;
    }

    /** Starts a run that sends call after call, and has much to send. */
    async function startRun(): Promise<Running> {
      await scene.stack.sql`UPDATE ${scene.stack.sql(TABLE)} SET status = ${`before ${crypto.randomUUID()}`}`;
      return scene.cli.start(["sync", "--table", TABLE, "--max-in-flight", "1", "--lease-seconds", "1"]);
    }

    /** A run that ends early would leave the test waiting for ever. */
    const unlessEnded = (running: Running, event: Promise<void>) =>
      Promise.race([
        event,
        running.finished.then(({ stderr }) => Promise.reject(new Error(`It ended: ${stderr}`))),
      ]);

    /** By the database's clock. A renewal that was under way when the process stopped may still arrive. */
    async function leaseIsOver(): Promise<void> {
      for (;;) {
        const [row] = await scene.stack.sql<{ over: boolean }[]>`
          SELECT coalesce(bool_and(expires_at < clock_timestamp()), true) AS over FROM datahub_sync.leases WHERE NOT released`;
        if (row!.over) return;
        await scene.stack.sql`
          SELECT pg_sleep(greatest(0, extract(epoch FROM max(expires_at) - clock_timestamp())))
            FROM datahub_sync.leases WHERE NOT released`;
      }
    }

    /** The lease passes, rows change, another run does its work; then the first goes on, and may change nothing. */
    async function expectHarmless(first: Running, goOn: () => void): Promise<void> {
      const { sql } = scene.stack;
      await leaseIsOver();
      await sql`UPDATE ${sql(TABLE)} SET status = 'newer' WHERE id = (SELECT min(id::text)::uuid FROM ${sql(TABLE)})`;
      await sql`DELETE FROM ${sql(TABLE)} WHERE id = (SELECT max(id::text)::uuid FROM ${sql(TABLE)})`;
      const second = await scene.cli.sync(["--table", TABLE]);
      expect(second).toMatchObject({ code: 0, report: { notices: [{ code: "LEASE_TAKEN_OVER" }] } });
      const replaced = REPLACED.exec(second.report.notices[0]!.message);
      expect(replaced?.slice(1, 3)).toEqual([hostname(), String(first.child.pid)]);
      expect(Date.parse(replaced![3]!)).toBeLessThan(Date.parse(second.report.startedAt));

      const before = await readEverything();
      first.child.kill("SIGCONT");
      goOn();
      const ended = await first.finished;
      expect(ended.code).toBe(1);
      expect(ended.stdout).toMatch(LOST);
      expect(ended.stdout).toMatch(/Nothing is lost/);
      const after = await readEverything();
      expect([...after.keys()].filter((place) => after.get(place) !== before.get(place))).toEqual([]);
      expect(after.size).toBe(before.size);
    }

    // An applyBatch that is answered and not read is the next test but one.
    it.each<[string, CatchPoint]>([
      [APPLY, "half heard"],
      [END, "half heard"],
    ])("is overtaken while its %s is %s: nothing of it counts any more", async (path, point) => {
      const caught = scene.stack.gate.catchOne(path, point);
      const first = await startRun();
      await unlessEnded(first, caught.reached);
      first.child.kill("SIGSTOP");
      await expectHarmless(first, caught.release);
    });

    it("is overtaken while it reads rows: nothing of it counts any more", async () => {
      const { sql } = scene.stack;
      const caught = scene.stack.gate.catchOne(BEGIN, "answered");
      const first = await startRun();
      await unlessEnded(first, caught.reached);
      await sql.begin(async (tx) => {
        await tx`LOCK TABLE ${tx(TABLE)} IN ACCESS EXCLUSIVE MODE`;
        caught.release();
        const waiting = () => sql`
          SELECT FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'datahub-sync' AND wait_event_type = 'Lock'`;
        while ((await waiting()).length === 0);
        first.child.kill("SIGSTOP");
      });
      await expectHarmless(first, () => {});
    });

    it("sends nothing more once its call is answered", async () => {
      const caught = scene.stack.gate.catchOne(APPLY, "answered");
      const first = await startRun();
      await unlessEnded(first, caught.reached);
      first.child.kill("SIGSTOP");
      await expectHarmless(first, caught.release);
    });

    it("goes on and ends well where the other run is about another table", async () => {
      const caught = scene.stack.gate.catchOne(APPLY, "answered");
      const first = await startRun();
      await unlessEnded(first, caught.reached);
      first.child.kill("SIGSTOP");
      await leaseIsOver();
      const second = await scene.cli.sync(["--table", OTHER_TABLE]);
      expect(second).toMatchObject({ code: 0, report: { notices: [] } });
      first.child.kill("SIGCONT");
      caught.release();
      expect(await first.finished).toMatchObject({ code: 0 });
      const sides = await readBothSides(scene.stack.databaseUrl, scene.stack.convex, TABLE);
      expect(sides.convex).toEqual(sides.postgres);
    });

    it("keeps its lease while a single call takes longer than that, and ends well", async () => {
      const caught = scene.stack.gate.catchOne(APPLY, "unheard");
      const first = await startRun();
      await unlessEnded(first, caught.reached);
      await scene.stack.sql`
        SELECT pg_sleep(greatest(0, extract(epoch FROM acquired_at + interval '1.1 s' - clock_timestamp())))
          FROM datahub_sync.leases WHERE NOT released`;
      expect(await scene.cli.run(["sync", "--table", TABLE])).toMatchObject({ code: 4 });
      caught.release();
      expect(await first.finished).toMatchObject({ code: 0 });
      // What the zombies of the tests before have left is mended by now, too.
      const sides = await readBothSides(scene.stack.databaseUrl, scene.stack.convex, TABLE);
      expect(sides.convex).toEqual(sides.postgres);
    });
  });
}
