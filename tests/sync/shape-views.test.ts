import { describe, expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";
import { describeChanges, NOT_COMPARED, PLAIN, SHAPE, relation, type Change } from "./shape-suite.js";

const CHANGES: Change[] = [
  {
    does: "a view that shows another column",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n FROM $t`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE VIEW $t_v AS SELECT id, n, a FROM $t",
    ends: "mended",
    says: NOT_COMPARED,
  },
  {
    does: "a view that no longer shows a column",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n, a FROM $t`,
    config: relation("$t_v"),
    sql: "DROP VIEW $t_v; CREATE VIEW $t_v AS SELECT id, n FROM $t",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a view with another condition",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n FROM $t WHERE id > 0`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE VIEW $t_v AS SELECT id, n FROM $t WHERE id % 2 = 0",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a view with another expression for a column, of the same type",
    ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, n * 2 AS twice FROM $t`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE VIEW $t_v AS SELECT id, n * 3 AS twice FROM $t",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "another body for a function that a view calls",
    ddl: `${PLAIN}; CREATE FUNCTION $t_f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
          CREATE VIEW $t_v AS SELECT id, $t_f(n) AS twice FROM $t`,
    config: relation("$t_v"),
    sql: "CREATE OR REPLACE FUNCTION $t_f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 3'",
    ends: "full",
    says: SHAPE,
  },
];

describeChanges("of a view", CHANGES);

describe("what would go unmarked is not mirrored as if it were not", () => {
  const open = useMirrors();

  test.each([
    ["a sub-select", "SELECT id, n FROM $t WHERE n = (SELECT max(n) FROM $t)"],
    [
      "a sub-select for a column",
      "SELECT id, (SELECT count(*) FROM $t x WHERE x.n = $t.n) AS like_it FROM $t",
    ],
    ["a sub-select in a view below", "SELECT * FROM $t_below"],
  ])(
    "a view with %s over its own base is compared by its own key: a change of one row changes others",
    async (_, query) => {
      const mirror = await open({
        ddl: `${PLAIN}; CREATE VIEW $t_below AS SELECT id, n FROM $t WHERE id IN (SELECT max(id) FROM $t GROUP BY n);
            CREATE VIEW $t_v AS ${query}`,
      });
      mirror.config.mirrors[0]!.relation.name = `${mirror.table}_v`;
      expect((await mirror.runSync()).tables[0]!.error).toMatchObject({ code: "NO_KEY" });
      mirror.config.mirrors[0]!.key = ["id"];
      await mirror.run("INSERT INTO $t (id, n) SELECT n, n % 2 FROM generate_series(1, 9) n");
      await mirror.sync();
      await mirror.run("INSERT INTO $t (id, n) VALUES (10, 1)");
      expect(await mirror.sync()).toMatchObject({ mode: "full", tracking: "none" });
      await mirror.compare();
    },
  );

  test.each([
    ["the time", "SELECT id FROM $t WHERE at > now() - interval '1 hour'"],
    ["the day", "SELECT id FROM $t WHERE at > current_date"],
    ["who asks", "SELECT id, $t_who() AS who FROM $t"],
  ])("a view that depends on %s is compared by each run", async (_, query) => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, at timestamptz);
            CREATE FUNCTION $t_who() RETURNS text STABLE LANGUAGE sql AS 'SELECT user::text';
            CREATE VIEW $t_v AS ${query};
            INSERT INTO $t VALUES (1, now() + interval '2 days')`,
      mirrors: [{ relation: "$t_v" }],
    });
    await mirror.sync();
    for (let run = 0; run < 2; run++) {
      const report = await mirror.sync();
      expect(report).toMatchObject({ mode: "full", read: 0 });
      expect(report.notices).toEqual([
        { code: "BECAME_FULL", message: expect.stringMatching(/answer by more than the row/) as string },
      ]);
    }
  });

  test("a view that calls only what its arguments decide is read by what changed", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, at timestamptz);
            CREATE VIEW $t_v AS SELECT id, upper(id::text) || to_char(at, 'YYYY') AS shown FROM $t WHERE at::date > '2020-01-01'`,
      mirrors: [{ relation: "$t_v" }],
    });
    await mirror.sync();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", notices: [] });
  });
});
