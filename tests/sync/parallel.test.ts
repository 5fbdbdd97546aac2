import { describe, expect, test } from "vitest";
import { pageSizes } from "../../src/model/page-sizes.js";
import { watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

const ENDS = ["_a", "_b", "_c", "_d", "_e"];
const forEach = (statement: string) => ENDS.map((end) => statement.replaceAll("$t", `$t${end}`)).join(";");

async function loaded(settings = {}): Promise<MirrorFixture> {
  const mirror = await open({
    ddl: forEach(
      "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n",
    ),
    mirrors: ENDS.map((end) => ({ relation: `$t${end}` })),
    settings: { parallel: 3, ...pageSizes(12, 3), maxInFlight: 2, ...settings },
  });
  expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { inserted: 150 } });
  return mirror;
}

/** Something for each kind of work: changes, a comparison, nothing. */
const disturb = (mirror: MirrorFixture, value: string) =>
  mirror.run(`UPDATE $t_a SET a = '${value}'; DELETE FROM $t_b WHERE id = (SELECT min(id) FROM $t_b);
              TRUNCATE $t_c; INSERT INTO $t_c SELECT n, '${value}' FROM generate_series(4, 33) n; UPDATE $t_d SET a = '${value}' WHERE id % 2 = 0`);

describe("invariant 10: tables at the same time, in the memory of one", () => {
  test("all are equal afterwards, and calls in flight stay as many as are allowed", async () => {
    const mirror = await loaded();
    await mirror.compare();
    await disturb(mirror, "b");
    let [inFlight, most, together] = [0, 0, 0];
    const real = globalThis.fetch;
    const { table } = mirror;
    const open = new Set<string>();
    globalThis.fetch = async (input, init) => {
      const { path, args } = JSON.parse(init!.body as string) as { path: string; args: [{ table?: string }] };
      if (!path.endsWith(":applyBatch")) return real(input, init);
      most = Math.max(most, ++inFlight);
      open.add(args[0].table!);
      together = Math.max(together, open.size);
      try {
        return await real(input, init);
      } finally {
        inFlight -= 1;
        open.delete(args[0].table!);
      }
    };
    try {
      const report = await mirror.runSync("full");
      expect(report).toMatchObject({ exitCode: 0 });
      expect(report.tables.map(({ table: name }) => name)).toEqual(ENDS.map((end) => `${table}${end}`));
    } finally {
      globalThis.fetch = real;
    }
    expect(most).toBe(2);
    expect(together).toBe(2);
    await mirror.compare();
  });

  test("invariant 3: killed at any step, the next run completes what was left", async () => {
    const mirror = await loaded();
    await disturb(mirror, "first");
    const { steps } = await watchRun(mirror);
    expect(steps.length).toBeGreaterThan(40);
    for (let at = 3; at < steps.length; at += 8) {
      await disturb(mirror, `round ${at}`);
      const { crashed } = await watchRun(mirror, {
        crashBefore: (_, index) => index === at,
        allowDeletes: true,
      });
      if (crashed) await mirror.expireLease();
      expect(await mirror.runSync("delta", { allowDeletes: true })).toMatchObject({ exitCode: 0 });
      await mirror.compare();
    }
  });

  test("one that fails leaves the others alone, also those that are worked on at the same time", async () => {
    const mirror = await loaded();
    await disturb(mirror, "c");
    await mirror.run("ALTER TABLE $t_c RENAME TO $t_x");
    const report = await mirror.runSync();
    expect(report.tables.map(({ outcome }) => outcome)).toEqual(["done", "done", "failed", "done", "done"]);
    await mirror.run("ALTER TABLE $t_x RENAME TO $t_c");
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
    await mirror.compare();
  });
});
