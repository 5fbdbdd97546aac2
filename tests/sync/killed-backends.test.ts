import { describe, expect, test } from "vitest";
import type { RunMode } from "../../src/model/report.js";
import { collectUncaught } from "../support/collect-uncaught.js";
import { watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { PostgresGate } from "../support/postgres-gate.js";

const SETTINGS = { pageRows: 3, ...SMALL_PAGES };
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const STATE = [
  "leases",
  "mirrors",
  "targets",
  "migrations",
  "source",
  "tracked_tables",
  "rejected_rows",
  "pending_deletions",
  "changes",
  "tracking_claims",
  "runs",
]
  .map((table) => `datahub_sync.${table}`)
  .join(", ");
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 7) n";

const open = useMirrors();

/** Ends the program's sessions on this database, those of no other test. */
async function killSessions(mirror: MirrorFixture, condition = "true"): Promise<number> {
  const killed = await mirror.sql.unsafe(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'datahub-sync' AND ${condition}`);
  return killed.length;
}

/** Changes, insertions, deletions and a changed key, other ones each time. */
async function change(mirror: MirrorFixture, round: number): Promise<void> {
  const id = 1000 + round * 10;
  await mirror.run(`
    UPDATE $t SET a = 'round ${round}' WHERE id BETWEEN 1 AND 4;
    INSERT INTO $t SELECT n, 'new' FROM generate_series(${id}, ${id + 2}) n;
    DELETE FROM $t WHERE id = ${id - 10};
    UPDATE $t SET id = -id WHERE id = ${id - 8}`);
}

/** What happens to a statement of the run, before it is sent. */
type Strike = (mirror: MirrorFixture) => void | Promise<void>;

/** A run of which every statement is struck gets over it by itself, and leaves the mirror equal. */
async function survive(mirror: MirrorFixture, mode: RunMode, strike: Strike): Promise<void> {
  const steps: Step[] = [];
  const uncaught = await collectUncaught(async () => {
    const { report } = await watchRun(mirror, {
      mode,
      allowDeletes: true,
      onStep: async (step) => {
        if (!step.startsWith("Postgres")) return;
        steps.push(step);
        await strike(mirror);
      },
    });
    expect([report?.exitCode, report?.tables[0]?.error]).toEqual([0, undefined]);
  });
  expect(uncaught).toEqual([]);
  expect(steps.length).toBeGreaterThan(15);
  await mirror.compare();
}

/** A first load, then runs that find changes. A deep run begins with a full one. */
async function surviveAll(mirror: MirrorFixture, strike: Strike): Promise<void> {
  await mirror.run(ROWS);
  await survive(mirror, "delta", strike);
  for (const [round, mode] of (["delta", "deep"] as const).entries()) {
    await change(mirror, round);
    await survive(mirror, mode, strike);
  }
  const nothing = { read: 0, inserted: 0, updated: 0, deleted: 0 };
  expect(await mirror.sync()).toMatchObject(nothing);
}

describe("complaint 4: every statement of a load, of a delta and of a full run", () => {
  test("57P01: the sessions are killed before it", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    let killed = 0;
    await surviveAll(mirror, async () => void (killed += await killSessions(mirror)));
    expect(killed).toBeGreaterThan(60);
  });

  test("57P01: its backend is killed at work, where it needs a table", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    const holder = await mirror.sql.reserve();
    let killed = 0;
    let striking: Promise<unknown> | null = null;
    const killWaiting = async () => {
      let found = 0;
      for (let looks = 0; found === 0 && looks < 20; looks++) {
        found = await killSessions(mirror, "wait_event_type = 'Lock'");
      }
      killed += found;
      await holder.unsafe("COMMIT");
      striking = null;
    };
    await surviveAll(mirror, async () => {
      if (striking) return; // a statement beside this one
      await (striking = holder.unsafe(
        `BEGIN; LOCK TABLE ${mirror.table}, ${STATE} IN ACCESS EXCLUSIVE MODE`,
      ));
      striking = killWaiting();
    });
    holder.release();
    expect(killed).toBeGreaterThan(60);
  });

  test("it is carried out, and its answer never arrives", async () => {
    const straight = await open({ ddl: DDL, settings: SETTINGS });
    const gate = await PostgresGate.open(straight.db.url);
    try {
      const mirror = straight.withDatabase({ ...straight.db, url: gate.url });
      await surviveAll(mirror, () => gate.loseNextAnswer());
      expect(gate.lost).toBeGreaterThan(60);
    } finally {
      await gate.close();
    }
  });
});
