import { describeChanges, COLUMNS, NOT_COMPARED, REWRITTEN, SHAPE, type Change } from "./shape-suite.js";

const CHANGES: Change[] = [
  {
    does: "a column added",
    sql: "ALTER TABLE $t ADD COLUMN b int DEFAULT 7",
    ends: "mended",
    says: /does not compare the column b, which was added/,
  },
  { does: "a column dropped", sql: "ALTER TABLE $t DROP COLUMN a", ends: "mended", says: COLUMNS },
  { does: "a column renamed", sql: "ALTER TABLE $t RENAME a TO z", ends: "mended", says: COLUMNS },
  {
    does: "a column retyped",
    sql: "ALTER TABLE $t ALTER a TYPE varchar(50) USING a || '!'",
    ends: "mended",
    says: COLUMNS,
  },
  {
    does: "other values in a column, by a change of type to the same one",
    sql: "ALTER TABLE $t ALTER a TYPE text USING a || '!'",
    ends: "full",
    says: REWRITTEN,
  },
  {
    does: "a constraint, an index and a comment",
    sql: "ALTER TABLE $t ADD CHECK (n > -5); CREATE INDEX ON $t (n); COMMENT ON COLUMN $t.a IS 'a comment'",
    ends: "delta",
  },
  {
    // It rewrites the catalog's row of the column, as two columns do that exchange their names and get them back.
    does: "a default",
    sql: "ALTER TABLE $t ALTER a SET DEFAULT 'x'",
    ends: "full",
    says: REWRITTEN,
  },
  {
    does: "a column dropped that is ignored",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int, b int)`,
    config: { ignore: ["b"] },
    sql: "ALTER TABLE $t DROP COLUMN b",
    ends: "mended",
    says: COLUMNS,
  },
  {
    does: "another expression for a generated column",
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, n int, g int GENERATED ALWAYS AS (id * 2) STORED)",
    sql: "ALTER TABLE $t DROP COLUMN g; ALTER TABLE $t ADD COLUMN g int GENERATED ALWAYS AS (id * 3) STORED",
    ends: "mended",
    says: COLUMNS,
  },
  { does: "a column excluded", reconfigure: { exclude: ["a"] }, ends: "full", says: SHAPE },
  {
    does: "a column no longer excluded",
    config: { exclude: ["a"] },
    reconfigure: { exclude: [] },
    ends: "mended",
    says: NOT_COMPARED,
  },
  {
    does: "another encoding for a column",
    reconfigure: { columns: { n: { encoding: "text" } } },
    ends: "full",
    says: SHAPE,
  },
  {
    does: "another field for a column",
    reconfigure: { columns: { a: { field: "shown" } } },
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a label of an enum renamed",
    ddl: "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, s $t_state DEFAULT 'on', n int)",
    sql: "ALTER TYPE $t_state RENAME VALUE 'on' TO 'lit'",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a label of an enum added",
    ddl: "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, s $t_state DEFAULT 'on', n int)",
    sql: "ALTER TYPE $t_state ADD VALUE 'dim' BEFORE 'off'",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "a domain's constraint and default",
    ddl: "CREATE DOMAIN $t_d AS int DEFAULT 1; CREATE TABLE $t (id int PRIMARY KEY, d $t_d, n int)",
    sql: "ALTER DOMAIN $t_d SET DEFAULT 2; ALTER DOMAIN $t_d ADD CHECK (VALUE > 0)",
    ends: "delta",
  },
  {
    does: "a composite type's attribute renamed",
    ddl: "CREATE TYPE $t_c AS (x int, y text); CREATE TABLE $t (id int PRIMARY KEY, c $t_c DEFAULT ROW(1, 'y'), n int)",
    sql: "ALTER TYPE $t_c RENAME ATTRIBUTE y TO z",
    ends: "full",
    says: SHAPE,
  },
  {
    does: "an attribute more in a composite type",
    ddl: "CREATE TYPE $t_c AS (x int, y text); CREATE TABLE $t (id int PRIMARY KEY, c $t_c DEFAULT ROW(1, 'y'), n int)",
    sql: "ALTER TYPE $t_c ADD ATTRIBUTE z int",
    ends: "full",
    says: SHAPE,
    ownErrors: ["42846", "42804", "22P02"],
  },
  {
    does: "an attribute less in a composite type",
    ddl: "CREATE TYPE $t_c AS (x int, y text); CREATE TABLE $t (id int PRIMARY KEY, c $t_c DEFAULT ROW(1, 'y'), n int)",
    sql: "ALTER TYPE $t_c DROP ATTRIBUTE y",
    ends: "full",
    says: SHAPE,
    ownErrors: ["42846", "42804", "22P02"],
  },
];

describeChanges("of columns and of their types", CHANGES);
