import { describe, expect, it } from "vitest";
import { readBothSides } from "./both-sides.js";
import { fillMirror, setUpScene, tableOf } from "./scene.js";
import type { StackKind } from "./stack.js";

export const TABLE = "nokia_exports";
export const FLAGS = ["--table", TABLE];

/** Copies of the table as it is, under another name. */
const COPY = `CREATE TABLE copied (LIKE ${TABLE} INCLUDING ALL); INSERT INTO copied SELECT * FROM ${TABLE}`;
const REPLACE = `ALTER TABLE ${TABLE} RENAME TO before; ALTER TABLE copied RENAME TO ${TABLE}; DROP TABLE before`;
const changed = (where: string) => `UPDATE ${TABLE} SET team = 'changed' WHERE ${where}`;
const FIRST = `id = (SELECT min(id::text)::uuid FROM ${TABLE})`;

interface Story {
  story: string;
  sql: string;
  /** What the run says, of which the first is the reason. */
  says: RegExp;
}

/** In this order: what one leaves is what the next one finds. */
const BY_ITSELF: Story[] = [
  {
    story: "a script drops the table and creates it again",
    sql: `${COPY}; DROP TABLE ${TABLE}; ALTER TABLE copied RENAME TO ${TABLE}; ${changed(FIRST)}`,
    says: /was mended: it was dropped and created again, or swapped/,
  },
  {
    story: "the table is swapped for another by renaming",
    sql: `${COPY}; UPDATE copied SET team = 'swapped'; ${REPLACE}`,
    says: /was mended: it was dropped and created again, or swapped/,
  },
  {
    story: "a column is dropped",
    sql: `ALTER TABLE ${TABLE} DROP COLUMN team; ALTER TABLE ${TABLE} ADD COLUMN team varchar(50)`,
    says: /was mended: its columns are not those that were tracked/,
  },
  {
    story: "a column is retyped, to a type that its field takes",
    sql: `ALTER TABLE ${TABLE} ALTER team TYPE text USING team || '!'; ${changed(FIRST)}`,
    says: /was mended: its columns are not those that were tracked/,
  },
  {
    story: "rows are restored by pg_dump --data-only --disable-triggers",
    sql: `ALTER TABLE ${TABLE} DISABLE TRIGGER ALL; ${changed(FIRST)}; ALTER TABLE ${TABLE} ENABLE TRIGGER ALL`,
    says: /was mended: a tracking trigger .* was dropped, disabled or changed/,
  },
  {
    story: "a function of the tracking is dropped",
    sql: `DO $$ BEGIN EXECUTE (SELECT format('DROP FUNCTION datahub_sync.log_%s() CASCADE', id)
            FROM datahub_sync.tracked_tables WHERE relation_oid = '${TABLE}'::regclass); END $$; ${changed(FIRST)}`,
    says: /was mended: a tracking trigger .* was dropped, disabled or changed/,
  },
  {
    story: "TRUNCATE, and the rows loaded again",
    sql: `CREATE TABLE kept AS SELECT * FROM ${TABLE}; TRUNCATE ${TABLE}; INSERT INTO ${TABLE} SELECT * FROM kept; DROP TABLE kept`,
    says: /compares everything: the table was truncated/,
  },
  {
    story: "rows are rewritten without triggers",
    sql: `ALTER TABLE ${TABLE} ALTER team TYPE text USING lower(team)`,
    says: /compares everything: the table was rewritten or altered/,
  },
  {
    story: "the table is made anew as a partitioned one",
    sql: `ALTER TABLE ${TABLE} RENAME TO whole;
          CREATE TABLE ${TABLE} (LIKE whole INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY RANGE (id);
          CREATE TABLE part_1 PARTITION OF ${TABLE} FOR VALUES FROM (MINVALUE) TO ('80000000-0000-0000-0000-000000000000');
          CREATE TABLE part_2 PARTITION OF ${TABLE} FOR VALUES FROM ('80000000-0000-0000-0000-000000000000') TO ('f0000000-0000-0000-0000-000000000000');
          INSERT INTO ${TABLE} SELECT * FROM whole WHERE id < 'f0000000-0000-0000-0000-000000000000'; DROP TABLE whole`,
    says: /was mended: it was dropped and created again, or swapped/,
  },
  {
    story: "a partition is made, and filled",
    sql: `CREATE TABLE part_3 PARTITION OF ${TABLE} FOR VALUES FROM ('f0000000-0000-0000-0000-000000000000') TO (MAXVALUE);
          INSERT INTO ${TABLE} (id) VALUES ('f0000000-0000-0000-0000-000000000001')`,
    says: /was mended: .* a partition came or went/,
  },
  {
    story: "a partition is detached, written and attached again",
    sql: `ALTER TABLE ${TABLE} DETACH PARTITION part_2; UPDATE part_2 SET team = 'apart';
          ALTER TABLE ${TABLE} ATTACH PARTITION part_2 FOR VALUES FROM ('80000000-0000-0000-0000-000000000000') TO ('f0000000-0000-0000-0000-000000000000')`,
    says: /was mended: .* a partition came or went/,
  },
  {
    story: "a partition is dropped",
    sql: "DROP TABLE part_3",
    says: /was mended: .* a partition came or went/,
  },
];

