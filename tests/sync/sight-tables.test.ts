import { describe, expect, test } from "vitest";
import { nth, watchRun, type CrashOptions, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { expectFull, PAGED, QUIET, ROWS } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

async function loaded(ddl = PAGED.ddl, rows = ROWS): Promise<MirrorFixture> {
  const mirror = await open({ ...PAGED, ddl });
  await mirror.run(rows);
  await mirror.sync();
  return mirror;
}

/** The second is the last before the watermark moves. */
const isLook = (step: Step) => step === "Postgres: reading the catalog";
const isRead = (step: Step) => /^Postgres: (reading the changed|comparing) keys/.test(step);

/** A run, with a change of the catalog before the first step of a kind. */
async function runWith(
  mirror: MirrorFixture,
  sql: string,
  isMoment: (step: Step) => boolean,
  options: Pick<CrashOptions, "mode"> = {},
): Promise<void> {
  let made = 0;
  await watchRun(mirror, {
    ...options,
    allowDeletes: true,
    onStep: async (step) => {
      if (!isMoment(step)) return;
      await mirror.run(sql);
      made++;
    },
  });
  expect(made).toBe(1);
}

/** One run makes the mirror equal, by itself. */
async function settle(mirror: MirrorFixture): Promise<void> {
  await mirror.sync("delta", { allowDeletes: true });
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(QUIET);
}

const RETYPED =
  "ALTER TABLE $t ALTER COLUMN a TYPE varchar(4) USING left(a, 4); ALTER TABLE $t ALTER COLUMN a TYPE text";
const SWAP = `ALTER TABLE $t RENAME TO $t_old; ALTER TABLE $t_new RENAME TO $t`;
const NEW =
  "CREATE TABLE $t_new (id int PRIMARY KEY, a text); INSERT INTO $t_new SELECT n, 'new ' || n FROM generate_series(3, 22) n";

const CHANGES = [
  ["the table is swapped by renaming", `${NEW}; ${SWAP}`],
  [
    "the table is swapped by renaming, and back",
    `${NEW}; ${SWAP}; UPDATE $t SET a = 'x'; ALTER TABLE $t RENAME TO $t_new; UPDATE $t_old SET a = 'y' WHERE id = 1; ALTER TABLE $t_old RENAME TO $t`,
  ],
  [
    "the table is dropped and created",
    `DROP TABLE $t; ${PAGED.ddl}; INSERT INTO $t SELECT n, 'again ' || n FROM generate_series(3, 22) n`,
  ],
  [
    "the table is truncated",
    "TRUNCATE $t; INSERT INTO $t SELECT n, 'again ' || n FROM generate_series(3, 22) n",
  ],
  [
    "the table is truncated and rolled back",
    "DO $do$ BEGIN TRUNCATE $t; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END $do$; UPDATE $t SET a = 'c' WHERE id = 7",
  ],
  ["a column is retyped and back", RETYPED],
  [
    "a column is dropped and added",
    "ALTER TABLE $t DROP COLUMN a; ALTER TABLE $t ADD COLUMN a text DEFAULT 'added'",
  ],
  [
    "a column is renamed and back, and another takes its name meanwhile",
    "ALTER TABLE $t RENAME COLUMN a TO b; ALTER TABLE $t ADD COLUMN a text; ALTER TABLE $t DROP COLUMN a; ALTER TABLE $t RENAME COLUMN b TO a; UPDATE $t SET a = 'd' WHERE id = 8",
  ],
  [
    "the table is rewritten without triggers",
    "ALTER TABLE $t DISABLE TRIGGER ALL; UPDATE $t SET a = 'unlogged'; ALTER TABLE $t ENABLE TRIGGER ALL",
  ],
] as const;

describe("invariant 14: nothing of it is missed, whenever it happens:", () => {
  test.each(CHANGES)("%s between two runs", async (_, sql) => {
    const mirror = await loaded();
    await mirror.run(sql);
    await settle(mirror);
  });

  const DURING = CHANGES.flatMap(([what, sql]) =>
    (["delta", "full"] as const).map((mode) => ({ what, sql, mode })),
  );

  test.each(DURING)("$what while a $mode run reads", async ({ sql, mode }) => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12; DELETE FROM $t WHERE id IN (1, 20)");
    await runWith(mirror, sql, nth(1, isRead), { mode });
    await settle(mirror);
  });

  test.each(CHANGES)("%s while a first load reads", async (_, sql) => {
    const mirror = await open(PAGED);
    await mirror.run(ROWS);
    const isListing = (step: Step) => step.startsWith("Postgres: listing keys");
    await runWith(mirror, sql, nth(2, isListing));
    await settle(mirror);
  });

  test.each(CHANGES)("%s after a run has looked the last time", async (_, sql) => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
    await runWith(mirror, sql, (step) => step === "Convex: finishRuns");
    await settle(mirror);
  });

  test.each(CHANGES)("%s after a run was killed", async (_, sql) => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
    await watchRun(mirror, { crashBefore: nth(3, (step) => step === "Convex: applyBatch") });
    await mirror.run(sql);
    await mirror.expireLease();
    await settle(mirror);
  });
});

