import { defineTable } from "convex/server";
import { getDocumentSize, v } from "convex/values";
import { describe, expect, test } from "vitest";
import type { Budget } from "../../src/model/report.js";
import { useMirrors, type MirrorFixture, type MirrorOptions } from "../support/mirror-fixture.js";

const open = useMirrors();
const FREE: Budget = { plan: "free", ioBytes: 1e9, storageBytes: 0.5e9, calls: 1_000_000 };

const table = (rows: number, rest: Partial<MirrorOptions> = {}): Promise<MirrorFixture> =>
  open({
    ddl: `CREATE TABLE $t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, a text);
          INSERT INTO $t (n, a) SELECT n, repeat('x', 100 + n % 300) FROM generate_series(1, ${rows}) n; ANALYZE $t`,
    ...rest,
  });

/** Puts a run of before into the history. */
async function remember(
  mirror: MirrorFixture,
  run: { ago: string; mode?: string; calls: number; bytes: number; loaded?: boolean },
): Promise<void> {
  const { ago, mode = "delta", calls, bytes, loaded = false } = run;
  await mirror.sql`
    INSERT INTO datahub_sync.runs (id, target_id, mode, started_at, calls, bytes_read, bytes_written, loaded)
    SELECT gen_random_uuid(), id, ${mode}, now() - ${ago}::interval, ${calls}, ${bytes}, 0, ${loaded}
      FROM datahub_sync.targets WHERE url = ${mirror.config.convex.url}`;
}

async function forgetRuns(mirror: MirrorFixture): Promise<void> {
  await mirror.sql`
    DELETE FROM datahub_sync.runs
     WHERE target_id = (SELECT id FROM datahub_sync.targets WHERE url = ${mirror.config.convex.url})`;
}

describe("status tells what the mirrors cost", () => {
  test("this month's runs, added up, and no pace from first loads", async () => {
    const mirror = await table(50);
    mirror.deployment.resetUsage();
    await mirror.sync();
    const load = mirror.deployment.usage();
    const first = (await mirror.status()).costs;
    expect(first.projected).toBeNull();
    const { calls, bytesRead, bytesWritten } = load;
    expect(first).toMatchObject({ calls, bytesRead, bytesWritten, budget: null, unsized: [] });
    mirror.deployment.resetUsage();
    await mirror.sync();
    const idle = mirror.deployment.usage();
    const { costs } = await mirror.status();
    expect(costs.month).toMatch(/^\d{4}-\d\d$/);
    expect(costs.calls).toBe(calls + idle.calls);
    expect(costs.bytesRead).toBe(bytesRead + idle.bytesRead);
    expect(costs.projected!.calls).toBeGreaterThanOrEqual(costs.calls);
  });

  test("by the month's end, at the pace of the last four weeks", async () => {
    const mirror = await table(1);
    await mirror.sync();
    await forgetRuns(mirror);
    await remember(mirror, { ago: "10 days", calls: 4, bytes: 6_000_000 });
    await remember(mirror, { ago: "5 days", calls: 6, bytes: 4_000_000 });
    await remember(mirror, { ago: "5 days", calls: 900, bytes: 900_000_000, loaded: true });
    await remember(mirror, { ago: "29 days", calls: 9_000, bytes: 9_000_000_000 });
    const { costs } = await mirror.status();
    const [{ left }] = (await mirror.sql`
      SELECT (extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month' - now() AT TIME ZONE 'UTC') / 86400)::float8 AS left`) as unknown as [
      { left: number },
    ];
    const { calls, bytesRead, bytesWritten, projected } = costs;
    expect(Math.abs(projected!.calls - calls - left)).toBeLessThan(1);
    expect(Math.abs(projected!.bytes - bytesRead - bytesWritten - 1_000_000 * left)).toBeLessThan(1_000);
  });

  test("what is stored, from the sizes of the rows that were sent", async () => {
    const mirror = await table(400, {
      schema: (name) => ({ [name]: defineTable(v.any()).index("by_n", ["n"]).index("by_a", ["a"]) }),
    });
    const stored = () => {
      const sizeOf = (name: string) =>
        [...mirror.deployment.tableDocuments(name)].reduce(
          (sum, document) => sum + getDocumentSize(document),
          0,
        );
      const [documents, ledger] = [sizeOf(mirror.table), sizeOf("datahubSyncLedger")];
      return { documents, ledger, indexes: 2 * documents + 2 * ledger };
    };
    const expectClose = async (within: number) => {
      const { storage } = (await mirror.status()).costs;
      for (const [part, bytes] of Object.entries(stored()))
        expect(Math.abs(storage[part as keyof typeof storage] - bytes) / bytes, part).toBeLessThan(within);
    };
    await mirror.sync();
    await expectClose(0.001);
    await mirror.run("UPDATE $t SET a = repeat('y', 2000) WHERE n <= 200; DELETE FROM $t WHERE n > 380");
    await mirror.run("INSERT INTO $t (n, a) SELECT n, repeat('z', 1000) FROM generate_series(1000, 1100) n");
    await mirror.sync();
    await expectClose(0.1);
    await mirror.sql`UPDATE datahub_sync.mirrors SET document_bytes = NULL, key_bytes = NULL WHERE name = ${mirror.table}`;
    expect((await mirror.status()).costs.unsized).toEqual([mirror.table]);
  });

  test("a budget that will not do is a notice, and the exit code stays", async () => {
    const mirror = await table(10, { budget: { ...FREE, storageBytes: 1_000, calls: 500 } });
    await mirror.sync();
    await remember(mirror, { ago: "1 second", calls: 499, bytes: 2e9 });
    const { notices, exitCode } = await mirror.status();
    expect(notices.map(({ code }) => code)).toEqual(["BUDGET_IO", "BUDGET_CALLS", "BUDGET_STORAGE"]);
    expect(exitCode).toBe(0);
  });
});

