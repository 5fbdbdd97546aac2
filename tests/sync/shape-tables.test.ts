import {
  describeChanges,
  PLAIN,
  RECREATED,
  REWRITTEN,
  TRIGGERS,
  relation,
  type Change,
} from "./shape-suite.js";

const CHANGES: Change[] = [
  {
    does: "a table dropped and created again",
    sql: `DROP TABLE $t; ${PLAIN}`,
    ends: "mended",
    says: RECREATED,
  },
  {
    does: "a table dropped, created again and tracked before the next run",
    sql: `DROP TABLE $t; ${PLAIN}`,
    thenMigrate: true,
    ends: "full",
    says: RECREATED,
  },
  { does: "a table packed by VACUUM FULL", sql: "VACUUM FULL $t", ends: "full", says: REWRITTEN },
  {
    does: "a partition attached, with rows in it",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int) PARTITION BY RANGE (id);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (5000)`,
    sql: `CREATE TABLE $t_2 (LIKE $t); INSERT INTO $t_2 (id, n) VALUES (5001, 1), (5002, 2);
          ALTER TABLE $t ATTACH PARTITION $t_2 FOR VALUES FROM (5000) TO (9000)`,
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "a partition detached, written and attached again",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int) PARTITION BY RANGE (id);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (10) TO (5000);
          CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (0) TO (10)`,
    sql: `ALTER TABLE $t DETACH PARTITION $t_2; UPDATE $t_2 SET a = 'unmarked';
          ALTER TABLE $t ATTACH PARTITION $t_2 FOR VALUES FROM (0) TO (10)`,
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "a partition dropped",
    ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, n int) PARTITION BY RANGE (id);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (1) TO (5000);
          CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (0) TO (1); INSERT INTO $t VALUES (0)`,
    sql: "DROP TABLE $t_2",
    ends: "mended",
    says: TRIGGERS,
  },
  {
    does: "another table that inherits from it",
    sql: "CREATE TABLE $t_child () INHERITS ($t); INSERT INTO $t_child (id) VALUES (7000)",
    ends: "RELATION_UNSUPPORTED",
    says: /Other tables inherit from/,
    remedy: "DROP TABLE $t_child",
  },
  {
    does: "a table renamed",
    sql: "ALTER TABLE $t RENAME TO $t_renamed",
    ends: "RELATION_MISSING",
    says: /does not exist/,
    remedy: relation("$t_renamed"),
    ownErrors: ["42P01"],
  },
  {
    does: "a table moved to another schema",
    sql: "CREATE SCHEMA $t_s; ALTER TABLE $t SET SCHEMA $t_s",
    ends: "RELATION_MISSING",
    says: /does not exist/,
    remedy: "ALTER TABLE $t_s.$t SET SCHEMA public",
    ownErrors: ["42P01"],
  },
  {
    does: "a table swapped for another",
    ddl: `${PLAIN}; CREATE TABLE $t_c (LIKE $t INCLUDING ALL); INSERT INTO $t_c (id, a) SELECT n, 'of c' FROM generate_series(3, 24) n`,
    sql: "ALTER TABLE $t RENAME TO $t_b; ALTER TABLE $t_c RENAME TO $t",
    ends: "mended",
    says: RECREATED,
  },
  {
    does: "a table without a log, whose rows a crash would take away unnoticed",
    sql: "ALTER TABLE $t SET UNLOGGED",
    ends: "full",
    says: /unlogged/,
    remedy: "ALTER TABLE $t SET LOGGED",
  },
];

describeChanges("of the table itself", CHANGES);
