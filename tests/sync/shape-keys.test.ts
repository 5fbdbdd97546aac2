import { expect, test } from "vitest";
import { useMirrors } from "../support/mirror-fixture.js";
import { describeChanges, COLUMNS, PLAIN, type Change } from "./shape-suite.js";

const CHANGES: Change[] = [
  {
    does: "another column as the primary key",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, n int, other serial)",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (other)",
    ends: "mended",
    says: /tracked by the key id, not by other|columns/,
    ownErrors: ["42P10"],
  },
  {
    does: "the columns of the primary key in another order",
    ddl: "CREATE TABLE $t (id int UNIQUE, b int DEFAULT 1, a text, n int, PRIMARY KEY (id, b))",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (b, id)",
    ends: "mended",
    says: /tracked by the key id, b, not by b, id/,
  },
  {
    does: "a column more in the primary key",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, b int NOT NULL DEFAULT 1, a text, n int)",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (id, b), ADD UNIQUE (id)",
    ends: "mended",
    says: /tracked by the key id, not by id, b/,
  },
  {
    does: "another type for the key",
    sql: "ALTER TABLE $t ALTER id TYPE bigint",
    ends: "mended",
    says: COLUMNS,
  },
  {
    does: "text as the type of the key",
    sql: "ALTER TABLE $t ALTER id TYPE text",
    ends: "mended",
    says: COLUMNS,
  },
  {
    does: "the primary key dropped",
    sql: "ALTER TABLE $t DROP CONSTRAINT $t_pkey",
    ends: "NO_KEY",
    says: /has no primary key/,
    remedy:
      "DELETE FROM $t d USING $t e WHERE d.id = e.id AND d.ctid < e.ctid; ALTER TABLE $t ADD PRIMARY KEY (id)",
    ownErrors: ["42P10"],
  },
  {
    does: "another key in the configuration",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, n int, other serial UNIQUE)",
    reconfigure: { key: ["other"] },
    ends: "mended",
    says: /tracked by the key id, not by other/,
  },
];

describeChanges("of the key", CHANGES);

const open = useMirrors();

test("an array as a key is refused, before a row moves", async () => {
  const mirror = await open({ ddl: PLAIN });
  await mirror.sync();
  await mirror.run("DROP TABLE $t; CREATE TABLE $t (id int[] PRIMARY KEY, a text)");
  const { error } = (await mirror.runSync()).tables[0]!;
  expect(error).toMatchObject({
    code: "NO_KEY",
    message: `The key column id of ${mirror.table} is an array.`,
  });
  await mirror.run("ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD COLUMN key int PRIMARY KEY");
  await mirror.migrate();
  await mirror.sync();
});
