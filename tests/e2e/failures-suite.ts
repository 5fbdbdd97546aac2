import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createSourceTables } from "../../local/data/fill-source.js";
import { readBothSides } from "./both-sides.js";
import type { Variables } from "./cli-process.js";
import { fillMirror, NOTHING, setUpScene, tableOf } from "./scene.js";
import type { StackKind } from "./stack.js";
import { WRONG_INPUTS } from "./wrong-inputs.js";

const ENV_EXAMPLE = fileURLToPath(new URL("../../.env.example", import.meta.url));

/** A row value that no output may show. */
const PLANTED = "planted-value-of-a-row";

const UNSET: Variables = { DATABASE_URL: "", CONVEX_URL: "", CONVEX_SYNC_AUTH_KEY: "" };

/** Wrong input of every kind: one message with the cause and the remedy, the right exit code, and nothing lost. */
export function describeFailures(kind: StackKind): void {
  describe(`failures, on ${kind.name}`, () => {
    const TABLES = ["sow_poles", "nokia_exports"];
    const FLAGS = TABLES.flatMap((table) => ["--table", table]);
    const scene = setUpScene(kind, {
      scale: 0.01,
      prepare: async (ready) => {
        await ready.stack.sql`UPDATE sow_poles SET comments = ${PLANTED}, owner = ${PLANTED}`;
        await fillMirror(ready, TABLES);
        // Waits for the first run that succeeds: none that fails may lose it.
        await ready.stack.sql`
          UPDATE sow_poles SET address = ${PLANTED} WHERE id = (SELECT min(id::text)::uuid FROM sow_poles)`;
      },
    });

    async function expectEqualSides(table: string): Promise<void> {
      const sides = await readBothSides(scene.stack.databaseUrl, scene.stack.convex, table);
      expect(sides.convex).toEqual(sides.postgres);
    }

    it("names each variable that is missing", async () => {
      const { code, stdout, stderr } = await scene.cli.run(["sync"], UNSET);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr.match(/error:/g)).toHaveLength(1);
      for (const name of Object.keys(UNSET)) expect(stderr).toContain(`${name} `);
      expect(stderr).toContain("there is no .env.local or .env in");
    });

    it("recognises the placeholders of .env.example", async () => {
      const { code, stdout, stderr } = await scene.cli.run(["sync", "--env-file", ENV_EXAMPLE], UNSET);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr.match(/error:/g)).toHaveLength(1);
      expect(stderr.match(/still has the placeholder of \.env\.example/g)).toHaveLength(3);
    });

    it.each(WRONG_INPUTS)(
      "names $what",
      async ({ variables, code, says, remedy }) => {
        const given = await variables(scene.stack);
        const failed = await scene.cli.run(["sync", "--json"], given);
        expect(failed.code).toBe(1);
        expect(JSON.parse(failed.stdout)).toEqual({
          ok: false,
          exitCode: 1,
          error: {
            code,
            table: null,
            message: expect.stringMatching(says) as string,
            remedy: expect.stringMatching(remedy) as string,
          },
        });
        expect(failed.stderr.match(/error:/g)).toHaveLength(1);
        expect(failed.stderr).toMatch(says);
        expect(failed.stderr).toMatch(remedy);
        expect(failed.stderr).not.toMatch(/\n\s+at /);
      },
      180_000,
    ); // a container may have to start

    it("has lost nothing by any of these", async () => {
      const { code, report } = await scene.cli.sync(FLAGS);
      expect(code).toBe(0);
      expect(report.totals).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
      expect(tableOf(report, "sow_poles").notices).toEqual([]);
    });

    it("names each relation that cannot be mirrored, and does the others", async () => {
      const { sql, url } = await scene.stack.createDatabase();
      await createSourceTables(sql);
      await sql.unsafe(`
        CREATE TABLE without_key (id integer, v text);
        CREATE VIEW of_two AS SELECT p.id, d.status FROM sow_poles p JOIN sow_drops d USING (pole_number);`);
      const config = {
        tables: [
          { relation: "without_key", mirror: "sow_poles" },
          { relation: "of_two", mirror: "sow_drops" },
          { relation: "not_there", mirror: "onemap_poles" },
          { relation: "mohadin_activations" },
        ],
      };
      const file = join(scene.cli.folder, "odd.json");
      await writeFile(file, JSON.stringify(config));
      const expected = [
        ["sow_poles", "NO_KEY", /without_key has no primary key/],
        [
          "sow_drops",
          "NO_KEY",
          /of_two reads several tables \(sow_drops, sow_poles\), and has no key of its own/,
        ],
        ["onemap_poles", "RELATION_MISSING", /not_there does not exist/],
      ] as const;
      for (const [command, good] of [
        ["migrate", "tracked"],
        ["sync", "done"],
      ] as const) {
        const { code, stdout } = await scene.cli.run([command, "--json", "--config", file], {
          DATABASE_URL: url,
        });
        expect(code).toBe(1);
        expect(JSON.parse(stdout)).toMatchObject({
          ok: false,
          tables: [
            ...expected.map(([table, errorCode, message]) => ({
              table,
              outcome: "failed",
              error: { code: errorCode, message: expect.stringMatching(message) as string },
            })),
            // An empty table is no failure.
            { table: "mohadin_activations", outcome: good },
          ],
        });
        const shown = await scene.cli.run([command, "--config", file], { DATABASE_URL: url });
        for (const [, errorCode, message] of expected) {
          expect(shown.stdout).toMatch(message);
          const told = expected.filter(([, other]) => other === errorCode).length;
          expect(shown.stdout.split(errorCode)).toHaveLength(1 + told);
        }
      }
    });

    it("sets a row aside that no document can hold, with exit code 3, until it is mended", async () => {
      const { sql } = scene.stack;
      await sql`
        UPDATE nokia_exports SET raw_data = jsonb_build_object('wide', repeat(${PLANTED}, 100000))
        WHERE id = (SELECT min(id::text)::uuid FROM nokia_exports)`;
      const run = await scene.cli.run(["sync", ...FLAGS]);
      expect(run.code).toBe(3);
      expect(run.stdout).toContain("1 row is set aside and missing from the mirror.");
      const status = await scene.cli.run(["status", ...FLAGS]);
      expect(status.code).toBe(3);
      expect(status.stdout).toMatch(/^Set aside\n {2}nokia_exports {2}[0-9a-f-]{36}.*: .+/m);
      await sql`UPDATE nokia_exports SET raw_data = '{}' WHERE raw_data ? 'wide'`;
      expect(await scene.cli.sync(FLAGS)).toMatchObject({
        code: 0,
        report: { totals: { inserted: 1, rejected: 0 } },
      });
      await expectEqualSides("nokia_exports");
    });

    it("tracks a table anew that was dropped and created again, and says so", async () => {
      const { sql } = scene.stack;
      await sql.unsafe(`
        CREATE TABLE rebuilt (LIKE nokia_exports INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
        INSERT INTO rebuilt SELECT * FROM nokia_exports;
        UPDATE rebuilt SET id = gen_random_uuid();
        DROP TABLE nokia_exports;
        ALTER TABLE rebuilt RENAME TO nokia_exports;`);
      expect(await scene.cli.status(FLAGS)).toMatchObject({
        code: 6,
        report: {
          tables: [{ tracking: "intact" }, { tracking: "missing", rowsInPostgres: 19, changesWaiting: null }],
        },
      });
      const run = await scene.cli.run(["sync", ...FLAGS]);
      expect(run.code).toBe(0);
      expect(run.stdout).toMatch(
        /^ {2}nokia_exports +The tracking of nokia_exports was mended: it was dropped and created again/m,
      );
      await expectEqualSides("nokia_exports");
      expect(await scene.cli.status(FLAGS)).toMatchObject({
        code: 0,
        report: { tables: [{ tracking: "intact" }, { tracking: "intact" }] },
      });
    });

    it("mirrors everything but a new column, with exit code 3, until it is deployed or excluded", async () => {
      await scene.stack.sql`ALTER TABLE nokia_exports ADD COLUMN firmware text`;
      await scene.stack.sql`
        UPDATE nokia_exports SET team = 'beside' WHERE id = (SELECT min(id::text)::uuid FROM nokia_exports)`;
      const lacking = await scene.cli.run(["sync", ...FLAGS]);
      expect(lacking.code).toBe(3);
      expect(lacking.stdout).toContain("Add { firmware: mirrored(v.string()) } to the table");
      expect(lacking.stdout).toContain("New columns of nokia_exports wait for a deploy");
      expect(await scene.cli.status(FLAGS)).toMatchObject({
        code: 3,
        report: { tables: [{ waiting: [] }, { waiting: ["firmware"], problem: null }] },
      });
      const config = { tables: [{ relation: "nokia_exports", exclude: ["firmware"] }] };
      const file = join(scene.cli.folder, "excluded.json");
      await writeFile(file, JSON.stringify(config));
      expect(await scene.cli.sync(["--config", file])).toMatchObject({ code: 0 });
    });

    it("has shown no secret and no row value, on the screen or in a log", async () => {
      const written = [...scene.cli.transcript, await scene.cli.readLogs()].join("\n");
      expect(written.length).toBeGreaterThan(10_000);
      const shown = [
        ...scene.stack.secrets,
        PLANTED,
        "not-the-password",
        "not-the-key-of-the-deployment",
      ].filter((secret) => written.includes(secret));
      expect(shown).toEqual([]);
      expect(written).not.toMatch(/postgres(ql)?:\/\/[^\s]*@/);
    });
  });
}
