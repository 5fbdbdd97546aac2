import { describe, expect, test } from "vitest";
import { NOTHING, useMirrors } from "../support/mirror-fixture.js";

describe("every kind of key", () => {
  const open = useMirrors();

  test.each([
    ["int", "id int PRIMARY KEY, a text", "SELECT n, 'a' FROM generate_series(-5, 105) n"],
    [
      "bigint",
      "id bigint PRIMARY KEY, a text",
      "SELECT n * 1000000000000, 'a' FROM generate_series(1, 40) n",
    ],
    [
      "uuid",
      "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a text",
      "SELECT gen_random_uuid(), 'a' FROM generate_series(1, 40)",
    ],
    [
      "text",
      "id text PRIMARY KEY, a text",
      String.raw`SELECT x, 'a' FROM unnest(ARRAY['', ' ', 'a', 'B', 'ä', 'z', 'Z', ',', '\', '"', '{}', 'null', '😀', chr(57344), 'ｚ', 'a,b']) x`,
    ],
    [
      "several columns",
      "p text, q int, a text, PRIMARY KEY (p, q)",
      String.raw`SELECT p, q, 'a' FROM unnest(ARRAY['', 'a', 'a,1', 'a\', ',', '\,', '😀', chr(57344)]) p, generate_series(9, 11) q`,
    ],
    [
      "timestamptz",
      "id timestamptz PRIMARY KEY, a text",
      "SELECT now() + n * interval '1 us', 'a' FROM generate_series(1, 20) n",
    ],
  ])("%s: load, delta, key change, deletion, comparison", async (_, columns, rows) => {
    const mirror = await open({ ddl: `CREATE TABLE $t (${columns})` });
    await mirror.run(`INSERT INTO $t ${rows}`);
    await mirror.sync();
    await mirror.compare();
    const key = /PRIMARY KEY \((.*)\)/.exec(columns)?.[1] ?? "id";
    await mirror.run(`UPDATE $t SET a = 'b' WHERE (${key}) IN (SELECT ${key} FROM $t LIMIT 5)`);
    await mirror.run(`DELETE FROM $t WHERE (${key}) IN (SELECT ${key} FROM $t LIMIT 2)`);
    const updated = await mirror.run("SELECT 1 FROM $t WHERE a = 'b'");
    expect(await mirror.sync()).toMatchObject({
      ...NOTHING,
      read: updated.length,
      updated: updated.length,
      deleted: 2,
    });
    await mirror.compare();
    expect(await mirror.sync("full")).toMatchObject(NOTHING);
    await mirror.run("TRUNCATE $t");
    await mirror.run(`INSERT INTO $t ${rows}`);
    await mirror.sync("delta", { allowDeletes: true });
    await mirror.compare();
  });

  test("a unique key that is not the primary key", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id serial PRIMARY KEY, code text NOT NULL UNIQUE, a text)",
      mirrors: [{ relation: "$t", key: ["code"] }],
    });
    await mirror.run("INSERT INTO $t (code) VALUES ('a'), ('b')");
    await mirror.sync();
    await mirror.run("UPDATE $t SET code = 'c' WHERE code = 'a'; UPDATE $t SET id = 50 WHERE code = 'b'");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 2, inserted: 1, updated: 1, deleted: 1 });
    await mirror.compare();
  });
});
