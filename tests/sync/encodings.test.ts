import { describe, expect, test } from "vitest";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { migrate } from "../../src/commands/migrate.js";
import { connectTo } from "../support/migrated-database.js";
import { hurriedClock, MirrorFixture, NOTHING, useMirrors } from "../support/mirror-fixture.js";
import { createTestDatabase } from "../support/postgres.js";

/** Texts of each encoding whose bytes sort otherwise than their UTF-8 does, wherever it can be so. */
const ENCODINGS = [
  { encoding: "LATIN1", texts: ["z", "é", "É", "ÿ", "Ö", "ß", "", "\u0001é", "naïve"] },
  { encoding: "WIN1252", texts: ["z", "€", "é", "Ž", "ÿ", "…", "", "œuvre"] },
  { encoding: "EUC_JP", texts: ["z", "日本", "ｱ", "本", "あ", "亜", "", "日"] },
];

describe.each(ENCODINGS)("a database in $encoding", ({ encoding, texts }) => {
  const open = useMirrors({ encoding });
  const values = texts
    .flatMap((text, index) => [`('${text}', '${texts.at(-index - 1)!}', '${text}')`])
    .join();

  test.each([
    ["one text", "PRIMARY KEY (id)"],
    ["two texts", "PRIMARY KEY (id, other)"],
    ["a text that sorts by C", "PRIMARY KEY (other, id)"],
  ])("accented texts as keys and values: %s", async (_, key) => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id text, other varchar COLLATE "C", a text, j jsonb, ${key})`,
      settings: { pageRows: 2 },
    });
    await mirror.run(
      `INSERT INTO $t (id, other, a) VALUES ${values}; UPDATE $t SET j = to_jsonb(ARRAY[id, a])`,
    );
    const shown = async () => {
      const rows = await mirror.run("SELECT id, other, a, j FROM $t");
      const sorted = (all: object[]) => all.map((row) => JSON.stringify(row)).sort();
      expect(sorted(mirror.documents().map(({ id, other, a, j }) => ({ id, other, a, j })))).toEqual(
        sorted(rows),
      );
    };
    expect(await mirror.sync()).toMatchObject({ inserted: texts.length, rejected: 0 });
    await shown();

    const [first, second, third] = texts;
    await mirror.run(
      `UPDATE $t SET a = a || id WHERE id IN ('${first}', '${second}'); DELETE FROM $t WHERE id = '${third}'`,
    );
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 2, deleted: 1 });
    await shown();
    for (const mode of ["full", "deep"] as const)
      expect(await mirror.sync(mode)).toMatchObject({ ...NOTHING, ...ANY });

    // A comparison has to find what no trigger noticed.
    await mirror.run(`
      SET session_replication_role = replica; ALTER TABLE $t DISABLE TRIGGER USER;
      UPDATE $t SET a = 'unnoticed' WHERE id = '${first}'; DELETE FROM $t WHERE id = '${second}';
      INSERT INTO $t (id, other, a) VALUES ('${third}', '${third}', 'new');
      RESET session_replication_role`);
    await mirror.migrate();
    expect(await mirror.sync("full")).toMatchObject({ inserted: 1, updated: 1, deleted: 1 });
    await shown();
  });

  test("a report with letters that the database lacks is kept all the same", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
    await mirror.sync();
    await mirror.run("ALTER TABLE $t DROP CONSTRAINT $t_pkey");
    mirror.config.mirrors[0]!.relation = { schema: "public", name: "no such 😀 table" };
    const report = await mirror.runSync();
    expect(report.tables[0]!.error!.message).toContain("😀");
    expect(report.notices).toEqual([]);
    const kept =
      await mirror.run(`SELECT report->'tables'->0->'error'->>'message' AS message FROM datahub_sync.runs
      WHERE id = '${report.runId}'`);
    expect(kept).toEqual([{ message: "The relation no such ? table does not exist." }]);
  });
});

const ANY = { read: expect.any(Number) as number, unchanged: expect.any(Number) as number };

describe("a database whose bytes may be no text", () => {
  test.each(["SQL_ASCII", "MULE_INTERNAL"])(
    "%s is refused, and nothing is created in it",
    async (encoding) => {
      const test = await createTestDatabase({ encoding });
      const database = connectTo(test);
      const mirror = await MirrorFixture.create({ ...(await createTestDatabase()), database }, "t", {
        ddl: "SELECT 1",
      });
      const refused = mirror.withDatabase({ ...test, database });
      try {
        const expected = {
          code: "ENCODING_UNSUPPORTED",
          message: expect.stringContaining(encoding) as string,
          remedy: expect.stringContaining("ENCODING 'UTF8'") as string,
        };
        await expect(migrate({ config: refused.config, clock: hurriedClock })).rejects.toMatchObject(
          expected,
        );
        await expect(refused.runSync()).rejects.toMatchObject(expected);
        await expect(applyMigrations(database)).rejects.toMatchObject(expected);
      } finally {
        await mirror.close();
        await mirror.db.drop();
        await database.close();
        await test.drop();
      }
    },
  );
});
