import { describe, expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

const GENERATED = `
  CREATE TABLE $t (id int PRIMARY KEY, email text, note text,
                   dom text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED);
  INSERT INTO $t VALUES (1, 'a@here', 'n'), (2, 'b@here', 'n')`;
const PLAIN = `
  CREATE TABLE $t (id int PRIMARY KEY, email text, note text);
  INSERT INTO $t VALUES (1, 'a@here', 'n'), (2, 'b@here', 'n')`;

describe("a change of what mirrored content is computed from arrives", () => {
  test.each([
    {
      of: "an excluded column that a generated one reads",
      ddl: GENERATED,
      mirror: { relation: "$t", exclude: ["email", "note"] },
    },
    {
      of: "an ignored column that a generated one reads",
      ddl: GENERATED,
      mirror: { relation: "$t", ignore: ["email", "note"] },
    },
    {
      of: "a column that a generated one reads, which a view shows",
      ddl: `${GENERATED}; CREATE VIEW $t_v AS SELECT id, dom FROM $t`,
      mirror: { relation: "$t_v" },
    },
    {
      of: "a column that a view shows, excluded, and computes from",
      ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, email, split_part(email, '@', 2) AS dom FROM $t`,
      mirror: { relation: "$t_v", exclude: ["email"] },
    },
    {
      of: "a column that a view shows, excluded, and filters by",
      ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, email FROM $t WHERE email <> 'a@there'`,
      mirror: { relation: "$t_v", exclude: ["email"] },
    },
    {
      of: "a column that a view shows under a name like a parse tree's",
      ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, email || '}' AS "x } :resno 9 {VAR :varno 1 :varattno 3 " FROM $t`,
      mirror: {
        relation: "$t_v",
        columns: { "x } :resno 9 {VAR :varno 1 :varattno 3 ": { field: "shown" } },
      },
    },
    {
      of: "a column of a whole row",
      ddl: `${PLAIN}; CREATE VIEW $t_v AS SELECT id, to_jsonb(x) - 'note' AS doc FROM $t x`,
      mirror: { relation: "$t_v" },
      wholeRow: true,
    },
    {
      of: "a column of a whole row of a view below",
      ddl: `${PLAIN}; CREATE VIEW $t_i AS SELECT id, upper(email) AS address FROM $t;
            CREATE VIEW $t_v AS SELECT id, to_jsonb(x) AS doc FROM $t_i x`,
      mirror: { relation: "$t_v" },
    },
  ])("$of", async ({ ddl, mirror: config, wholeRow = false }) => {
    const mirror = await open({ ddl, mirrors: [config] });
    await mirror.sync();
    await mirror.run("UPDATE $t SET email = 'a@there' WHERE id = 1");
    expect(await mirror.sync()).toMatchObject({ mode: "delta" });
    await mirror.compare();
    // And nothing else is watched.
    await mirror.run("UPDATE $t SET note = 'nobody sees this'");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: wholeRow ? 2 : 0 });
  });

  test("a generated column over an excluded one that was tracked without it is mended", async () => {
    const mirror = await open({ ddl: GENERATED, mirrors: [{ relation: "$t", exclude: ["email"] }] });
    const columns = "'{id,note,dom}'";
    await mirror.run(
      `SELECT datahub_sync.track('$t', NULL, '{}', ${columns}, 'none', '${mirror.config.target}')`,
    );
    const report = (await mirror.runSync()).tables[0]!;
    expect(report).toMatchObject({ outcome: "done", tracking: "mended" });
    expect(report.notices[0]!.message).toMatch(
      /does not compare the column email, from which mirrored content is computed/,
    );
    await mirror.run("UPDATE $t SET email = 'a@later'");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", tracking: "intact" });
    await mirror.compare();
  });
});
