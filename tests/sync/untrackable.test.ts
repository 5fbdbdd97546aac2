import { expect, test } from "vitest";
import { migrate, untrack } from "../../src/commands/migrate.js";
import { planMigration } from "../../src/commands/plan-migration.js";
import {
  hurriedClock,
  NOTHING,
  SMALL_PAGES,
  useMirrors,
  type MirrorOptions,
} from "../support/mirror-fixture.js";

const open = useMirrors({ settings: { ...SMALL_PAGES, pageRows: 4 } });

const ORDERS = `
  CREATE TABLE $t_customers (id int PRIMARY KEY, name text, region text NOT NULL);
  CREATE TABLE $t_orders (no int PRIMARY KEY, customer int NOT NULL, total numeric(12,2));
  INSERT INTO $t_customers SELECT n, 'c' || n, 'r' || n % 3 FROM generate_series(1, 12) n;
  INSERT INTO $t_orders SELECT n, 1 + n % 12, n FROM generate_series(1, 40) n;`;

const CHANGES = `
  UPDATE $t_customers SET name = 'renamed' WHERE id = 3;
  UPDATE $t_orders SET total = 100 WHERE no = 5;
  DELETE FROM $t_orders WHERE no IN (7, 8);
  INSERT INTO $t_orders VALUES (100, 3, 1.5);`;

const KINDS: [what: string, options: MirrorOptions, says: RegExp, refresh: string][] = [
  [
    "a view over several tables, by text and number",
    {
      ddl: `${ORDERS} CREATE VIEW $t AS SELECT c.region, o.no, c.name, o.total FROM $t_orders o JOIN $t_customers c ON c.id = o.customer`,
      mirrors: [{ relation: "$t", key: ["region", "no"] }],
    },
    /reads several tables/,
    "",
  ],
  [
    "a view that groups the rows of one table",
    {
      ddl: `${ORDERS} CREATE VIEW $t AS SELECT customer, count(*) AS orders, sum(total) AS total FROM $t_orders GROUP BY customer`,
      mirrors: [{ relation: "$t", key: ["customer"] }],
    },
    /does not show the rows of .*_orders one by one/,
    "",
  ],
  [
    "a materialized view",
    {
      ddl: `${ORDERS} CREATE MATERIALIZED VIEW $t AS SELECT o.no, c.name, o.total FROM $t_orders o JOIN $t_customers c ON c.id = o.customer;
            CREATE UNIQUE INDEX ON $t (no)`,
      mirrors: [{ relation: "$t" }],
    },
    /is a materialized view/,
    "REFRESH MATERIALIZED VIEW $t",
  ],
];

test.each(KINDS)("%s is mirrored by comparison alone, and says so", async (_, options, says, refresh) => {
  const mirror = await open(options);
  const { config } = mirror;
  expect((await migrate({ config, clock: hurriedClock })).tables).toMatchObject([
    { outcome: "compared", base: "-" },
  ]);
  expect(await planMigration({ config, clock: hurriedClock })).toMatchObject({
    ok: true,
    tables: [{ outcome: "compared" }],
  });

  const { inserted, tracking } = await mirror.sync();
  expect(inserted).toBeGreaterThan(10);
  expect(tracking).toBe("none");
  await mirror.compare();

  const idle = await mirror.runSync();
  expect(idle).toMatchObject({ exitCode: 0, tables: [{ ...NOTHING, mode: "full" }] });
  expect(idle.tables[0]!.notices).toMatchObject([
    { code: "BECAME_FULL", message: expect.stringMatching(says) as string },
  ]);

  await mirror.run(CHANGES);
  if (refresh !== "") await mirror.run(refresh);
  const changed = await mirror.sync();
  expect(changed.updated).toBeGreaterThan(0);
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(NOTHING);

  expect((await mirror.dryRun()).tables).toMatchObject([{ run: "compare" }]);
  expect(await mirror.status()).toMatchObject({
    exitCode: 0,
    tables: [{ tracking: "none", problem: null, changesWaiting: null }],
  });
  expect((await untrack({ config, clock: hurriedClock })).tables).toMatchObject([{ outcome: "not-tracked" }]);
});

test("a view that is replaced, and a table under it that is dropped with it, lose nothing", async () => {
  const mirror = await open({
    ddl: `${ORDERS} CREATE VIEW $t AS SELECT o.no, c.name FROM $t_orders o JOIN $t_customers c ON c.id = o.customer`,
    mirrors: [{ relation: "$t", key: ["no"] }],
  });
  await mirror.sync();
  await mirror.run(
    "CREATE OR REPLACE VIEW $t AS SELECT o.no, upper(c.name) AS name FROM $t_orders o JOIN $t_customers c ON c.id = o.customer",
  );
  expect(await mirror.sync()).toMatchObject({ updated: 40, deleted: 0 });
  await mirror.compare();
  await mirror.run("DROP TABLE $t_customers CASCADE");
  const gone = await mirror.runSync();
  expect(gone.tables[0]!.error).toMatchObject({ code: "RELATION_MISSING" });
  expect(mirror.documents()).toHaveLength(40);
});

test.each([
  ["a key twice", "SELECT o.customer AS no, c.name", /28 rows have the key of another/],
  ["NULL in a key", "SELECT nullif(o.no, 3) AS no, c.name", /1 rows have NULL in their key/],
])("%s ends the table's run before anything is changed", async (_, select, says) => {
  const mirror = await open({
    ddl: `${ORDERS} CREATE VIEW $t AS SELECT o.no, c.name FROM $t_orders o JOIN $t_customers c ON c.id = o.customer`,
    mirrors: [{ relation: "$t", key: ["no"] }],
  });
  await mirror.sync();
  await mirror.run(
    `CREATE OR REPLACE VIEW $t AS ${select} FROM $t_orders o JOIN $t_customers c ON c.id = o.customer`,
  );
  const before = mirror.documents();
  for (const mode of ["delta", "deep"] as const) {
    const report = await mirror.runSync(mode);
    expect(report.tables[0]!.error).toMatchObject({
      code: "NO_KEY",
      message: expect.stringMatching(says) as string,
    });
  }
  expect(mirror.documents()).toEqual(before);
});

test("what is refreshed while a run goes on is right after the next one", async () => {
  const mirror = await open(KINDS[2]![1]);
  await mirror.sync();
  await mirror.run(CHANGES);
  let refreshed: Promise<unknown> | null = null;
  await mirror.sync("full", {
    progress: { tableProgress: () => void (refreshed ??= mirror.run("REFRESH MATERIALIZED VIEW $t")) },
  });
  await (refreshed ?? mirror.run("REFRESH MATERIALIZED VIEW $t"));
  await mirror.sync();
  await mirror.compare();
});
