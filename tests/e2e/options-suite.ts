import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createSourceTables, fillSourceTables } from "../../local/data/fill-source.js";
import type { DryRunReport } from "../../src/commands/dry-run-report.js";
import { readBothSides } from "./both-sides.js";
import { fillMirror, NOTHING, setUpScene, tableOf, type Scene } from "./scene.js";
import type { StackKind } from "./stack.js";

/** As the source's owner has it: views over base tables that have other names, and tables of their own names. */
const CONFIG_FILE = {
  tables: [
    { relation: "sow_poles", base: "sharepoint_hld_pole" },
    { relation: "sow_drops", base: "sharepoint_hld_home", exclude: ["created_by"], updatedAt: "as-written" },
    { relation: "nokia_exports" },
  ],
};

async function makeViews({ stack, cli }: Scene): Promise<void> {
  await stack.sql.unsafe(`
    ALTER TABLE sow_poles RENAME TO sharepoint_hld_pole;
    ALTER TABLE sow_drops RENAME TO sharepoint_hld_home;
    CREATE VIEW sow_poles AS SELECT * FROM sharepoint_hld_pole WHERE status IS DISTINCT FROM 'withdrawn';
    CREATE VIEW sow_drops AS SELECT * FROM sharepoint_hld_home;`);
  await writeFile(join(cli.folder, "datahub-sync.config.json"), JSON.stringify(CONFIG_FILE));
  await fillMirror({ cli });
}

