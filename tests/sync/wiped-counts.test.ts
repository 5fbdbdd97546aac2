import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { loadedMirror, QUIET } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

describe("invariant 6: tables of the deployment were wiped", () => {
  const rowsCounted = async (mirror: MirrorFixture) => {
    const status = await mirror.status();
    return [status.tables[0]!.rowsInMirror, mirror.state()!["rows"]];
  };

  test.each([
    ["the ledger", ["datahubSyncLedger"]],
    ["the counts", ["datahubSyncCounts"]],
    ["both", ["datahubSyncLedger", "datahubSyncCounts"]],
    ["a mirrored table and the counts", ["$t", "datahubSyncCounts"]],
  ])("%s wiped: the mirror is equal, and its rows are counted anew", async (_, tables) => {
    const mirror = await loadedMirror(open);
    for (const table of tables) mirror.deployment.clearTable(table.replace("$t", mirror.table));
    await mirror.sync();
    await mirror.compare();
    expect(await rowsCounted(mirror)).toEqual([20, 20]);
    expect(await mirror.sync()).toMatchObject(QUIET);
    await mirror.run("DELETE FROM $t WHERE id = 1; INSERT INTO $t VALUES (50), (51)");
    await mirror.sync();
    expect(await rowsCounted(mirror)).toEqual([21, 21]);
  });

  test("a count that is wrong on both sides alike is put right by a full run", async () => {
    const mirror = await loadedMirror(open);
    mirror.deployment.clearTable("datahubSyncCounts");
    mirror.deployment.patch(mirror.state()!["_id"] as string, { rows: 0 });
    expect(await mirror.sync()).toMatchObject({ mode: "delta" });
    expect(await rowsCounted(mirror)).toEqual([0, 0]);
    await mirror.sync("full");
    expect(await rowsCounted(mirror)).toEqual([20, 20]);
  });

  test("counts wiped and a document removed: a deep run does not take the count's word for it", async () => {
    const mirror = await loadedMirror(open);
    mirror.deployment.remove(mirror.documents().at(-1)!._id);
    mirror.deployment.clearTable("datahubSyncCounts");
    expect(await mirror.sync("deep")).toMatchObject({ mode: "deep", inserted: 1 });
    await mirror.compare();
  });
});
