import { showCount, showNoun } from "../../src/cli/render/human.js";
import { createOtherJob } from "../data/other-job.js";
import type { SourceTableName } from "../data/source-tables.js";
import { compareTable } from "../oracle/compare-table.js";
import { describeTable } from "../oracle/describe-table.js";
import { withPinned } from "../oracle/mirrored-table.js";
import { showCosts, type StepCost } from "./costs.js";
import { damageMirror } from "./damage-mirror.js";
import { findDeviations, NOTHING, type Expected } from "./expected-changes.js";
import { expectDelta, playDay } from "./other-jobs-day.js";
import { watchLive } from "./live.js";
import { openStage, type Stage, type StageOptions } from "./stage.js";
import { showComparison, showVerdict, type TableVerdict } from "./verdict.js";

/** One day of a mirror. Returns whether every count and every value was exactly as it should be. */
export async function runDemo(options: StageOptions): Promise<boolean> {
  const { scale, seed, narrator } = options;
  narrator.bold("datahub-sync keeps a Convex deployment an exact mirror of Postgres tables.");
  narrator.line("One day of it, on servers of its own on this machine; nothing else is touched.");

  const { result: stage } = await narrator.step(
    "Tables as another job filled them",
    "A new Postgres. A job that is not ours writes these seven tables, from spreadsheets.",
    async () => {
      const opened = await openStage(options);
      narrator.line();
      narrator.table(["table", "rows"], [...Object.entries(opened.stack.rows), totalOf(opened.stack.rows)]);
      narrator.line();
      return opened;
    },
  );
  const rows = stage.stack.rows;
  const tables = Object.keys(rows) as SourceTableName[];
  const costs: StepCost[] = [];
  let deviating = 0;

  /** A `sync` of all tables, or of those named, held against what it should have done. */
  async function sync(
    heading: string,
    why: string,
    expect: (table: SourceTableName) => Expected,
    { flags = [], only = null }: { flags?: string[]; only?: SourceTableName[] | null } = {},
  ): Promise<void> {
    const { result: usage, ms } = await narrator.step(heading, why, async () => {
      const named = (only ?? []).flatMap((table) => ["--table", table]);
      const metered = await stage.run("sync", ...flags, ...named);
      const expected = Object.fromEntries((only ?? tables).map((table) => [table, expect(table)]));
      const deviations = findDeviations(expected, await stage.lastReport(), metered);
      for (const deviation of deviations) narrator.bad(deviation);
      if (deviations.length === 0) narrator.good(describe(Object.values(expected)));
      deviating += deviations.length;
      return metered;
    });
    costs.push({ step: heading, usage, ms });
  }

  await narrator.step(
    "Migrate",
    "Adds a schema of its own, and to each table triggers that tell a changed row from a rewritten one.",
    () => stage.run("migrate"),
  );

  await sync("First sync", "The mirror is empty: every row is read, once.", (table) => ({
    ...NOTHING,
    read: rows[table] ?? 0,
    inserted: rows[table] ?? 0,
  }));

  const { result: day } = await narrator.step(
    "A day passes",
    "The other job rewrites its tables whole, as it does every four hours, though few rows differ.",
    async () => {
      const job = createOtherJob(stage.sql, { seed });
      const changes = await playDay(job, tables, scale);
      narrator.line();
      narrator.table(
        ["table", "rewritten as they were", "really changed", "added", "deleted"],
        changes.tables.map(({ table, rewritten, changed, added, deleted }) => {
          const same = Math.max(0, rewritten - changed);
          return [table, same, changed, added, deleted];
        }),
      );
      narrator.line(`\n${changes.reloaded} was truncated after that, and loaded with the same rows.\n`);
      return changes;
    },
  );

  await sync("Delta", "Only what really changed is read and written.", (table) =>
    expectDelta(day.tables.find((changes) => changes.table === table)!),
  );
  await sync("Delta again", "Nothing has happened since.", () => NOTHING);

  const damage = damageMirror(stage.stack.deployment);
  await sync(
    "Edits by hand",
    `In Convex's dashboard, someone edits a document of ${damage.edited} and deletes one of ${damage.removed}. ` +
      "A deep run reads the\ndocuments themselves. Convex bills that, so it is aimed at the tables in question.",
    (table) => ({
      ...NOTHING,
      read: null, // every row, to compare it with its document
      updated: table === damage.edited ? 1 : 0,
      inserted: table === damage.removed ? 1 : 0,
    }),
    { flags: ["--full", "--deep"], only: [damage.edited, damage.removed] },
  );

  await narrator.step(
    "Live",
    "An app's client is subscribed to a query. A writer commits, ten times; nobody asks.",
    async () => {
      const after = await watchLive(stage, options.clock);
      const sorted = [...after].sort((a, b) => a - b);
      const shown = (ms: number) => `${Math.round(ms)} ms`;
      const median = shown(sorted[Math.floor(sorted.length / 2)]!);
      narrator.line();
      narrator.good(
        `the client was told of each change: ${median} after the commit in the median, ${shown(sorted.at(-1)!)} at most.`,
      );
    },
  );

  await narrator.step("Status", "How fresh the mirror is, at any time.", () => stage.run("status"));

  const { result: verdicts } = await narrator.step(
    "Both sides, value by value",
    "Read by code that shares nothing with the sync: SQL of its own, and expectations of its own.",
    async () => {
      const compared = await compareAll(stage, tables);
      showComparison(narrator, compared);
      return compared;
    },
  );
  showCosts(narrator, costs, { day, delta: costs.find(({ step }) => step === "Delta")! });
  return showVerdict(narrator, verdicts, deviating);
}

/** What the sync keeps out of the documents: a column that always changes. */
const NOT_MIRRORED = ["sync_timestamp"];

async function compareAll({ sql, stack }: Stage, tables: SourceTableName[]): Promise<TableVerdict[]> {
  const verdicts: TableVerdict[] = [];
  for (const table of tables) {
    const comparison = await withPinned(sql, async (one) => {
      const mirrored = await describeTable(one, { relation: table, without: NOT_MIRRORED });
      return compareTable(one, mirrored, stack.deployment);
    });
    verdicts.push({ table, ...comparison });
  }
  return verdicts;
}

function totalOf(rows: Record<string, number>): [string, number] {
  return ["total", Object.values(rows).reduce((sum, count) => sum + count, 0)];
}

/** `exactly the changes that were made: …`. */
function describe(expected: Expected[]): string {
  const sum = (name: keyof Expected) => expected.reduce((total, table) => total + (table[name] ?? 0), 0);
  const parts = (["inserted", "updated", "deleted"] as const)
    .map((name) => [name, sum(name)] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${showCount(count)} ${name}`);
  const read = expected.some((table) => table.read === null) ? "" : `${showNoun(sum("read"), "row")} read, `;
  return `exactly what had to be done, table by table: ${read}${parts.join(", ") || "nothing written"}.`;
}
