import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { logEntries } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("what is logged of a write (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make, newEntries } = table;

  test("inserted, changed and deleted rows, each with its key", async () => {
    await make("id int PRIMARY KEY, a text");
    expect(await newEntries("INSERT INTO $t SELECT n, 'a' FROM generate_series(-1, 2) n")).toEqual([
      "i Z8",
      "i a0",
      "i a1",
      "i a2",
    ]);
    expect(await newEntries("UPDATE $t SET a = 'b' WHERE id > 0")).toEqual(["u a1", "u a2"]);
    expect(await newEntries("DELETE FROM $t WHERE id < 1")).toEqual(["d Z8", "d a0"]);
  });

  test("invariant 4: nothing of a rewrite with equal values, nor of a column that nobody mirrors", async () => {
    await make("id int PRIMARY KEY, a text, b jsonb, sync_timestamp timestamp, other int", {
      ignored: ["sync_timestamp"],
      compared: ["a", "b"],
    });
    await run(`INSERT INTO $t VALUES (1, 'a', '{"k": 1}', '2020-01-01', 1)`);
    const equal = `UPDATE $t SET id = 1, a = a || '', b = '{"k": 1}', sync_timestamp = now(), other = other + 1`;
    expect(await newEntries(equal)).toEqual([]);
    expect(await newEntries(equal.replace('"k": 1', '"k": 2'))).toEqual(["u a1"]);
  });

  test.each(["as-written", "content"] as const)(
    "a timestamp alone is told apart where updated_at is %s and mirrored",
    async (updatedAt) => {
      await make("id int PRIMARY KEY, a text, updated_at timestamptz", { updatedAt });
      await run("INSERT INTO $t VALUES (1, 'a', '2020-01-01')");
      const alone = await newEntries("UPDATE $t SET updated_at = '2021-01-01'");
      expect(alone).toEqual(updatedAt === "as-written" ? ["t a1"] : []);
      expect(await newEntries("UPDATE $t SET a = 'b', updated_at = '2022-01-01'")).toEqual(["u a1"]);
      expect(await newEntries("UPDATE $t SET updated_at = updated_at")).toEqual([]);
    },
  );

  test("invariant 4: a timestamp alone is nothing where it is ignored", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamp", { ignored: ["updated_at"] });
    await run("INSERT INTO $t VALUES (1, 'a', '2020-01-01')");
    expect(await newEntries("UPDATE $t SET updated_at = now()")).toEqual([]);
  });

  test("an updated_at that is no timestamp is a column like any other", async () => {
    await make("id int PRIMARY KEY, updated_at date");
    await run("INSERT INTO $t VALUES (1, '2020-01-01')");
    expect(await newEntries("UPDATE $t SET updated_at = '2021-01-01'")).toEqual(["u a1"]);
  });

  test("a changed key is logged with the one that it was", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t VALUES (1, 'a')");
    expect(await newEntries("UPDATE $t SET id = 2")).toEqual(["i a2", "d a1"]);
    const upsert = "INSERT INTO $t VALUES (2, 'c') ON CONFLICT (id) DO UPDATE SET id = 3";
    expect(await newEntries(upsert)).toEqual(["i a3", "d a2"]);
    await run("INSERT INTO $t VALUES (4, 'a')");
    const places = "UPDATE $t SET id = CASE id WHEN 3 THEN 5 ELSE 6 END";
    expect(new Set(await newEntries(places))).toEqual(new Set(["i a5", "d a3", "i a6", "d a4"]));
  });

  test("an updated_at that belongs to the key is a key", async () => {
    await make("id int, updated_at timestamp, PRIMARY KEY (id, updated_at)", { updatedAt: "content" });
    await run("INSERT INTO $t VALUES (1, '1970-01-01')");
    expect(await newEntries("UPDATE $t SET updated_at = '1970-01-01 00:00:00.000012'")).toEqual([
      "i a1b12",
      "d a1a0",
    ]);
  });

  test("an equal upsert logs nothing, others what they did", async () => {
    await make("id int PRIMARY KEY, a text");
    await run("INSERT INTO $t VALUES (1, 'one'), (2, 'two')");
    const upsert = `INSERT INTO $t VALUES (1, 'one'), (2, 'TWO'), (3, 'three')
                    ON CONFLICT (id) DO UPDATE SET a = excluded.a`;
    expect(await newEntries(upsert)).toEqual(["u a2", "i a3"]);
    expect(await newEntries(upsert)).toEqual([]);
    expect(await newEntries("INSERT INTO $t VALUES (1, 'x') ON CONFLICT DO NOTHING")).toEqual([]);
    const merge = `MERGE INTO $t t USING (VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'four')) AS s (id, a)
                   ON t.id = s.id WHEN MATCHED AND s.a IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET a = s.a
                   WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a)`;
    expect(new Set(await newEntries(merge))).toEqual(new Set(["u a2", "d a3", "i a4"]));
  });

  test("TRUNCATE is logged without keys, by CASCADE too", async () => {
    await run("CREATE TABLE $t_parent (id int PRIMARY KEY)");
    await make("id int PRIMARY KEY, parent int REFERENCES $t_parent");
    expect(await newEntries("TRUNCATE $t")).toEqual(["c null"]);
    expect(await newEntries("TRUNCATE $t_parent CASCADE")).toEqual(["c null"]);
  });

  test("foreign keys that cascade", async () => {
    await run("CREATE TABLE $t_parent (id int PRIMARY KEY)");
    await make(`id int PRIMARY KEY, parent int REFERENCES $t_parent ON DELETE CASCADE ON UPDATE CASCADE,
                other int REFERENCES $t_parent ON DELETE SET NULL`);
    await run("INSERT INTO $t_parent VALUES (1), (2), (3)");
    await run("INSERT INTO $t VALUES (10, 1, NULL), (20, 2, NULL), (30, 1, 3)");
    expect(await newEntries("UPDATE $t_parent SET id = 5 WHERE id = 1")).toEqual(["u b10", "u b30"]);
    expect(await newEntries("DELETE FROM $t_parent WHERE id = 3")).toEqual(["u b30"]);
    expect(await newEntries("DELETE FROM $t_parent WHERE id = 2")).toEqual(["d b20"]);
  });

  test("what other triggers made of the row, whatever their names", async () => {
    await make("id int PRIMARY KEY, a text, updated_at timestamp");
    await run(`CREATE FUNCTION $t_change() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN NEW.a := upper(NEW.a); NEW.id := NEW.id * TG_ARGV[0]::int; RETURN NEW; END $$`);
    await run("INSERT INTO $t VALUES (1, 'A', now())");
    for (const [name, times] of [
      ["zzzz_after_ours", 1],
      ["aaa_before_ours", 1],
      ["zzzz_key", 2],
    ] as const) {
      await run(
        `CREATE TRIGGER ${name} BEFORE UPDATE ON $t FOR EACH ROW EXECUTE FUNCTION $t_change('${times}')`,
      );
      const isKey = times === 2;
      expect(await newEntries("UPDATE $t SET a = 'a'")).toEqual(isKey ? ["i a2", "d a1"] : []);
      expect(await newEntries("UPDATE $t SET a = 'b'")).toEqual([isKey ? ["i a4", "d a2"] : ["u a1"]].flat());
      await run(`DROP TRIGGER ${name} ON $t`);
      await run("UPDATE $t SET a = 'A'");
    }
    await run(`CREATE FUNCTION $t_swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`);
    await run("CREATE TRIGGER zzzz BEFORE UPDATE OR DELETE ON $t FOR EACH ROW EXECUTE FUNCTION $t_swallow()");
    expect(await newEntries("UPDATE $t SET a = 'never written'; DELETE FROM $t")).toEqual([]);
  });

  test("a stored generated column neither hides a change nor looks like one", async () => {
    await make("id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED", {
      compared: ["twice"],
    });
    await run("INSERT INTO $t (id, a) VALUES (1, 1)");
    expect(await newEntries("UPDATE $t SET a = 1")).toEqual([]);
    expect(await newEntries("UPDATE $t SET a = 2")).toEqual(["u a1"]);
  });

  // Before Postgres 18 each generated column is stored.
  const [kind, word] = version >= 18 ? ["virtual", "VIRTUAL"] : ["stored", "STORED"];
  test(`of a ${kind} generated column, the columns that it reads count`, async () => {
    await make(`id int PRIMARY KEY, a int, b int, sum int GENERATED ALWAYS AS (a + b) ${word}`, {
      compared: ["a", "b", "sum"],
    });
    await run("INSERT INTO $t (id, a, b) VALUES (1, 1, 2)");
    expect(await newEntries("UPDATE $t SET a = 1, b = 2")).toEqual([]);
    expect(await newEntries("UPDATE $t SET b = 3")).toEqual(["u a1"]);
  });

  test("names that need quotes work everywhere", async () => {
    table.name = `"Odd ""table"""`;
    await make(
      `"the Key" int PRIMARY KEY, "a ""b""" text, "select" text, "%1$s %I" text, "'" text, "\\" jsonb,
                updated_at timestamp`,
      { ignored: ["select"], updatedAt: "content" },
    );
    await run("INSERT INTO $t VALUES (1, 'a', 'b', 'c', 'd', '{}', '2020-01-01')");
    const same = `UPDATE $t SET "a ""b""" = 'a', "select" = 'x', "%1$s %I" = 'c', "\\" = '{}', updated_at = now()`;
    expect(await newEntries(same)).toEqual([]);
    expect(await newEntries(`UPDATE $t SET "'" = 'x'`)).toEqual(["u a1"]);
    expect(await newEntries(`UPDATE $t SET "the Key" = 2`)).toEqual(["i a2", "d a1"]);
    expect((await logEntries(table.sql, table.name)).length).toBe(4);
  });
});
