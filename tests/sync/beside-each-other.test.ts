import { describe, expect, test } from "vitest";
import type { RunMode, RunReport } from "../../src/model/report.js";
import { acquireLease, releaseLease } from "../../src/state/take-lease.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { Writer } from "../support/writer.js";

const open = useMirrors();

/** Two tables, and a view of the first: its mirror shares the tracked table with the first. */
const openThree = () =>
  open({
    ddl: `CREATE TABLE $t_a (id int PRIMARY KEY, v int); CREATE TABLE $t_b (id int PRIMARY KEY, v int);
          CREATE VIEW $t_c AS SELECT id, v FROM $t_a WHERE v > 2;
          INSERT INTO $t_a SELECT n, n FROM generate_series(1, 40) n;
          INSERT INTO $t_b SELECT n, n FROM generate_series(1, 40) n`,
    mirrors: [{ relation: "$t_a" }, { relation: "$t_b" }, { relation: "$t_c", key: ["id"] }],
    settings: { pageRows: 50 },
  });

const lease = (mirror: MirrorFixture, ends: readonly string[], exclusive = false) =>
  acquireLease(mirror.db.database, mirror.config.convex.url, {
    nonce: "of another run",
    holder: "another host",
    leaseMs: 60_000,
    mirrors: ends.map((end) => `${mirror.table}${end}`),
    exclusive,
  });

const outcomes = (report: RunReport) => report.tables.map(({ outcome }) => outcome);

describe("a run beside another of the same deployment", () => {
  test("does what is free, and names what the other one works on", async () => {
    const mirror = await openThree();
    const other = await lease(mirror, ["_b"]);
    const report = await mirror.runSync();
    expect(outcomes(report)).toEqual(["done", "busy", "done"]);
    expect(report).toMatchObject({ ok: false, exitCode: 4 });
    expect(report.tables[1]).toMatchObject({
      table: `${mirror.table}_b`,
      read: 0,
      notices: [
        {
          code: "MIRROR_BUSY",
          message: expect.stringMatching(/^Another run works on it: another host, since .*Z\.$/) as string,
        },
      ],
    });
    expect((await mirror.status()).running).toMatchObject([
      { holder: "another host", mirrors: [`${mirror.table}_b`] },
    ]);
    await releaseLease(mirror.db.database, other.token);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
    await mirror.compare();
  });

  test("of everything, in full, goes on beside none; nor does any beside one that takes over", async () => {
    const mirror = await openThree();
    await mirror.runSync();
    const other = await lease(mirror, ["_b"]);
    for (const run of [
      () => mirror.runSync("full"),
      () => mirror.runSync("delta", { takeOver: true, only: ["_a"] }),
    ])
      await expect(run()).rejects.toMatchObject({ code: "LEASE_HELD", exitCode: 4 });
    expect(await mirror.runSync("full", { only: ["_a"] })).toMatchObject({ exitCode: 0 });
    await releaseLease(mirror.db.database, other.token);
    await lease(mirror, ["_b"], true);
    await expect(mirror.runSync("delta", { only: ["_a"] })).rejects.toMatchObject({ code: "LEASE_HELD" });
  });

  test("a full run of everything waits for a short one to end", async () => {
    const mirror = await openThree();
    await mirror.runSync();
    const other = await lease(mirror, ["_b"]);
    const told: string[] = [];
    const report = await mirror.runSync("full", {
      progress: {
        notice: (_, { code, message }) => {
          told.push(`${code}: ${message}`);
          if (code === "WAITS_FOR_RUN") void releaseLease(mirror.db.database, other.token);
        },
      },
    });
    expect(report).toMatchObject({ exitCode: 0 });
    expect(told).toEqual([
      expect.stringMatching(/^WAITS_FOR_RUN: Another run is going on: another host, since/),
    ]);
  });

  test("a change that is logged while the other one purges, or has begun its first load, is not lost", async () => {
    const mirror = await openThree();
    const { table } = mirror;
    await mirror.runSync("delta", { only: ["_a"] });
    // The view's first load is about to take its snapshot: the change log of its table is kept for it.
    const other = await lease(mirror, ["_c"]);
    await mirror.run(`INSERT INTO datahub_sync.mirrors (target_id, name, tracked_id)
                      SELECT target_id, '${table}_c', tracked_id FROM datahub_sync.mirrors WHERE name = '${table}_a'`);
    await mirror.run("UPDATE $t_a SET v = v + 1");
    await mirror.runSync("delta", { only: ["_a"] });
    await mirror.runSync("delta", { only: ["_a"] });
    const [kept] = await mirror.run(`SELECT count(*)::int AS n FROM datahub_sync.changes c
                                       JOIN datahub_sync.mirrors m USING (tracked_id) WHERE m.name = '${table}_c'`);
    expect(kept).toEqual({ n: 40 });
    await releaseLease(mirror.db.database, other.token);
    await mirror.runSync();
    await mirror.runSync();
    await mirror.compare();
  });

  test("three at once, again and again, while their tables are written, truncated, altered and swapped", async () => {
    const mirror = await openThree();
    const { table } = mirror;
    const writer = new Writer(
      mirror.db.url,
      ["_a", "_b"].map((end) => ({ name: `${table}${end}`, key: "id", value: "v" })),
    );
    const upheavals = [
      "TRUNCATE $t_b",
      "ALTER TABLE $t_a ADD COLUMN w int DEFAULT 4",
      "CREATE TABLE $t_d (LIKE $t_b INCLUDING ALL); INSERT INTO $t_d SELECT n, -n FROM generate_series(1, 30) n; DROP TABLE $t_b; ALTER TABLE $t_d RENAME TO $t_b",
      "TRUNCATE $t_a",
    ];
    const codes = new Set<string>();
    const again = async (mode: RunMode, only: string[], times: number) => {
      for (let n = 0; n < times; n++) {
        const report = await mirror
          .runSync(mode, { only, allowDeletes: true })
          .catch((error: { code: string }) => {
            codes.add(error.code);
            return null;
          });
        for (const { error, outcome } of report?.tables ?? []) codes.add(error?.code ?? outcome);
      }
    };
    try {
      await Promise.all([
        again("delta", ["_a"], 4),
        again("delta", ["_b", "_c"], 4),
        again("full", ["_a", "_c"], 2),
        (async () => {
          for (const upheaval of upheavals) {
            await mirror.run(upheaval);
            await mirror.runSync("delta", { only: ["_b"], allowDeletes: true }).catch(() => null);
          }
        })(),
      ]);
    } finally {
      await writer.stop();
    }
    // Others may be in the way of a look at the catalog; nothing else is anybody's fault.
    expect([...codes].filter((code) => !EXPECTED.has(code))).toEqual([]);
    expect(writer.failures.filter(({ ofTracking }) => ofTracking)).toEqual([]);
    await mirror.runSync("delta", { allowDeletes: true });
    await mirror.compare();
  });
});

const EXPECTED = new Set([
  "done",
  "busy",
  "LEASE_HELD",
  "RELATION_MISSING",
  "KEY_MISSING",
  "DATABASE_FAILED",
]);