describe("a run that would pass the budget says so before it begins", () => {
  const budgetNotices = async (mirror: MirrorFixture, mode: "delta" | "full" | "deep" = "delta") => {
    const told: string[] = [];
    let begun = false;
    const report = await mirror.runSync(mode, {
      progress: {
        tableStarted: () => void (begun = true),
        notice: (_, { code }) => void (code.startsWith("BUDGET") && !begun && told.push(code)),
      },
    });
    expect(report.notices.map(({ code }) => code)).toEqual(told);
    expect(report.ok).toBe(true);
    return report.notices.map(({ message }) => message);
  };

  test("a first load, by a look at some rows", async () => {
    const ample = await table(2_000, { budget: FREE });
    expect(await budgetNotices(ample)).toEqual([]);
    const { bytesRead, bytesWritten } = (await ample.status()).costs;
    const cost = bytesRead + bytesWritten;
    const scarce = await table(2_000, { budget: { ...FREE, ioBytes: cost * 0.8 } });
    const [message] = await budgetNotices(scarce);
    expect(message).toMatch(
      /^This run takes about [\d.]+ MB of database I\/O \(first load of \w+, about 2,000 rows\), and 0 MB are used in/,
    );
    await scarce.compare();
    expect(await budgetNotices(await table(2_000, { budget: { ...FREE, ioBytes: cost * 1.3 } }))).toEqual([]);
    const small = await table(2_000, { budget: { ...FREE, storageBytes: 500_000 } });
    expect(await budgetNotices(small)).toEqual([expect.stringMatching(/^With this run \(first load of /)]);
  });

  test("a delta by those before it, a full and a deep run by what they are going to read", async () => {
    const mirror = await table(300, { budget: { ...FREE, ioBytes: 1_000_000 } });
    await budgetNotices(mirror);
    await forgetRuns(mirror);
    await remember(mirror, { ago: "1 second", calls: 3, bytes: 400_000 });
    expect(await budgetNotices(mirror)).toEqual([]);
    await remember(mirror, { ago: "1 second", calls: 3, bytes: 400_000 });
    expect(await budgetNotices(mirror)).toEqual([
      expect.stringMatching(/^This run takes about 0\.[23] MB of database I\/O, and 0\.8 MB are used/),
    ]);
    await forgetRuns(mirror);
    await remember(mirror, { ago: "1 second", calls: 3, bytes: 970_000 });
    expect(await budgetNotices(mirror, "full")).toHaveLength(1);
    await forgetRuns(mirror);
    await remember(mirror, { ago: "1 second", calls: 3, bytes: 900_000 });
    expect(await budgetNotices(mirror, "full")).toEqual([]);
    expect(await budgetNotices(mirror, "deep")).toHaveLength(1);
  });

  test("a dry run holds what it foresees against the budget", async () => {
    const mirror = await table(2_000, { budget: FREE });
    const { notices, totals } = await mirror.dryRun();
    expect(notices).toEqual([]);
    const scarce = await table(2_000, { budget: { ...FREE, ioBytes: totals.bytesWritten * 0.9 } });
    expect((await scarce.dryRun()).notices).toEqual([
      expect.objectContaining({
        code: "BUDGET_IO",
        message: expect.stringMatching(/^This run takes about/) as string,
      }),
    ]);
  });

  test("a relation whose rows cannot be read fails by itself, and the others are mirrored", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t VALUES (1, 'not a number'); ANALYZE $t;
            CREATE VIEW $t_v AS SELECT id, a::int AS a FROM $t;
            CREATE TABLE $t_other (id int PRIMARY KEY); INSERT INTO $t_other VALUES (1); ANALYZE $t_other`,
      mirrors: [{ relation: "$t_v" }, { relation: "$t_other" }],
      budget: FREE,
    });
    const { tables } = await mirror.runSync();
    expect(tables.map(({ outcome }) => outcome)).toEqual(["failed", "done"]);
  });

  test("calls that are used up already", async () => {
    const mirror = await table(1, { budget: { ...FREE, calls: 10 } });
    await budgetNotices(mirror);
    await remember(mirror, { ago: "1 second", calls: 10, bytes: 1 });
    expect(await budgetNotices(mirror)).toEqual([expect.stringMatching(/function calls are used in/)]);
  });
});
