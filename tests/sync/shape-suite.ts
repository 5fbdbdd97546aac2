import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MirrorConfig } from "../../src/model/config.js";
import type { ErrorCode } from "../../src/model/errors.js";
import type { StatusReport, TableReport } from "../../src/model/report.js";
import { compareMirror } from "../support/compare-mirror.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture } from "../support/mirror-fixture.js";
import { track } from "../support/tracked-table.js";
import { Writer, type FailedWrite } from "../support/writer.js";

/** What an owner does to a table's shape while somebody goes on writing to it. */
export interface Change {
  does: string;
  /** `$t` stands for the table. By default it has an int key `id`, a text `a` and an int `n`. */
  ddl?: string;
  /** The mirror's configuration, where it is not the table as it is. */
  config?: Partial<MirrorConfig>;
  /** The change itself: SQL, or another configuration. */
  sql?: string;
  reconfigure?: Partial<MirrorConfig>;
  /** Whether `migrate` is run at once, before any run could have noticed. */
  thenMigrate?: true;
  /**
   * How the next run ends: with an error, or by itself with a comparison or a delta. `mended`: with a comparison, after it
   * has tracked the table anew.
   */
  ends: ErrorCode | "full" | "delta" | "mended";
  /** What it says: the error's message, or the reason why everything is compared. */
  says?: RegExp;
  /** The remedy is `migrate` wherever the error says so; what else it asks for. */
  remedy?: string | Partial<MirrorConfig>;
  /** SQLSTATEs that the writer has to expect of such a change on any table, tracked or not. */
  ownErrors?: string[];
}

export const PLAIN = "CREATE TABLE $t (id int PRIMARY KEY, a text, n int)";
export const COLUMNS = /its columns are not those that were tracked/;
export const TRIGGERS = /a tracking trigger .* was dropped, disabled or changed/;
export const RECREATED = /it was dropped and created again/;
export const SHAPE = /the shape of its documents has changed/;
export const NOT_COMPARED = /its tracking does not compare the column a, which is mirrored/;
export const REWRITTEN = /the table was rewritten/;

export const relation = (name: string) => ({ relation: { schema: "public", name } });

/**
 * Makes all changes at once, each to a table of its own, between rounds of a writer that does not stop: one run notices
 * them, what they ask for is done, and two runs more settle it.
 */
