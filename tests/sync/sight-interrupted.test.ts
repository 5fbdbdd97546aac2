import { describe, expect, test } from "vitest";
import type { MirrorConfig } from "../../src/model/config.js";
import { SyncError } from "../../src/model/errors.js";
import { nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { openAnother, PAGED, QUIET, ROWS } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

interface Shape {
  what: string;
  ddl?: string;
  rows?: string;
  config?: Partial<MirrorConfig>;
  /** Another shape, and the way back. */
  to: (mirror: MirrorFixture) => unknown;
  back: (mirror: MirrorFixture) => unknown;
}

function configure(mirror: MirrorFixture, change: Partial<MirrorConfig>): void {
  mirror.config.mirrors[0] = { ...mirror.config.mirrors[0]!, ...change };
}

const SHAPES: Shape[] = [
  {
    what: "a field was named otherwise in the configuration",
    to: (mirror) => configure(mirror, { columns: { a: { field: "renamed" } } }),
    back: (mirror) => configure(mirror, { columns: {} }),
  },
  {
    what: "a column had another encoding",
    to: (mirror) => configure(mirror, { columns: { id: { encoding: "text" } } }),
    back: (mirror) => configure(mirror, { columns: {} }),
  },
  {
    what: "an exclusion was lost",
    config: { exclude: ["a"] },
    to: (mirror) => configure(mirror, { exclude: [] }),
    back: (mirror) => configure(mirror, { exclude: ["a"] }),
  },
  {
    what: "a label of an enum was renamed",
    ddl: "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, a $t_state)",
    rows: "INSERT INTO $t SELECT n, 'on' FROM generate_series(1, 20) n",
    to: (mirror) => mirror.run("ALTER TYPE $t_state RENAME VALUE 'on' TO 'lit'"),
    back: (mirror) => mirror.run("ALTER TYPE $t_state RENAME VALUE 'lit' TO 'on'"),
  },
  {
    what: "the mirror was of a view",
    ddl: `${PAGED.ddl}; CREATE VIEW $t_v AS SELECT id, upper(a) AS a FROM $t`,
    to: (mirror) => configure(mirror, { relation: { schema: "public", name: `${mirror.table}_v` } }),
    back: (mirror) => configure(mirror, { relation: { schema: "public", name: mirror.table } }),
  },
];

/** By then, some documents are written and some are not. */
const isBatch = (step: Step) => step === "Convex: applyBatch";

const STOPS = {
  killed: async (mirror: MirrorFixture) => {
    const { crashed } = await watchRun(mirror, { crashBefore: nth(3, isBatch) });
    expect(crashed).toBe(true);
    await mirror.expireLease();
  },
  "stopped by a signal": async (mirror: MirrorFixture) => {
    const stop = new AbortController();
    const isThird = nth(3, isBatch);
    const { report } = await watchRun(mirror, {
      signal: stop.signal,
      onStep: (step) => {
        if (isThird(step)) stop.abort(INTERRUPTED);
      },
    });
    expect(report!.tables[0]).toMatchObject({ outcome: "failed", error: { code: "INTERRUPTED" } });
  },
};
const INTERRUPTED = new SyncError({ code: "INTERRUPTED", message: "Stopped.", remedy: "Run again." });

async function loaded({ ddl = PAGED.ddl, rows = ROWS, config = {} }: Shape): Promise<MirrorFixture> {
  const mirror = await open({ ...PAGED, ddl });
  // Another deployment mirrors every column: this one's exclusions change nothing about the table's triggers.
  const all = await openAnother(mirror);
  await all.migrate();
  configure(mirror, config);
  await mirror.run(rows);
  return mirror;
}

/** Content as it was, in the documents' order. */
const contentOf = (mirror: MirrorFixture) =>
  mirror
    .documents()
    .map(({ _id, ...document }) => JSON.stringify(document))
    .sort();

async function expectSettled(mirror: MirrorFixture, content: string[]): Promise<void> {
  const report = await mirror.sync();
  expect(report.mode).toBe("full");
  expect(contentOf(mirror)).toEqual(content);
  expect(await mirror.sync()).toMatchObject(QUIET);
}

describe("invariant 14: a run under another shape was interrupted, and the shape went back before the next run:", () => {
  const cases = SHAPES.flatMap((shape) =>
    (Object.keys(STOPS) as (keyof typeof STOPS)[]).map((how) => ({ ...shape, shape, how })),
  );

  test.each(cases)("$what, and the run was $how", async ({ shape, how, to, back }) => {
    const mirror = await loaded(shape);
    await mirror.sync();
    const content = contentOf(mirror);
    await to(mirror);
    await STOPS[how](mirror);
    expect(contentOf(mirror)).not.toEqual(content);
    await back(mirror);
    await expectSettled(mirror, content);
  });

  test.each(SHAPES)("$what, in a first load", async (shape) => {
    const mirror = await loaded(shape);
    const twin = await openAnother(mirror);
    twin.config.mirrors[0] = mirror.config.mirrors[0]!;
    await twin.sync();
    await shape.to(mirror);
    await STOPS.killed(mirror);
    await shape.back(mirror);
    await expectSettled(mirror, contentOf(twin));
  });

  test.each(SHAPES)("$what, and the run that was to mend it was interrupted as well", async (shape) => {
    const mirror = await loaded(shape);
    await mirror.sync();
    const content = contentOf(mirror);
    await shape.to(mirror);
    await STOPS.killed(mirror);
    await shape.back(mirror);
    const { crashed } = await watchRun(mirror, { crashBefore: nth(1, isBatch) });
    expect(crashed).toBe(true);
    await mirror.expireLease();
    await expectSettled(mirror, content);
  });

  test.each(SHAPES)("$what, while a delta of the old shape was interrupted too", async (shape) => {
    const mirror = await loaded(shape);
    await mirror.sync();
    await mirror.run("UPDATE $t SET id = -id WHERE id <= 8");
    await STOPS.killed(mirror);
    await shape.to(mirror);
    await STOPS.killed(mirror);
    await shape.back(mirror);
    await mirror.sync();
    const twin = await openAnother(mirror);
    twin.config.mirrors[0] = mirror.config.mirrors[0]!;
    await twin.sync();
    expect(contentOf(mirror)).toEqual(contentOf(twin));
    expect(await mirror.sync()).toMatchObject(QUIET);
  });
});

test("an interrupted run of the shape that is still there goes on where it stopped", async () => {
  const mirror = await loaded(SHAPES[0]!);
  await mirror.sync();
  await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
  await STOPS.killed(mirror);
  const report = await mirror.sync();
  expect(report).toMatchObject({ mode: "delta", notices: [{ code: "RESUMED" }] });
  await mirror.compare();
});
