import { defineTable } from "convex/server";
import { v } from "convex/values";
import { expect, test } from "vitest";
import { migrate } from "../../src/commands/migrate.js";
import { hurriedClock, useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

/** Postgres holds more columns than Convex fields: 1,024, two of which are the system's. */
const COLUMNS = Array.from({ length: 1_099 }, (_, index) => `c${index}`);

test("a table of 1,100 columns is refused with 'exclude', not with fields to add, and is mirrored without the rest", async () => {
  const mirror = await open({
    ddl: "CREATE TABLE $t (id int PRIMARY KEY)",
    schema: (name) => ({ [name]: defineTable({ id: v.optional(v.union(v.null(), v.number())) }) }),
  });
  await mirror.run(
    `ALTER TABLE $t ${COLUMNS.map((name) => `ADD ${name} int`).join(", ")}; INSERT INTO $t VALUES (1, 2)`,
  );
  const migrated = await migrate({ config: mirror.config, clock: hurriedClock });
  const expected = {
    code: "CONFIG_INVALID",
    message: `1100 columns of ${mirror.table} are to be mirrored, and a Convex document holds 1022.`,
    remedy: expect.stringMatching(/^Name at least 78 of them as "exclude"/) as string,
  };
  expect(migrated.tables).toMatchObject([{ outcome: "failed", error: expected }]);
  expect((await mirror.runSync()).tables).toMatchObject([{ outcome: "failed", error: expected }]);
  expect((await mirror.status()).tables[0]!.problem).toContain(expected.message);

  mirror.config.mirrors[0]!.exclude = COLUMNS.slice(0, 78);
  await mirror.migrate();
  expect((await mirror.runSync()).tables).toMatchObject([{ error: { code: "SCHEMA_LAGS" } }]);
  mirror.config.mirrors[0]!.exclude = COLUMNS;
  await mirror.migrate();
  expect(await mirror.sync()).toMatchObject({ inserted: 1 });
});

test("the most that a document holds is mirrored", async () => {
  const mirror = await open({
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, ${COLUMNS.slice(0, 1_021)
      .map((name) => `${name} int`)
      .join(", ")})`,
  });
  await mirror.run("INSERT INTO $t (id, c1020) VALUES (1, 2)");
  expect(await mirror.sync()).toMatchObject({ inserted: 1, rejected: 0 });
  expect(Object.keys(mirror.documents()[0]!)).toHaveLength(1_023);
});