export function describeChanges(what: string, changes: readonly Change[]): void {
  describe(`a change ${what} while somebody writes`, () => {
    let db: MigratedDatabase;
    let mirror: MirrorFixture;
    let failures: readonly FailedWrite[];
    const runs: Record<"changed" | "mended" | "settled" | "quiet", TableReport[]> = {
      changed: [],
      mended: [],
      settled: [],
      quiet: [],
    };
    let statusWhenChanged: StatusReport;
    let statusAtEnd: StatusReport;
    const documentsBefore: unknown[] = [];
    const documentsAfter: unknown[] = [];

    const nameOf = (index: number) => `shape_${index}`;
    const fill = (text: string, index: number) => text.replaceAll("$t", nameOf(index));
    const run = (text: string, index: number) => db.sql.unsafe(fill(text, index));
    function configure(index: number, change: Partial<MirrorConfig>): void {
      const { relation: moved, ...rest } = change;
      const old = mirror.config.mirrors[index]!;
      const relation = moved ? { ...moved, name: fill(moved.name, index) } : old.relation;
      mirror.config.mirrors[index] = { ...old, ...rest, relation };
    }
    const documentsOf = (index: number) =>
      mirror.documents(nameOf(index)).sort((a, b) => (a._id < b._id ? -1 : 1));

    beforeAll(async () => {
      db = await createMigratedDatabase();
      for (const [index, { ddl = PLAIN }] of changes.entries()) {
        await run(ddl, index);
        await run("INSERT INTO $t (id, n) SELECT n, n FROM generate_series(1, 20) n", index);
      }
      mirror = await MirrorFixture.create(db, "shape", {
        ddl: "SELECT 1",
        mirrors: changes.map((_, index) => ({ relation: nameOf(index) })),
      });
      for (const [index, { config }] of changes.entries()) if (config) configure(index, config);
      await mirror.migrate();
      await mirror.sync();

      const written = changes.map((_, index) => ({ name: nameOf(index), key: "id", value: "n" }));
      const writer = new Writer(db.url, written);
      failures = writer.failures;
      try {
        await writer.round();
        for (const [index, { sql, reconfigure }] of changes.entries()) {
          if (sql !== undefined) await run(sql, index);
          if (reconfigure) configure(index, reconfigure);
        }
        await writer.round();
        for (const [index, { thenMigrate }] of changes.entries()) {
          if (thenMigrate) await track(db.sql, nameOf(index));
        }
        for (const index of changes.keys()) documentsBefore.push(documentsOf(index));
        runs.changed = (await mirror.runSync("delta", { allowDeletes: true })).tables;
        for (const index of changes.keys()) documentsAfter.push(documentsOf(index));
        statusWhenChanged = await mirror.status();
        for (const [index, { remedy }] of changes.entries()) {
          if (typeof remedy === "string") await run(remedy, index);
          else if (remedy) configure(index, remedy);
        }
        await mirror.migrate();
        runs.mended = (await mirror.runSync("delta", { allowDeletes: true })).tables;
        await writer.round();
      } finally {
        await writer.stop();
      }
      runs.settled = (await mirror.runSync("delta", { allowDeletes: true })).tables;
      runs.quiet = (await mirror.runSync()).tables;
      statusAtEnd = await mirror.status();
    }, 240_000);
    afterAll(async () => {
      await mirror.close();
      await db.drop();
    });

    const cases = changes.map((change, index) => ({ ...change, index }));

    test.each(cases)("$does: no write fails because of tracking", ({ index, ownErrors = [] }) => {
      const ofTable = failures.filter(({ table }) => table === nameOf(index));
      expect(ofTable.filter(({ ofTracking }) => ofTracking)).toEqual([]);
      expect(ofTable.filter(({ code }) => !ownErrors.includes(code))).toEqual([]);
    });

    test.each(cases)(
      "$does: is noticed before a row moves, and said with the remedy",
      ({ index, ends, says }) => {
        const report = runs.changed[index]!;
        if (ends === "delta") {
          expect(report).toMatchObject({ outcome: "done", mode: "delta", notices: [] });
        } else if (ends === "full") {
          expect(report).toMatchObject({ outcome: "done", mode: "full" });
          expect(report.notices).toEqual([
            { code: "BECAME_FULL", message: expect.stringMatching(says!) as string },
          ]);
        } else if (ends === "mended") {
          expect(report).toMatchObject({ outcome: "done", mode: "full", tracking: "mended" });
          expect(report.notices).toMatchObject([
            { code: "TRACKING_MENDED", message: expect.stringMatching(says!) as string },
            { code: "BECAME_FULL" },
          ]);
          expect(statusWhenChanged.tables[index]).toMatchObject({ tracking: "intact", problem: null });
        } else {
          expect(report).toMatchObject({ outcome: "failed", read: 0, calls: 0, error: { code: ends } });
          expect(report.error!.message).toMatch(says!);
          expect(report.error!.remedy).not.toBe("");
          expect(documentsAfter[index]).toEqual(documentsBefore[index]);
          expect(statusWhenChanged.tables[index]!.problem).toBe(
            `${report.error!.message} ${report.error!.remedy}`,
          );
        }
      },
    );

    test("status says of each table what is wrong with it, and nothing else", () => {
      expect(statusWhenChanged.notices).toEqual([]);
      expect(statusAtEnd.notices).toEqual([]);
    });

    test.each(cases)("$does: the remedy works, and nothing is missed", async ({ index, ends }) => {
      expect(runs.mended[index]!.error).toBeUndefined();
      // Mended, it needs no migrate: that finds nothing to do, and the next run is a delta.
      if (ends === "delta" || ends === "mended") expect(runs.mended[index]!.mode).toBe("delta");
      expect(runs.settled[index]).toMatchObject({ outcome: "done", mode: "delta" });
      await compareMirror(db.sql, mirror.deployment, mirror.config.mirrors[index]!);
      expect(runs.quiet[index]).toMatchObject({ outcome: "done", mode: "delta", read: 0, deleted: 0 });
      expect(statusAtEnd.tables[index]).toMatchObject({ tracking: "intact", problem: null });
    });
  });
}
