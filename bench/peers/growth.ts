import { count, ratio, seconds, size, type Finding } from "../findings.js";
import type { Contestant, Figures } from "./figures.js";
import { NarrowStage } from "./narrow.js";
import type { Programs } from "./programs.js";
import { CURSOR, OURS } from "./names.js";

/** What one of them costs at one size of the table. */
interface Runs {
  load: Figures;
  idle: Figures;
  onePercent: Figures;
}

export interface Growth {
  rows: number;
  ours: Runs & { full: Figures };
  cursor: Runs;
}

/** Not of whoever sends everything each time: each of those runs is as a first load, with the reads of two look-ups. */
export async function measureGrowth(rows: number, programs: Programs): Promise<Growth> {
  const stage = await NarrowStage.open(rows);
  const runs = async (contestant: Contestant, settle?: () => Promise<unknown>): Promise<Runs> => {
    const load = await contestant.run();
    await settle?.();
    const idle = await contestant.run();
    await stage.changeOnePercent();
    return { load, idle, onePercent: await contestant.run() };
  };
  try {
    return {
      rows,
      ours: await stage.withOurs(async (ours) => ({
        // What the first load has left of the log is purged by the run after it.
        ...(await runs(ours, () => ours.run())),
        full: await ours.run("--full"),
      })),
      cursor: await stage.withCursor(programs, (cursor) => runs(cursor)),
    };
  } finally {
    await stage.close();
  }
}

const io = ({ convexRead, convexWritten }: Figures) => convexRead + convexWritten;

/** How each figure grows with the table. */
export function describeGrowth(small: Growth, large: Growth): Finding[] {
  const compare = (
    what: string,
    show: (value: number) => string,
    of: (growth: Growth) => number,
  ): Finding => ({
    what,
    measured: show(of(large)),
    against: show(of(small)),
    ratio: ratio(of(large), of(small)),
  });
  const ofEach = (who: "ours" | "cursor", name: string): Finding[] => [
    compare(
      `${name}: first load, rows a second`,
      count,
      ({ rows, [who]: { load } }) => (rows * 1000) / load.durationMs,
    ),
    compare(`${name}: first load, memory`, size, ({ [who]: { load } }) => load.peakBytes),
    compare(`${name}: first load, Convex I/O`, size, ({ [who]: { load } }) => io(load)),
    compare(`${name}: nothing happened, time`, seconds, ({ [who]: { idle } }) => idle.durationMs),
    compare(`${name}: nothing happened, Convex I/O`, size, ({ [who]: { idle } }) => io(idle)),
    compare(`${name}: 1 % changed, time`, seconds, ({ [who]: { onePercent } }) => onePercent.durationMs),
    compare(`${name}: 1 % changed, Convex I/O`, size, ({ [who]: { onePercent } }) => io(onePercent)),
  ];
  return [
    ...ofEach("ours", OURS),
    compare(`${OURS}: full run, time`, seconds, ({ ours }) => ours.full.durationMs),
    compare(`${OURS}: full run, memory`, size, ({ ours }) => ours.full.peakBytes),
    compare(`${OURS}: full run, read in Convex`, size, ({ ours }) => ours.full.convexRead),
    compare(`${OURS}: the same, a row`, size, ({ rows, ours }) => ours.full.convexRead / rows),
    ...ofEach("cursor", CURSOR),
  ];
}
