import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { track } from "../support/tracked-table.js";

describe.each(ALL_POSTGRES_VERSIONS)("what cannot be tracked (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;

  describe("it refuses", () => {
    test.each([
      ["a view", "CREATE VIEW $t AS SELECT 1 AS id", /not an ordinary or partitioned table/],
      ["a materialised view", "CREATE MATERIALIZED VIEW $t AS SELECT 1 AS id", /not an ordinary/],
      [
        "a table that others inherit from",
        "CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_c () INHERITS ($t)",
        /inherit/,
      ],
      ["a table without a key", "CREATE TABLE $t (id int)", /no key/],
      [
        "a temporary table",
        "CREATE TEMPORARY TABLE $t (id int PRIMARY KEY)",
        /not an ordinary|does not exist/,
      ],
    ])("%s", async (_, ddl, message) => {
      await run(ddl);
      await expect(table.track()).rejects.toThrow(message);
      expect(await run("SELECT 1 FROM datahub_sync.tracked_tables WHERE table_name = '$t'")).toEqual([]);
    });

    test.each([
      ["without a unique index", "a"],
      ["that may be NULL", "nullable"],
      ["unique under a condition only", "partly"],
      ["unique only together with an expression", "mixed"],
      ["that do not exist", "absent"],
    ])("key columns %s", async (_, column) => {
      await run(`CREATE TABLE $t (id int PRIMARY KEY, a int NOT NULL, nullable int UNIQUE, partly int NOT NULL,
                                        mixed int NOT NULL)`);
      await run("CREATE UNIQUE INDEX ON $t (partly) WHERE partly > 0");
      await run("CREATE UNIQUE INDEX ON $t (mixed, (a % 2))");
      await expect(table.track({ key: [column] })).rejects.toThrow(/no key/);
    });
  });

  test("a table that is not the caller's is refused with 42501", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY)");
    const role = `other_${crypto.randomUUID().replaceAll("-", "")}`;
    await run(`CREATE ROLE ${role}`);
    try {
      await run(`GRANT ALL ON ALL TABLES IN SCHEMA datahub_sync TO ${role}`);
      await run(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA datahub_sync TO ${role}`);
      const refused = table.sql.begin(async (tx) => {
        await run(`SET LOCAL ROLE ${role}`, tx);
        await track(tx, table.name);
      });
      await expect(refused).rejects.toMatchObject({ code: "42501" });
    } finally {
      await run(`DROP OWNED BY ${role}`);
      await run(`DROP ROLE ${role}`);
    }
  });
});
