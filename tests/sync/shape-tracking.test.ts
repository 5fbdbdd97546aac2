import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";
import { describeChanges, PLAIN, TRIGGERS, type Change } from "./shape-suite.js";

/** SQL with the tracked id of `$t` in the place of each `%1$s`. */
const withId = (statement: string) =>
  `DO $do$ BEGIN EXECUTE format('${statement.replaceAll("'", "''")}',
     (SELECT id FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass)); END $do$`;

const CHANGES: Change[] = [
  {
    does: "the trigger of changes disabled",
    sql: withId("ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_%1$s_log"),
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "the trigger disabled that has updated_at follow the content",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, n int, updated_at timestamp DEFAULT now())",
    config: { updatedAt: "content" },
    sql: withId("ALTER TABLE $t DISABLE TRIGGER zzz_datahub_sync_%1$s_content"),
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "all triggers disabled",
    sql: "ALTER TABLE $t DISABLE TRIGGER ALL",
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "rows written while the triggers were disabled, as pg_restore does",
    sql: `ALTER TABLE $t DISABLE TRIGGER ALL; UPDATE $t SET a = 'unmarked'; DELETE FROM $t WHERE id < 4;
          ALTER TABLE $t ENABLE TRIGGER ALL`,
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "a TRUNCATE while the triggers were disabled",
    sql: `ALTER TABLE $t DISABLE TRIGGER ALL; TRUNCATE $t;
          ${withId("ALTER TABLE $t ENABLE ALWAYS TRIGGER zzz_datahub_sync_%1$s_log, ENABLE ALWAYS TRIGGER zzz_datahub_sync_%1$s_truncate")}`,
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "a trigger dropped",
    sql: withId("DROP TRIGGER zzz_datahub_sync_%1$s_truncate ON $t"),
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "a trigger's function replaced",
    sql: withId(
      "CREATE OR REPLACE FUNCTION datahub_sync.log_%1$s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ),
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "a trigger's function dropped",
    sql: withId("DROP FUNCTION datahub_sync.log_%1$s() CASCADE"),
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "writes under session_replication_role = replica",
    sql: `SET session_replication_role = replica; UPDATE $t SET a = 'b' WHERE id < 9; DELETE FROM $t WHERE id = 9;
          INSERT INTO $t (id) VALUES (900); RESET session_replication_role`,
    ends: "delta",
  },
  {
    does: "a TRUNCATE under session_replication_role = replica",
    sql: "SET session_replication_role = replica; TRUNCATE $t; RESET session_replication_role",
    ends: "full",
    says: /truncated|rewritten/,
  },
  {
    does: "rows deleted by a foreign key that cascades",
    ddl: `CREATE TABLE $t_parent (id int PRIMARY KEY); INSERT INTO $t_parent SELECT generate_series(1, 20);
          CREATE TABLE $t (id int PRIMARY KEY, a text, n int, parent int REFERENCES $t_parent ON DELETE CASCADE)`,
    sql: "UPDATE $t SET parent = id WHERE id < 4; DELETE FROM $t_parent WHERE id = 3",
    ends: "delta",
  },
];

describeChanges("of what tracking has added, and of what it does not see", CHANGES);

const open = useMirrors();

test("a second migrate changes nothing: no table is compared for it", async () => {
  const mirror = await open({ ddl: PLAIN });
  await mirror.run("INSERT INTO $t VALUES (1)");
  await mirror.sync();
  await mirror.migrate();
  await mirror.migrate();
  expect(await mirror.sync()).toMatchObject({ mode: "delta", notices: [] });
});
