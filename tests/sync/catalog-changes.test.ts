import { describe, expect, test } from "vitest";
import { watchRun } from "../support/crash.js";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

const READS_KEYS = /^Postgres: reading the changed keys/;
const ENDS = /^Convex: finishRuns/;

describe("a change of the catalog that changes content is noticed", () => {
  test.each([
    ["a range", "$t_span", "[on,off]"],
    ["a multirange", "$t_span_multi", "{[on,off]}"],
    ["an array of a domain over a range", "$t_spans[]", '{"[on,off]"}'],
  ])("a label of an enum within %s", async (_, type, value) => {
    const mirror = await open({
      ddl: `CREATE TYPE $t_state AS ENUM ('on', 'off');
            CREATE TYPE $t_span AS RANGE (SUBTYPE = $t_state, MULTIRANGE_TYPE_NAME = $t_span_multi);
            CREATE DOMAIN $t_spans AS $t_span;
            CREATE TABLE $t (id int PRIMARY KEY, s ${type})`,
    });
    await mirror.run(`INSERT INTO $t VALUES (1, '${value}')`);
    await mirror.sync();
    await mirror.run("ALTER TYPE $t_state RENAME VALUE 'on' TO 'lit'");
    expect(await mirror.sync()).toMatchObject({ mode: "full", updated: 1 });
    expect(JSON.stringify(mirror.documents())).toContain("lit");
  });

  test.each([
    ["a label of an enum", "$t_state", "state::text", "RENAME VALUE 'on' TO 'lit'"],
    ["a label of an enum", "$t_state", "concat('is ', state)", "RENAME VALUE 'on' TO 'lit'"],
    ["an attribute of a composite", "$t_pair", "to_jsonb(pair)", "RENAME ATTRIBUTE x TO lit"],
  ])("%s that a view prints and does not show (%s: %s)", async (_, type, prints, alter) => {
    const mirror = await open({
      ddl: `CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TYPE $t_pair AS (x int, y int);
            CREATE TABLE $t (id int PRIMARY KEY, state $t_state, pair $t_pair);
            INSERT INTO $t VALUES (1, 'on', '(1,2)'), (2, 'off', '(3,4)');
            CREATE VIEW $t_v AS SELECT id, ${prints} AS printed FROM $t`,
      mirrors: [{ relation: "$t_v" }],
    });
    await mirror.sync();
    await mirror.run(`ALTER TYPE ${type} ${alter}`);
    expect(await mirror.sync()).toMatchObject({ mode: "full" });
    await mirror.compare();
    expect(JSON.stringify(mirror.documents())).toContain("lit");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0, notices: [] });
  });

  test.each([
    ["the view", "$t_v AS SELECT id, n FROM $t_i", "$t_v AS SELECT id, n FROM $t_i WHERE n > 1"],
    ["a view below it", "$t_i AS SELECT id, n FROM $t", "$t_i AS SELECT id, n FROM $t WHERE n > 1"],
  ])("another definition of %s, although it is put back before the run ends", async (_, before, during) => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, n int); INSERT INTO $t SELECT n, n FROM generate_series(1, 3) n;
            CREATE VIEW $t_i AS SELECT id, n FROM $t; CREATE VIEW $t_v AS SELECT id, n FROM $t_i`,
      mirrors: [{ relation: "$t_v" }],
    });
    await mirror.sync();
    await mirror.run("UPDATE $t SET n = -n WHERE id = 1");
    const { steps } = await watchRun(mirror, {
      async onStep(step) {
        if (READS_KEYS.test(step)) await mirror.run(`CREATE OR REPLACE VIEW ${during}`);
        if (ENDS.test(step)) await mirror.run(`CREATE OR REPLACE VIEW ${before}`);
      },
    });
    for (const pattern of [READS_KEYS, ENDS]) expect(steps).toContainEqual(expect.stringMatching(pattern));
    await mirror.sync();
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", notices: [] });
  });
});
