import { describe, expect, test } from "vitest";
import { SyncError } from "../../src/model/errors.js";
import { isProgress, nth, watchRun, type CrashOptions } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { repeatStatements } from "../support/repeat-statements.js";

const TABLE = {
  ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
  settings: { pageRows: 3, maxInFlight: 2 },
};
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 40) n";
const STOPPED = new SyncError({ code: "INTERRUPTED", message: "The run was stopped.", remedy: "Run again." });
const QUIET = { mode: "delta", read: 0, inserted: 0, updated: 0, deleted: 0, notices: [] };

const open = useMirrors({ settings: SMALL_PAGES });

interface Chapter {
  says: string;
  before?: (mirror: MirrorFixture) => unknown;
  run?: () => CrashOptions;
}

/** Runs of all kinds, one after the other, each after what it is to bring over. */
const STORY: Chapter[] = [
  {
    says: "a first load, interrupted, with a row that Convex cannot hold",
    before: (mirror) => mirror.run(`${ROWS}; UPDATE $t SET a = repeat('x', 1100000) WHERE id = 1`),
    run: () => ({ crashBefore: nth(3, isProgress) }),
  },
  {
    says: "the same, resumed, interrupted when the load is complete",
    before: (mirror) =>
      mirror.run("UPDATE $t SET a = 'b' WHERE id IN (2, 22); DELETE FROM $t WHERE id IN (3, 33)"),
    run: () => ({ crashBefore: (step) => step.includes("announcing the end") }),
  },
  {
    says: "a delta, interrupted",
    before: (mirror) => mirror.run("UPDATE $t SET a = 'c' WHERE id < 20; DELETE FROM $t WHERE id IN (4, 40)"),
    run: () => ({ crashBefore: nth(2, isProgress) }),
  },
  {
    says: "the same, resumed",
    before: (mirror) => mirror.run("UPDATE $t SET a = 'd' WHERE id IN (1, 2, 39)"),
  },
  {
    says: "a delta whose deletions are held back",
    before: (mirror) => mirror.run("DELETE FROM $t WHERE id > 20; UPDATE $t SET a = 'e' WHERE id = 5"),
  },
  {
    says: "a delta whose deletions are allowed, interrupted after they were made",
    run: () => ({ allowDeletes: true, crashBefore: (step) => step === "Convex: finishRuns" }),
  },
  { says: "a delta", before: (mirror) => mirror.run("INSERT INTO $t VALUES (100, 'f')") },
  {
    says: "a delta, interrupted after Convex has heard of its end",
    before: (mirror) => mirror.run("UPDATE $t SET a = 'g' WHERE id < 10"),
    run: () => ({ crashBefore: (step) => step.includes("moving the watermark") }),
  },
  {
    says: "a delta that is stopped",
    before: (mirror) => mirror.run("UPDATE $t SET a = 'k' WHERE id < 10"),
    run: () => {
      const stop = new AbortController();
      return {
        signal: stop.signal,
        onStep: (step) => {
          if (step === "Convex: applyBatch") stop.abort(STOPPED);
        },
      };
    },
  },
  {
    says: "a delta whose lease is behind what Convex has seen",
    before: (mirror) => mirror.run("UPDATE datahub_sync.targets SET epoch = 0"),
  },
  { says: "a delta with nothing to do" },
  {
    says: "a comparison",
    before: (mirror) =>
      mirror.run("TRUNCATE $t; INSERT INTO $t SELECT n, 'h' FROM generate_series(6, 30) n ORDER BY n"),
  },
  {
    says: "a full run, interrupted",
    before: (mirror) => mirror.run("UPDATE $t SET a = 'i' WHERE id = 7; DELETE FROM $t WHERE id = 10"),
    run: () => ({ mode: "full", crashBefore: (step) => step.includes("clearing the deletions") }),
  },
  {
    says: "a full run",
    before: (mirror) => mirror.run("UPDATE $t SET a = 'j' WHERE id = 8; DELETE FROM $t WHERE id = 9"),
    run: () => ({ mode: "full" }),
  },
  {
    says: "a deep run",
    before: (mirror) => {
      const [edited, removed] = mirror.documents();
      mirror.deployment.patch(edited!._id, { a: "edited" });
      mirror.deployment.remove(removed!._id);
      mirror.deployment.insert(mirror.table, { id: 7, a: "added" });
    },
    run: () => ({ mode: "deep" }),
  },
  { says: "a delta at the end" },
];