interface Decision {
  story: string;
  sql: string;
  says: RegExp;
  decided: string;
}

const DECISIONS: Decision[] = [
  {
    story: "the primary key is dropped",
    sql: `ALTER TABLE ${TABLE} DROP CONSTRAINT ${TABLE}_pkey`,
    says: /has no primary key. \(NO_KEY\)/,
    decided: `ALTER TABLE ${TABLE} ADD PRIMARY KEY (id)`,
  },
  {
    story: "other tables come to inherit from it",
    sql: `CREATE TABLE child () INHERITS (${TABLE})`,
    says: /Other tables inherit from .* \(RELATION_UNSUPPORTED\)/,
    decided: "DROP TABLE child",
  },
  {
    story: "it is renamed",
    sql: `ALTER TABLE ${TABLE} RENAME TO elsewhere`,
    says: /does not exist. \(RELATION_MISSING\)/,
    decided: `ALTER TABLE elsewhere RENAME TO ${TABLE}`,
  },
  {
    story: "it becomes a partition of another table",
    sql: `CREATE TABLE parent (LIKE ${TABLE} INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY RANGE (id);
          ALTER TABLE parent ATTACH PARTITION ${TABLE} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)`,
    says: /partition of .*parent.* \(RELATION_UNSUPPORTED\)/,
    decided: `ALTER TABLE parent DETACH PARTITION ${TABLE}; DROP TABLE parent`,
  },
];

/** Each line of "Changes of the source's tables" in docs/operations.md, as whoever runs it from cron meets it. */
export function describeDrift(kind: StackKind): void {
  describe(`changes of the source's tables, on ${kind.name}`, () => {
    const scene = setUpScene(kind, { scale: 0.01, prepare: (ready) => fillMirror(ready, [TABLE]) });

    async function expectEqualSides(): Promise<void> {
      const sides = await readBothSides(scene.stack.databaseUrl, scene.stack.convex, TABLE);
      expect(sides.convex).toEqual(sides.postgres);
    }

    describe.each(DECISIONS)("a decision: $story", ({ sql, says, decided }) => {
      it("stops the table and says what there is to decide; then it goes on", async () => {
        await scene.stack.sql.unsafe(sql);
        const stopped = await scene.cli.run(["sync", ...FLAGS]);
        expect(stopped.code).toBe(1);
        expect(stopped.stdout).toMatch(says);
        await scene.stack.sql.unsafe(decided);
        expect(await scene.cli.run(["sync", ...FLAGS])).toMatchObject({ code: 0 });
        await expectEqualSides();
      });
    });

    it.each(BY_ITSELF)("by itself: $story", async ({ sql, says }) => {
      await scene.stack.sql.unsafe(sql);
      const run = await scene.cli.run(["sync", ...FLAGS]);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stdout).toMatch(says);
      await expectEqualSides();
      await scene.stack.sql.unsafe(changed(FIRST));
      const next = await scene.cli.sync(FLAGS);
      expect(next).toMatchObject({ code: 0, report: { mode: "delta" } });
      expect(tableOf(next.report, TABLE)).toMatchObject({ mode: "delta", tracking: "intact", notices: [] });
      await expectEqualSides();
    });
  });
}
