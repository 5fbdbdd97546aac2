import { describe, expect, test } from "vitest";
import { watchRun } from "../support/crash.js";
import { useMirrors } from "../support/mirror-fixture.js";

/** What an owner may do to a table at any moment of a run, in one transaction. */
const OWNERS = [
  {
    does: "a TRUNCATE and a refill",
    sql: "TRUNCATE $t; INSERT INTO $t SELECT n, 'new' FROM generate_series(40, 60) n",
  },
  {
    does: "keys that change, go and come again",
    sql: "UPDATE $t SET id = id + 1000 WHERE id % 3 = 0; DELETE FROM $t WHERE id < 9; INSERT INTO $t VALUES (5, 'again')",
  },
  { does: "another type for a column", sql: "ALTER TABLE $t ALTER COLUMN a TYPE varchar USING a || '!'" },
];
const RESET = `
  ALTER TABLE $t ALTER COLUMN a TYPE text;
  TRUNCATE $t;
  INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 50) n`;

describe("what the owner does while a run is at some step", () => {
  const open = useMirrors();

  test.each(OWNERS)("invariants 1 and 2: $does, before each step of a delta", async ({ sql }) => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
    const retypes = sql.startsWith("ALTER");
    let strike = -1;
    for (let steps = 0; strike <= steps; strike++) {
      await mirror.run(RESET);
      if (retypes) await mirror.migrate();
      await mirror.sync("delta", { allowDeletes: true });
      await mirror.run("UPDATE $t SET a = 'b' WHERE id % 10 = 0; DELETE FROM $t WHERE id = 11");

      const watched = await watchRun(mirror, {
        onStep: async (_, step) => {
          if (step === strike) await mirror.run(sql);
        },
      });
      if (strike === -1) steps = watched.steps.length;
      if (strike === steps) await mirror.run(sql);

      if (retypes) await mirror.migrate();
      await mirror.sync("delta", { allowDeletes: true });
      await mirror.compare();
    }
    expect(strike).toBeGreaterThan(20);
  });
});
