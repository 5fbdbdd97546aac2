import { createOtherJob } from "../../local/data/other-job.js";
import { SOURCE_TABLES } from "../../local/data/source-tables.js";
import { seconds, size } from "../findings.js";
import type { ResultTable, Results } from "../results.js";
import { describeCase, type Contestant, type Figures } from "./figures.js";
import { CURSOR, EVERYTHING, OURS } from "./names.js";
import type { Stage } from "./stage.js";
import { describeMisses, measureMisses } from "./misses.js";

/** One run of each that mirrors. */
export interface Case {
  ours: Figures;
  cursor: Figures;
  everything: Figures;
}

/** What each of them costs, case by case. */
export interface Cases {
  load: Case;
  idle: Case;
  onePercent: Case;
  rewrite: Case;
  /** Of ours alone: the others have no such run. */
  full: Figures;
}

/** Every case is made in both sources, and then each of them runs once. */
export async function measureCases(stage: Stage, rows: number, results: Results): Promise<Cases> {
  const { ours, cursor, everything, nullSink, copy, sources } = stage;
  const mirrors = { ours, cursor, everything };
  const measure = async (): Promise<Case> => ({
    ours: await ours.run(),
    cursor: await cursor.run(),
    everything: await everything.run(),
  });
  const show = (id: string, title: string, of: Case, more: [Contestant, Figures][] = []) =>
    results.addTable(
      describeCase(
        id,
        title,
        new Map([
          ...Object.entries(mirrors).map(([key, { name }]) => [name, of[key as keyof Case]] as const),
          ...more.map(([{ name }, figures]) => [name, figures] as const),
        ]),
      ),
    );
  const jobs = sources.map((sql) => createOtherJob(sql, { seed: 4 }));

  const load = await measure();
  for (const contestant of [ours, cursor, everything]) requireRows(contestant, rows);
  show("peers-load", "First load", load, [
    [nullSink, await nullSink.run()],
    [copy, await copy.run()],
  ]);

  // What the first load has left of the log is purged by the run after it.
  await ours.run();
  const idle = await measure();
  show("peers-idle", "Nothing happened", idle);

  for (const job of jobs) await job.changeRows(Math.round(rows / 100));
  const onePercent = await measure();
  show("peers-one-percent", "1 % of the rows changed, nothing else was written", onePercent);

  for (const job of jobs) await job.rewriteAllRows();
  const rewrite = await measure();
  show("peers-rewrite", "The other job rewrote its rows with the same values", rewrite);

  const full = await ours.run("--full");
  results.addTable(
    describeCase(
      "peers-full",
      "Everything compared, nothing changed",
      new Map([
        [ours.name, full],
        [cursor.name, null],
        [everything.name, null],
      ]),
    ),
  );
  results.addTable(describeMisses(await measureMisses(stage, Math.round(rows / 100))));
  return { load, idle, onePercent, rewrite, full };
}

/** Whoever did not send all rows is not to be compared with those who did. */
function requireRows({ name, deployment }: Contestant, rows: number): void {
  const found = SOURCE_TABLES.reduce((sum, table) => sum + deployment.tableSize(table.name), 0);
  if (found !== rows) throw new Error(`${name} has sent ${found} of ${rows} rows.`);
}

/** The whole in one table: Convex's I/O and the time of each run. */
export function describeSummary({ load, idle, onePercent, rewrite, full }: Cases): ResultTable {
  const show = ({ convexRead, convexWritten, durationMs }: Figures) =>
    `${size(convexRead + convexWritten)}, ${seconds(durationMs)}`;
  const line = (what: string, { ours, cursor, everything }: Case) => [
    what,
    ...[ours, cursor, everything].map(show),
  ];
  return {
    id: "peers",
    head: ["Database I/O in Convex, and time", OURS, CURSOR, EVERYTHING],
    rows: [
      line("first load", load),
      line("nothing happened", idle),
      line("1 % of the rows changed, nothing else was written", onePercent),
      line("all rows rewritten with the same values", rewrite),
      ["everything compared, nothing changed", show(full), "–", "–"],
    ],
    figures: { load, idle, onePercent, rewrite, full },
  };
}
