import { expect, onTestFinished } from "vitest";
import { MirrorFixture, SMALL_PAGES, type MirrorOptions } from "./mirror-fixture.js";

/** A table in pages of three rows: a run of twenty has many steps at which something may happen. */
export const PAGED = {
  ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
  settings: { pageRows: 3, ...SMALL_PAGES, maxInFlight: 2 },
};
export const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n";

/** What a run reports that found nothing to do. */
export const QUIET = {
  mode: "delta",
  read: 0,
  inserted: 0,
  updated: 0,
  deleted: 0,
  heldBack: 0,
  notices: [],
};

/** A mirror of such a table after its first load. */
export async function loadedMirror(
  open: (options: MirrorOptions) => Promise<MirrorFixture>,
): Promise<MirrorFixture> {
  const mirror = await open(PAGED);
  await mirror.run(ROWS);
  await mirror.sync();
  return mirror;
}

/** A mirror of the same table in another deployment, which is closed when the test has ended. */
export async function openAnother(mirror: MirrorFixture): Promise<MirrorFixture> {
  const other = await MirrorFixture.create(mirror.db, mirror.table, { ...PAGED, ddl: "SELECT 1" });
  onTestFinished(() => other.close());
  return other;
}

/** The next run compares everything, its one notice says why, and the mirror is equal. */
export async function expectFull(mirror: MirrorFixture, because: RegExp): Promise<void> {
  const report = await mirror.sync("delta", { allowDeletes: true });
  expect(report.mode).not.toBe("delta");
  expect(report.notices).toEqual([
    { code: "BECAME_FULL", message: expect.stringMatching(because) as string },
  ]);
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(QUIET);
}