/** Views, flags and the other commands, on one mirror that all tests change in turn. */
export function describeOptions(kind: StackKind): void {
  describe(`flags and commands, on ${kind.name}`, () => {
    const scene = setUpScene(kind, { scale: 0.02, prepare: makeViews });

    async function expectEqualSides(table: string): Promise<void> {
      const sides = await readBothSides(scene.stack.databaseUrl, scene.stack.convex, table);
      expect(sides.convex).toEqual(sides.postgres);
    }

    it("mirrors a view through its base table, without what it no longer shows", async () => {
      const { sql } = scene.stack;
      await expectEqualSides("sow_poles");
      await sql`
        UPDATE sharepoint_hld_pole SET status = 'withdrawn'
        WHERE id IN (SELECT id FROM sharepoint_hld_pole ORDER BY id LIMIT 3)`;
      await sql`
        UPDATE sharepoint_hld_pole SET comments = 'seen through the view'
        WHERE id = (SELECT max(id::text)::uuid FROM sharepoint_hld_pole)`;
      const { code, report } = await scene.cli.sync(["--table", "sow_poles"]);
      expect(code).toBe(0);
      expect(report.tables).toHaveLength(1);
      expect(report.tables[0]).toMatchObject({ ...NOTHING, read: 1, updated: 1, deleted: 3 });
      await expectEqualSides("sow_poles");
    });

    it("leaves an excluded column out, and does not count its changes", async () => {
      const documents = await scene.stack.convex.documents("sow_drops");
      expect(documents.length).toBeGreaterThan(100);
      expect(documents.filter((document) => "created_by" in document)).toEqual([]);
      await scene.stack.sql`UPDATE sharepoint_hld_home SET created_by = 'somebody else'`;
      expect((await scene.cli.sync(["--table", "sow_drops"])).report.totals).toMatchObject(NOTHING);
    });

    it("refuses an unknown --table with exit code 2, and names those it has", async () => {
      const refused = await scene.cli.run(["sync", "--table", "sow_pole"]);
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain("--table sow_pole: the configuration has no such table.");
      expect(refused.stderr).toContain("It has sow_poles, sow_drops, nokia_exports.");
    });

    it("says beforehand what a run does, and changes nothing by it", async () => {
      const { sql } = scene.stack;
      await sql`UPDATE nokia_exports SET status = 'foreseen' WHERE id IN (SELECT id FROM nokia_exports ORDER BY id LIMIT 4)`;
      const table = ["--table", "nokia_exports"];
      const before = await scene.stack.readDeployment("nokia_exports");
      const dry = await scene.cli.run(["sync", "--dry-run", "--json", ...table]);
      expect(await scene.stack.readDeployment("nokia_exports")).toEqual(before);
      const plan = await scene.cli.run(["migrate", "--dry-run"]);
      expect(plan).toMatchObject({ code: 0, stderr: "" });
      expect(plan.stdout).toContain("Nothing is to be done");

      const { report } = await scene.cli.sync(table);
      const { read, inserted, updated, unchanged, deleted, calls } = report.totals;
      const foreseen = JSON.parse(dry.stdout) as DryRunReport;
      expect(foreseen).toMatchObject({ dryRun: true, exitCode: 0, foreseenExitCode: 0 });
      expect(foreseen.totals).toMatchObject({ read, inserted, updated, unchanged, deleted, calls });
      expect(report.totals).toMatchObject({ updated: 4, deleted: 0 });
    });

    it("holds mass deletions back with exit code 5 until they are allowed", async () => {
      const { sql, convex } = scene.stack;
      const before = await convex.documents("nokia_exports");
      await sql`DELETE FROM nokia_exports WHERE id IN (SELECT id FROM nokia_exports ORDER BY id LIMIT 15)`;
      await sql`UPDATE nokia_exports SET status = 'the rest goes on' WHERE id = (SELECT max(id::text)::uuid FROM nokia_exports)`;
      const held = await scene.cli.run(["sync"]);
      expect(held.code).toBe(5);
      expect(held.stdout).toMatch(/15 documents of nokia_exports .*were kept/);
      expect(held.stdout).toContain("datahub-sync sync --allow-deletes nokia_exports");
      const kept = await convex.documents("nokia_exports");
      expect(kept).toHaveLength(before.length);
      expect(kept.filter(({ status }) => status === "the rest goes on")).toHaveLength(1);
      expect(await scene.cli.status()).toMatchObject({
        code: 5,
        report: { tables: [{}, {}, { table: "nokia_exports", deletionsHeldBack: 15 }] },
      });

      const allowed = await scene.cli.sync(["--allow-deletes", "nokia_exports"]);
      expect(allowed.code).toBe(0);
      expect(tableOf(allowed.report, "nokia_exports")).toMatchObject({ deleted: 15, heldBack: 0 });
      await expectEqualSides("nokia_exports");
    });

    it("finds and mends what was edited and removed by hand, with --deep alone", async () => {
      const { convex } = scene.stack;
      const [edited, removed] = await convex.documents("nokia_exports");
      await convex.run(
        "run",
        "handEdits:patch",
        JSON.stringify({ id: edited!["_id"], fields: { status: "edited by hand" } }),
      );
      await convex.run("run", "handEdits:remove", JSON.stringify({ id: removed!["_id"] }));
      const delta = await scene.cli.sync(["--table", "nokia_exports"]);
      expect(delta.report.totals).toMatchObject({ updated: 0, deleted: 0 });
      const statuses = (await convex.documents("nokia_exports")).map(({ status }) => status);
      expect(statuses).toContain("edited by hand");

      const differs = await scene.cli.run(["verify", "--table", "nokia_exports"]);
      expect(differs.code).toBe(6);
      expect(differs.stdout).toContain(`${String(edited!["id"])}: status differs`);
      expect(differs.stdout).toContain(`${String(removed!["id"])}: has no document`);
      expect(differs.stdout + differs.stderr).not.toContain("edited by hand");

      const deep = await scene.cli.sync(["--deep", "--table", "nokia_exports"]);
      expect(deep).toMatchObject({ code: 0, report: { mode: "deep" } });
      expect(tableOf(deep.report, "nokia_exports")).toMatchObject({ updated: 1, inserted: 1, deleted: 0 });
      const equal = await scene.cli.run(["verify", "--json", "--table", "nokia_exports"]);
      expect(equal.code).toBe(0);
      expect(JSON.parse(equal.stdout)).toMatchObject({
        ok: true,
        tables: [{ outcome: "equal", different: 0 }],
      });
      await expectEqualSides("nokia_exports");
    });

    it("tells with status what waits, for people and for machines", async () => {
      await scene.stack
        .sql`UPDATE nokia_exports SET team = 'waiting' WHERE id = (SELECT min(id::text)::uuid FROM nokia_exports)`;
      await scene.stack
        .sql`DELETE FROM sharepoint_hld_home WHERE id = (SELECT min(id::text)::uuid FROM sharepoint_hld_home)`;
      const { code, report } = await scene.cli.status();
      expect(code).toBe(0);
      expect(report).toMatchObject({ ok: true, running: [], exitCode: 0 });
      expect(report.tables).toMatchObject([
        { table: "sow_poles", base: "sharepoint_hld_pole", changesWaiting: 0, tracking: "intact" },
        { table: "sow_drops", base: "sharepoint_hld_home", changesWaiting: 1, tracking: "intact" },
        { table: "nokia_exports", base: "nokia_exports", changesWaiting: 1, tracking: "intact" },
      ]);
      expect(report.tables.map(({ updatedAt }) => updatedAt)).toEqual(["content", "as-written", "content"]);
      expect(report.changeLog.entries).toBeGreaterThanOrEqual(2);
      const [, drops] = report.tables;
      expect(drops!.rowsInMirror).toBe(drops!.rowsInPostgres! + 1);
      const shown = await scene.cli.run(["status", "--table", "nokia_exports"], { FORCE_COLOR: "0" });
      expect(shown.stdout).toMatch(/^nokia_exports +23 +23 +1 +0 +0 +intact$/m);
      expect(shown.stdout).toMatch(
        /^The change log has [\d,]+ entries and takes [\d.]+ [KM]iB in Postgres\.$/m,
      );
      expect(await scene.cli.sync()).toMatchObject({ code: 0 });
    });

    it("untracks a table, says so when it is to be mirrored, and compares it when it is tracked again", async () => {
      const { sql } = scene.stack;
      /** What is part of the table: of ours there are triggers, and nothing else. */
      const parts = async () => {
        const names = await sql<{ kind: string; name: string }[]>`
          SELECT 'column' AS kind, attname AS name FROM pg_attribute
           WHERE attrelid = 'nokia_exports'::regclass AND attnum > 0 AND NOT attisdropped
          UNION ALL SELECT 'index', indexrelid::regclass::text FROM pg_index WHERE indrelid = 'nokia_exports'::regclass
          UNION ALL SELECT 'trigger', tgname FROM pg_trigger WHERE tgrelid = 'nokia_exports'::regclass
          ORDER BY 1, 2`;
        return names.map(({ kind, name }) => `${kind} ${name.replace(/\d+/, "N")}`);
      };
      const tracked = await parts();
      const ours = ["content", "log", "truncate"].map((name) => `trigger zzz_datahub_sync_N_${name}`);
      expect(tracked).toEqual(expect.arrayContaining(ours));
      const untracked = await scene.cli.run(["untrack", "--table", "nokia_exports"]);
      expect(untracked).toMatchObject({ code: 0 });
      expect(await parts()).toEqual(tracked.filter((part) => !ours.includes(part)));

      const refused = await scene.cli.sync(["--table", "nokia_exports"]);
      expect(refused.code).toBe(1);
      expect(refused.report.tables[0]!.error).toMatchObject({ code: "NOT_TRACKED" });

      // Nobody records what happens now, so everything has to be compared.
      await sql`UPDATE nokia_exports SET team = 'unseen' WHERE id = (SELECT min(id::text)::uuid FROM nokia_exports)`;
      await sql`DELETE FROM nokia_exports WHERE id = (SELECT max(id::text)::uuid FROM nokia_exports)`;
      expect(await scene.cli.run(["migrate"])).toMatchObject({ code: 0 });
      const again = await scene.cli.sync(["--table", "nokia_exports"]);
      expect(again).toMatchObject({
        code: 0,
        report: { tables: [{ mode: "full", read: 1, updated: 1, deleted: 1 }] },
      });
      await expectEqualSides("nokia_exports");
    });

    it("refuses another source database until --take-over, and then mirrors that one", async () => {
      const other = await scene.stack.createDatabase();
      await createSourceTables(other.sql);
      await fillSourceTables(other.sql, { seed: 2, scale: 0.005 });
      const flags = ["--table", "nokia_exports"];
      const there = { DATABASE_URL: other.url };
      expect(await scene.cli.run(["migrate", ...flags], there)).toMatchObject({ code: 0 });
      const before = await scene.stack.convex.documents("nokia_exports");
      const refused = await scene.cli.sync(flags, there);
      expect(refused.code).toBe(1);
      expect(refused.report.tables[0]!.error).toMatchObject({
        code: "LINEAGE_MISMATCH",
        remedy: expect.stringContaining("--take-over") as string,
      });
      expect(await scene.stack.convex.documents("nokia_exports")).toEqual(before);

      const taken = await scene.cli.sync(
        [...flags, "--take-over", "--allow-deletes", "nokia_exports"],
        there,
      );
      expect(taken).toMatchObject({ code: 0, report: { tables: [{ mode: "full", inserted: 10 }] } });
      const sides = await readBothSides(other.url, scene.stack.convex, "nokia_exports");
      expect(sides.convex).toEqual(sides.postgres);
      // The first database has lost the mirror.
      expect(await scene.cli.sync(flags)).toMatchObject({
        code: 1,
        report: { tables: [{ error: { code: "LINEAGE_MISMATCH" } }] },
      });
    });
  });
}
