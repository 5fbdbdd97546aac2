import { defineTable } from "convex/server";
import { v } from "convex/values";
import { expect, test } from "vitest";
import type { RunMode } from "../../src/model/report.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

/** What a run tells of its costs is what the deployment's meter says, to the byte. */
async function expectTold(mirror: MirrorFixture, mode: RunMode = "delta"): Promise<number> {
  mirror.deployment.resetUsage();
  const { totals } = await mirror.runSync(mode, { allowDeletes: true });
  const { bytesRead, bytesWritten, calls } = mirror.deployment.usage();
  expect(totals).toMatchObject({ calls, bytesRead, bytesWritten });
  return bytesRead + bytesWritten;
}

test("a run tells what Convex bills for it: documents, ledger, state, and the keys of their indexes", async () => {
  const mirror = await open({
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n numeric(5, 2), body jsonb);
          INSERT INTO $t SELECT n, 'é ' || n, nullif(n, 7), jsonb_build_object('city', 'Ürümqi ' || n) FROM generate_series(1, 600) n`,
    schema: (table) => ({
      [table]: defineTable(v.any()).index("by_a", ["a"]).index("by_n_and_city", ["n", "body.city"]),
    }),
  });
  expect(await expectTold(mirror)).toBeGreaterThan(600 * 300);
  const idle = await expectTold(mirror);
  expect(idle).toBeLessThan(4_000);
  await mirror.run(`UPDATE $t SET a = a || '!', body = NULL WHERE id <= 20; DELETE FROM $t WHERE id > 590`);
  await mirror.run("INSERT INTO $t VALUES (1000, 'new')");
  await mirror.run("UPDATE $t SET a = upper(lower(a)) WHERE id BETWEEN 30 AND 40");
  await expectTold(mirror);
  await expectTold(mirror, "full");

  // By hand: a document edited, one removed, a stranger, an entry without its document.
  const [edited, removed] = mirror.documents();
  mirror.deployment.replace(edited!._id, { ...edited, a: "by hand" });
  mirror.deployment.remove(removed!._id);
  mirror.deployment.insert(mirror.table, { a: "stranger" });
  await expectTold(mirror, "deep");
  await mirror.run("TRUNCATE $t");
  await expectTold(mirror);
  await mirror.compare();
});
