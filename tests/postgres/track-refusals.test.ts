import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import type { SyncError } from "../../src/model/errors.js";
import type { TrackingClaim } from "../../src/catalog/track-call.js";
import { trackTable } from "../../src/catalog/tracking.js";
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

  describe("what it raises reaches the user with message and remedy", () => {
    const asWritten: Pick<TrackingClaim, "updatedAt"> = { updatedAt: "as-written" };
    const key = "CREATE TABLE $t (id int PRIMARY KEY, updated_at timestamptz)";
    test.each([
      [
        "a view",
        "CREATE VIEW $t AS SELECT 1 AS id",
        {},
        "RELATION_UNSUPPORTED",
        /^public\.\$t cannot be .* ordinary/,
        /"base"/,
      ],
      [
        "heirs",
        `${key}; CREATE TABLE $t_c () INHERITS ($t)`,
        {},
        "RELATION_UNSUPPORTED",
        /^public\.\$t cannot be tracked: other tables inherit/,
        /Track the inheriting tables/,
      ],
      ["no key", "CREATE TABLE $t (id int)", {}, "NO_KEY", /^public\.\$t has no key/, /Add a primary key/],
      [
        "a mode",
        key,
        { updatedAt: "secret" as "none" },
        "NOT_TRACKABLE",
        /updated_at_mode/,
        /content, as-written or none/,
      ],
      [
        "a dispute",
        `${key}; SELECT datahub_sync.track('$t', NULL, '{}', NULL, 'content', 'https://a')`,
        { updatedAt: "as-written", target: "https://b" },
        "UPDATED_AT_DISPUTED",
        /mirror public\.\$t disagree about its updated_at/,
        /Give "updatedAt" the same value/,
      ],
    ] satisfies [string, string, Partial<TrackingClaim>, string, RegExp, RegExp][])(
      "%s",
      async (_, ddl, options, code, says, remedy) => {
        await run(ddl);
        const [{ oid }] = (await run("SELECT '$t'::regclass::oid::text AS oid")) as [{ oid: string }];
        const claim = {
          target: "",
          keyColumns: null,
          compared: ["id"],
          ignored: [],
          ...asWritten,
          ...options,
        };
        const base = { schema: "public", name: table.name, oid };
        const failed = table.database.execute("tracking", (sql) => trackTable(sql, base, claim));
        const error = await failed.catch((refused: unknown) => refused as SyncError);
        expect(error).toMatchObject({ code });
        const { message, remedy: shown } = error as SyncError;
        expect(message.replaceAll(table.name, "$t")).toMatch(says);
        expect(shown).toMatch(remedy);
        expect(message + shown).not.toContain("secret");
      },
    );

    test("nothing is raised without a SQLSTATE of our own and a hint", async () => {
      const raised = await table.run(`
        SELECT p.proname, m[1] AS raised FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
               regexp_matches(p.prosrc, 'RAISE EXCEPTION[^;]*?;', 'g') m WHERE n.nspname = 'datahub_sync'`);
      expect(raised.length).toBeGreaterThan(5);
      for (const { raised: text } of raised) expect(text).toMatch(/USING ERRCODE = 'DS1\d\d',\s+HINT = /);
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
