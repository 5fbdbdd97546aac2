import postgres from "postgres";
import { ratio, type Finding } from "./findings.js";

const TABLE = "sow_poles";
/** The longest that single UPDATEs of another session took, in milliseconds. */
export interface LongestWaits {
  /** While runs had nothing to mend. */
  quiet: number;
  /** While each run mended the tracking. */
  mending: number;
  /** While each run tried to, beside a transaction that stayed open. */
  inVain: number;
}

/**
 * How long writers of a table wait at worst while runs mend its tracking.
 * @param rounds each with a run that mends, one that cannot, and one that has nothing to mend
 */
export async function measureWaits(
  url: string,
  rounds: number,
  run: () => Promise<unknown>,
): Promise<LongestWaits> {
  const owner = postgres(url, { max: 2, onnotice: () => {} });
  try {
    const drift = async () => void (await owner.unsafe(`ALTER TABLE ${TABLE} DISABLE TRIGGER ALL`));
    const holding = async (work: () => Promise<unknown>) => {
      const holder = await owner.reserve();
      await holder.unsafe(
        `BEGIN; UPDATE ${TABLE} SET status = status WHERE id = (SELECT max(id::text)::uuid FROM ${TABLE})`,
      );
      await work();
      await holder.unsafe("ROLLBACK");
      holder.release();
    };
    let [quiet, mending, inVain] = [0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      quiet = Math.max(quiet, await longestUpdate(url, run));
      await drift();
      mending = Math.max(mending, await longestUpdate(url, run));
      await drift();
      await holding(async () => {
        inVain = Math.max(inVain, await longestUpdate(url, run));
      });
      await run();
    }
    return { quiet, mending, inVain };
  } finally {
    await owner.end();
  }
}

/** Updates one row again and again while the work goes on. */
async function longestUpdate(url: string, work: () => Promise<unknown>): Promise<number> {
  const writer = postgres(url, { max: 1, onnotice: () => {} });
  const [row] = await writer.unsafe<{ id: string }[]>(`SELECT min(id::text) AS id FROM ${TABLE}`);
  let [longest, isOver] = [0, false];
  const done = work().finally(() => (isOver = true));
  while (!isOver) {
    const startedAt = performance.now();
    await writer.unsafe(`UPDATE ${TABLE} SET updated_at = now() WHERE id = '${row!.id}'`);
    longest = Math.max(longest, performance.now() - startedAt);
  }
  await done;
  await writer.end();
  return longest;
}

export function describeWaits({ quiet, mending, inVain }: LongestWaits): Finding[] {
  const milliseconds = (ms: number) => `${ms.toFixed(0)} ms`;
  return [
    {
      what: "longest single UPDATE while a run mends the tracking, against a run with nothing to mend",
      ms: mending,
    },
    {
      what: "the same, where an open transaction keeps the run from mending it (it waits 200 ms)",
      ms: inVain,
    },
  ].map(({ what, ms }) => ({
    what,
    measured: milliseconds(ms),
    against: milliseconds(quiet),
    ratio: ratio(ms, quiet),
  }));
}
