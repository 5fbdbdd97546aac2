import { describe, expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

/** Content that changes while no row does, so that no trigger can tell. */
const UNMARKED = [
  {
    what: "a column that prints the name of another table",
    ddl: `CREATE TABLE $t_other (); CREATE TABLE $t (id int PRIMARY KEY, r regclass);
          INSERT INTO $t VALUES (1, '$t_other')`,
    change: "ALTER TABLE $t_other RENAME TO $t_another",
    says: /column r prints names/,
  },
  {
    what: "such names in an array of a composite type",
    ddl: `CREATE TABLE $t_other (); CREATE DOMAIN $t_name AS regclass; CREATE TYPE $t_pair AS (n int, r $t_name);
          CREATE TABLE $t (id int PRIMARY KEY, pairs $t_pair[]);
          INSERT INTO $t VALUES (1, ARRAY[ROW(1, '$t_other')::$t_pair])`,
    change: "ALTER TABLE $t_other RENAME TO $t_another",
    says: /column pairs prints names/,
  },
  {
    what: "a view that makes such a name of an oid",
    ddl: `CREATE TABLE $t_other (); CREATE TABLE $t (id int PRIMARY KEY, o oid);
          INSERT INTO $t VALUES (1, '$t_other'::regclass); CREATE VIEW $t_v AS SELECT id, o::regclass::text AS name FROM $t`,
    relation: "$t_v",
    change: "ALTER TABLE $t_other RENAME TO $t_another",
    says: /answer by more than the row/,
  },
  {
    what: "a view that prints such a column",
    ddl: `CREATE TABLE $t_other (); CREATE TABLE $t (id int PRIMARY KEY, r regclass);
          INSERT INTO $t VALUES (1, '$t_other'); CREATE VIEW $t_v AS SELECT id, r::text AS name FROM $t`,
    relation: "$t_v",
    change: "ALTER TABLE $t_other RENAME TO $t_another",
    says: /column r prints names/,
  },
  {
    what: "a view that asks the catalog",
    ddl: `CREATE TABLE $t_other (); CREATE TABLE $t (id int PRIMARY KEY, o oid);
          INSERT INTO $t VALUES (1, '$t_other'::regclass);
          CREATE VIEW $t_v AS SELECT id, obj_description(o, 'pg_class') AS said FROM $t`,
    relation: "$t_v",
    change: "COMMENT ON TABLE $t_other IS 'something'",
    says: /answer by more than the row/,
  },
  {
    what: "a view over the words of a text in the language that the database has",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t VALUES (1, 'the running dogs');
          CREATE VIEW $t_v AS SELECT id, to_tsvector(a) AS words FROM $t`,
    relation: "$t_v",
    change: `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_text_search_config = %L', current_database(),
               'pg_catalog.german'); END $$`,
    says: /answer by more than the row/,
  },
  {
    what: "a view that shows where a row is stored",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t VALUES (1, 'x');
          CREATE VIEW $t_v AS SELECT id, ctid::text AS place FROM $t`,
    relation: "$t_v",
    change: "UPDATE $t SET a = a",
    says: /system columns/,
  },
  {
    what: "a view whose owner sees what row-level security shows him",
    ddl: `CREATE ROLE $t_owner; CREATE TABLE $t (id int PRIMARY KEY); INSERT INTO $t VALUES (1), (2);
          GRANT SELECT ON $t TO $t_owner; ALTER TABLE $t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON $t USING (true);
          CREATE VIEW $t_v AS SELECT id FROM $t; ALTER VIEW $t_v OWNER TO $t_owner`,
    relation: "$t_v",
    change: "ALTER POLICY p ON $t USING (id = 1)",
    says: /row-level security/i,
    finds: { deleted: 1 },
    drop: "DROP VIEW $t_v; DROP OWNED BY $t_owner; DROP ROLE $t_owner",
  },
  {
    what: "a table with an unlogged partition",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY) PARTITION BY RANGE (id);
          CREATE UNLOGGED TABLE $t_p PARTITION OF $t FOR VALUES FROM (0) TO (10); INSERT INTO $t VALUES (1)`,
    // A crash would empty the partition.
    change: "SELECT 1",
    says: /unlogged/,
    finds: {},
  },
];

describe("content that changes while no row does is compared by each run", () => {
  test.each(UNMARKED)("$what", async ({ ddl, relation = "$t", change, says, finds, drop }) => {
    const mirror = await open({ ddl, mirrors: [{ relation }] });
    try {
      await mirror.sync();
      await mirror.run(change);
      expect(await mirror.sync()).toMatchObject({
        mode: "full",
        notices: [{ code: "BECAME_FULL", message: expect.stringMatching(says) as string }],
        ...(finds ?? { updated: 1 }),
      });
    } finally {
      if (drop !== undefined) await mirror.run(drop);
    }
  });

  test.each([
    {
      what: "a column of names that a view shows as an oid",
      query: "SELECT id, r::oid AS o FROM $t WHERE r <> 'pg_class'::regclass",
    },
    {
      what: "an excluded column that prints names",
      query: "SELECT id, a, r FROM $t",
      exclude: ["r"],
      ofTable: true,
    },
    {
      what: "the words of a text in a language that the view names",
      query: "SELECT id, to_tsvector('english', a) AS words FROM $t",
    },
    { what: "row-level security that does not apply to a view's owner", query: "SELECT id, a FROM $t" },
    {
      what: "row-level security that applies to the owner of a view which is read as whoever asks",
      query: "SELECT id, a FROM $t",
      owner:
        "ALTER VIEW $t_v SET (security_invoker = on); CREATE ROLE $t_owner; ALTER VIEW $t_v OWNER TO $t_owner",
      drop: "DROP OWNED BY $t_owner; DROP ROLE $t_owner",
    },
  ])("but not for $what", async ({ query, exclude = [], ofTable = false, owner = "", drop }) => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, r regclass); INSERT INTO $t VALUES (1, 'dogs', 'pg_type');
            ALTER TABLE $t ENABLE ROW LEVEL SECURITY; CREATE VIEW $t_v AS ${query}; ${owner}`,
      mirrors: [{ relation: ofTable ? "$t" : "$t_v", exclude }],
    });
    try {
      await mirror.sync();
      expect(await mirror.sync()).toMatchObject({ mode: "delta", notices: [] });
    } finally {
      if (drop !== undefined) await mirror.run(drop);
    }
  });
});
