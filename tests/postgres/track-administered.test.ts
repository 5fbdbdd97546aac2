import { describe, expect, test } from "vitest";
import { readTracking } from "../support/read-tracking.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";

describe.each(ALL_POSTGRES_VERSIONS)(
  "what whoever administers the database does (Postgres %i):",
  (version) => {
    const table = useTable({ version });
    const { run } = table;

    async function triggers(): Promise<string[]> {
      const rows = await run(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = '$t'::regclass AND NOT tgisinternal ORDER BY tgname",
      );
      return rows.map(({ tgname }) => tgname as string);
    }

    test("a dump that is restored has the triggers on a table of another oid: it is tracked anew, with one set of them", async () => {
      const before = await table.make("id int PRIMARY KEY, a text");
      await run("INSERT INTO $t VALUES (1, 'a')");
      // What a restored dump looks like to us: the record names the oid that the table had in the other database.
      await run(
        "UPDATE datahub_sync.tracked_tables SET relation_oid = 1 WHERE relation_oid = '$t'::regclass",
      );
      const after = await table.track();
      expect(after).not.toBe(before);
      expect(await triggers()).toEqual([
        `zzz_datahub_sync_${after}_log`,
        `zzz_datahub_sync_${after}_truncate`,
      ]);
      await run("UPDATE $t SET a = 'b'");
      expect(await table.log()).toEqual([{ kind: "u", key: "a1" }]);
      expect(
        await run(`SELECT FROM pg_proc WHERE proname IN ('log_${before}', 'content_${before}')`),
      ).toEqual([]);
    });

    test("the log cannot be dropped alone; with CASCADE the triggers go along, and writers go on", async () => {
      await table.make("id int PRIMARY KEY, a text");
      await expect(run("DROP TABLE datahub_sync.changes")).rejects.toMatchObject({ code: "2BP01" });
      await table.sql
        .begin(async (tx) => {
          await run("DROP TABLE datahub_sync.changes CASCADE", tx);
          await run("INSERT INTO $t VALUES (1, 'a'); UPDATE $t SET a = 'b'; DELETE FROM $t; TRUNCATE $t", tx);
          const left = await run("SELECT tgname FROM pg_trigger WHERE tgrelid = '$t'::regclass", tx);
          expect(left).toEqual([]);
          throw new Error("rolled back");
        })
        .catch((error: unknown) => expect(error).toMatchObject({ message: "rolled back" }));
    });

    test("a grant on all functions of the schema is no change of the tracking", async () => {
      await table.make("id int PRIMARY KEY, a text");
      const [{ oid }] = (await run("SELECT '$t'::regclass::oid::text AS oid")) as [{ oid: string }];
      await run("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA datahub_sync TO pg_monitor");
      expect(await readTracking(table.sql, { oid })).toMatchObject({ problem: null });
      const id = await table.track();
      await run(
        `CREATE OR REPLACE FUNCTION datahub_sync.log_${id}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
      );
      expect((await readTracking(table.sql, { oid }))!.problem).toMatch(/function was .* changed/);
    });
  },
);
