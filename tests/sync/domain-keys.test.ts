import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

test.each([
  ["a domain", "$t_base"],
  ["a domain over a domain", "$t_key"],
])("a key of %s with a condition that older keys violate is mirrored all the same", async (_, type) => {
  const mirror = await open({
    ddl: `CREATE DOMAIN $t_base AS int; CREATE DOMAIN $t_key AS $t_base;
          CREATE TABLE $t (id ${type} PRIMARY KEY, a text);
          INSERT INTO $t SELECT n, 'a' FROM generate_series(-3, 3) n`,
    settings: { pageRows: 2 },
  });
  await mirror.sync();
  await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 0; DELETE FROM $t WHERE id = -3");
  await mirror.run("ALTER DOMAIN $t_base ADD CHECK (VALUE > 0) NOT VALID");
  expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 3, deleted: 1 });
  const shown = () => mirror.documents().map(({ id, a }) => `${String(id)}${String(a)}`);
  expect(shown().sort()).toEqual(["-1b", "-2b", "0b", "1a", "2a", "3a"]);
  expect(await mirror.sync("full")).toMatchObject({ updated: 0, inserted: 0, deleted: 0 });
});

test("keys of a domain over uuid are paged and compared in their own order", async () => {
  const mirror = await open({
    ddl: `CREATE DOMAIN $t_base AS uuid; CREATE DOMAIN $t_key AS $t_base;
          CREATE TABLE $t (id $t_key PRIMARY KEY, a text);
          INSERT INTO $t SELECT gen_random_uuid(), 'a' FROM generate_series(1, 7)`,
    settings: { pageRows: 2 },
  });
  await mirror.sync();
  await mirror.run("UPDATE $t SET a = 'b' WHERE id = (SELECT min(id::text) FROM $t)::uuid");
  expect(await mirror.sync("full")).toMatchObject({ inserted: 0, updated: 1, deleted: 0 });
  expect(mirror.documents().filter(({ a }) => a === "b")).toHaveLength(1);
});