/** All writes of a run but the lease's renewal, which comes by the clock. */
const WRITES = [
  "taking the lease",
  "raising the epoch",
  "purging the change log",
  "registering $t",
  "writing the start of $t",
  "writing the progress of $t",
  "writing what is acknowledged of $t",
  "setting a row of $t aside",
  "recording mended rows of $t",
  "recording deletions of $t",
  "clearing the deletions of $t",
  "announcing the end of $t",
  "moving the watermark of $t",
  "recording the outcome of $t",
  "recording the run",
  "releasing the lease",
];

/** What a run says that does not differ between two that do the same. */
async function tell(mirror: MirrorFixture, { before, run = () => ({}) }: Chapter): Promise<unknown> {
  await before?.(mirror);
  const { report } = await watchRun(mirror, run());
  await mirror.expireLease();
  if (report === null) return null;
  const { exitCode, totals, tables } = report;
  const { mode, notices, error } = tables[0]!;
  // Snapshots are texts of a length of their own, in what is sent and in what is kept.
  const sizes = { durationMs: 0, bytesSent: 0, bytesRead: 0, bytesWritten: 0 };
  const told = { exitCode, mode, notices, error, totals: { ...totals, ...sizes } };
  return JSON.parse(JSON.stringify(told).replaceAll(mirror.table, "$t"));
}

/** What Postgres remembers, without names, times and snapshots. */
async function remembered(mirror: MirrorFixture): Promise<unknown> {
  const { target_id: target, name: _, run_cursor: cursor, ...record } = await mirror.record();
  const texts = ["run_mode", "last_delta_outcome", "last_full_outcome"];
  const inTarget = async (query: string) => [
    ...(await mirror.sql.unsafe(query.replace("$t", "target_id = $1"), [target as number])),
  ];
  return {
    record: Object.entries(record).map(([name, value]) => [
      name,
      texts.includes(name) ? value : value !== null,
    ]),
    cursor: (cursor as { kind?: string } | null)?.kind ?? cursor !== null,
    pending: await inTarget(
      "SELECT kind, count(*)::int FROM datahub_sync.pending_deletions WHERE $t GROUP BY 1 ORDER BY 1",
    ),
    setAside: await inTarget("SELECT key, code, reason FROM datahub_sync.rejected_rows WHERE $t ORDER BY 1"),
    leases: await inTarget("SELECT released FROM datahub_sync.leases WHERE $t"),
    runs: await inTarget("SELECT mode, exit_code FROM datahub_sync.runs WHERE $t ORDER BY started_at"),
  };
}

describe("invariant 3: a statement whose answer was lost is carried out twice", () => {
  test("each of each run, and all is as it would have been", async () => {
    const once = await open(TABLE);
    const twice = await open(TABLE);
    const repeated = new Set<string>();
    for (const chapter of STORY) {
      const told = await tell(once, chapter);
      let toldTwice: unknown;
      const statements = await repeatStatements(async () => (toldTwice = await tell(twice, chapter)));
      for (const doing of statements) repeated.add(doing.replaceAll(twice.table, "$t"));
      expect([chapter.says, toldTwice]).toEqual([chapter.says, told]);
      expect([chapter.says, await remembered(twice)]).toEqual([chapter.says, await remembered(once)]);
      const [documents, same] = [once, twice].map((mirror) => mirror.documents().map(({ id, a }) => [id, a]));
      expect([chapter.says, same!.sort()]).toEqual([chapter.says, documents!.sort()]);
    }
    await twice.compare();
    expect([...repeated]).toEqual(expect.arrayContaining(WRITES));
  });

  test("the step from an interrupted run's snapshot to a newer one: what came in between is not skipped", async () => {
    const mirror = await open(TABLE);
    await mirror.run(ROWS);
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    await mirror.run("UPDATE $t SET a = 'b' WHERE id = 1; DELETE FROM $t WHERE id = 2");
    await mirror.expireLease();
    // The process ends right after it: what it has written is all that the next run has.
    let advanced = false;
    await repeatStatements(
      () =>
        watchRun(mirror, {
          crashBefore: (step) => {
            if (advanced) return true;
            advanced = step.startsWith("Postgres: moving the watermark");
            return false;
          },
        }),
      (doing) => doing.startsWith("moving the watermark"),
    );
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
  });

  test("the watermark's move at the end: it stays where it was moved to", async () => {
    const mirror = await open(TABLE);
    await mirror.run(ROWS);
    await repeatStatements(
      () => mirror.sync(),
      (doing) => doing.startsWith("moving the watermark"),
    );
    expect(await mirror.sync()).toMatchObject(QUIET);
  });
});