test.each([CHANGES[0], CHANGES[2]])(
  "%s: another table is tracked anew, and its first run says that it is another",
  async (_, sql) => {
    const mirror = await loaded();
    await mirror.run(sql);
    await mirror.migrate();
    await expectFull(
      mirror,
      /the table is not the one that was mirrored: it was dropped and created again, or swapped/,
    );
  },
);

describe("invariant 14: a label of an enum is renamed while a run reads, and back", () => {
  test.each(["delta", "full"] as const)("before the %s run ends", async (mode) => {
    const mirror = await loaded(
      "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, n int, a $t_state)",
      "INSERT INTO $t SELECT n, 0, 'on' FROM generate_series(1, 20) n",
    );
    await mirror.run("UPDATE $t SET n = 1 WHERE id <= 12");
    const [isFirst, isEnd] = [nth(1, isRead), nth(2, isLook)];
    const { report } = await watchRun(mirror, {
      mode,
      onStep: async (step) => {
        if (isFirst(step)) await mirror.run("ALTER TYPE $t_state RENAME VALUE 'on' TO 'lit'");
        if (isEnd(step)) await mirror.run("ALTER TYPE $t_state RENAME VALUE 'lit' TO 'on'");
      },
    });
    expect(JSON.stringify(mirror.documents())).toContain("lit");
    expect(report!.tables[0]!.notices).toContainEqual(expect.objectContaining({ code: "CATALOG_CHANGED" }));
    expect(await mirror.sync()).toMatchObject({ mode: "full", updated: mode === "full" ? 20 : 12 });
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject(QUIET);
  });
});

describe("a change that another trigger makes of a row is seen", () => {
  const MAKE = `CREATE FUNCTION $t_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := ''made ''||NEW.id; RETURN NEW; END';
                CREATE TRIGGER zzzz_late BEFORE INSERT OR UPDATE ON $t FOR EACH ROW EXECUTE FUNCTION $t_f()`;
  const DROP = "DROP TRIGGER zzzz_late ON $t; DROP FUNCTION $t_f()";

  test.each(["as-written", "content"] as const)(
    "though it sorts after ours, was made and used and dropped between two runs (updated_at %s)",
    async (updatedAt) => {
      const mirror = await open({
        ...PAGED,
        ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamptz DEFAULT now())",
        mirrors: [{ relation: "$t", updatedAt }],
      });
      await mirror.run("INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n");
      await mirror.sync();
      await mirror.run(MAKE);
      await mirror.run("UPDATE $t SET a = a");
      await mirror.run(DROP);
      expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 20 });
      await mirror.compare();
      expect(await mirror.sync()).toMatchObject(QUIET);
    },
  );
});

describe("a writer whose session has a temporary table of a type's name", () => {
  test.each(["text", "int4", "changes", "record", "pg_class"])(
    "%s: what it writes is mirrored",
    async (name) => {
      const mirror = await loaded();
      const writer = await mirror.sql.reserve();
      try {
        const run = (sql: string) => writer.unsafe(sql.replaceAll("$t", mirror.table));
        await run(`CREATE TEMPORARY TABLE "${name}" (a int)`);
        await run("UPDATE $t SET id = 101 WHERE id = 1");
        await run("DELETE FROM $t WHERE id = 2");
        await run("INSERT INTO $t VALUES (102, 'new')");
        await run("UPDATE $t SET a = 'b' WHERE id = 3");
        await run("DISCARD ALL");
      } finally {
        writer.release();
      }
      expect(await mirror.sync()).toMatchObject({ mode: "delta", inserted: 2, updated: 1, deleted: 2 });
      await mirror.compare();
      expect(await mirror.sync()).toMatchObject(QUIET);
    },
  );
});

describe("invariant 2: a table that is swapped away and back between two runs", () => {
  const SWAPPED_BACK = "ALTER TABLE $t RENAME TO $t_new; ALTER TABLE $t_old RENAME TO $t";
  const isBegin = (step: Step) => /^Postgres: writing the start/.test(step);

  /** Two runs see the other table and are killed before they have begun; the second one purges the log of the first. */
  async function swapAndBack(mirror: MirrorFixture): Promise<void> {
    await mirror.run(`${NEW}; UPDATE $t SET a = 'x' WHERE id = 2; ${SWAP}`);
    for (let run = 0; run < 2; run++) {
      expect(await watchRun(mirror, { crashBefore: isBegin })).toMatchObject({ crashed: true });
      await mirror.expireLease();
    }
    await mirror.run(SWAPPED_BACK);
    expect(await watchRun(mirror, { crashBefore: isBegin })).toMatchObject({ crashed: true });
    await mirror.expireLease();
  }

  test("is compared: its log was not kept meanwhile", async () => {
    const mirror = await loaded();
    await swapAndBack(mirror);
    await settle(mirror);
  });

  test("so is one whose first load was interrupted", async () => {
    const mirror = await open(PAGED);
    await mirror.run(ROWS);
    await watchRun(mirror, { crashBefore: nth(4, (step) => /writing the progress/.test(step)) });
    await mirror.expireLease();
    await swapAndBack(mirror);
    await settle(mirror);
  });
});
