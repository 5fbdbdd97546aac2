import { SyncError } from "../model/errors.js";
import type { Database } from "../postgres/database.js";
import type { Budget, Notice, RunMode } from "../model/report.js";
import { estimateStorage, ledgerReadBytes, ledgerWrittenBytes } from "../sink/storage-estimate.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { sampleRowBytes } from "../source/sample-rows.js";
import { readSpending, type Spending } from "../state/spending.js";
import { beyond, describeCosts, showBytes } from "./costs.js";
import { concernsOneMirror } from "./ends-run.js";
import type { RunContext } from "./run-context.js";
import type { MirrorSurvey } from "./survey.js";

/** A uuid, where nothing is known of a mirror's keys. */
const ASSUMED_KEY_BYTES = 36;

/** What a run is going to cost, as far as that can be told before it begins. */
interface Foreseen {
  ioBytes: number;
  /** What first loads add to what is stored. */
  storedBytes: number;
  /** Rows of first loads, and the tables that they are of. */
  loads: { name: string; rows: number }[];
}

/**
 * Warns before a run that would pass the budget begins. It goes on: a mirror that falls behind without a word would be worse,
 * and the plan decides what is refused.
 */
export async function warnOfBudget(
  context: RunContext,
  budget: Budget,
  mode: RunMode,
  surveys: readonly MirrorSurvey[],
): Promise<Notice[]> {
  const spending = await readSpending(context.database, context.lease.targetId);
  const foreseen = await foresee(context, mode, surveys, spending.pace?.deltaBytes ?? 0);
  const known = surveys.map(({ config, handshake, memory }) => ({
    name: config.name,
    rows: handshake.rows,
    indexes: handshake.indexes.length,
    sizes: memory.record?.sizes ?? null,
  }));
  const { storage } = describeCosts(spending, known, budget);
  const stored = storage.documents + storage.ledger + storage.indexes + foreseen.storedBytes;
  const of = describeLoads(foreseen.loads);
  const notices = monthNotices(budget, spending, foreseen.ioBytes, of);
  if (budget.storageBytes !== null && stored > budget.storageBytes) {
    const what = `With this run${of}, the mirrors take about ${showBytes(stored)}`;
    notices.push(beyond("BUDGET_STORAGE", budget, what, showBytes(budget.storageBytes)));
  }
  return notices;
}

/**
 * What a run that takes so much makes of the month.
 * @param of what is to be loaded, for the text
 */
export function monthNotices(budget: Budget, spending: Spending, ioBytes: number, of = ""): Notice[] {
  const { month, calls, bytesRead, bytesWritten } = spending;
  const used = bytesRead + bytesWritten;
  const notices: Notice[] = [];
  if (budget.ioBytes !== null && used + ioBytes > budget.ioBytes) {
    const what = `This run takes about ${showBytes(ioBytes)} of database I/O${of}, and ${showBytes(used)} are used in ${month}`;
    notices.push(beyond("BUDGET_IO", budget, what, showBytes(budget.ioBytes)));
  }
  if (budget.calls !== null && calls > budget.calls) {
    const what = `${calls.toLocaleString("en-US")} function calls are used in ${month}`;
    notices.push(beyond("BUDGET_CALLS", budget, what, budget.calls.toLocaleString("en-US")));
  }
  return notices;
}

async function foresee(
  { database }: RunContext,
  mode: RunMode,
  surveys: readonly MirrorSurvey[],
  deltaBytes: number,
): Promise<Foreseen> {
  const foreseen: Foreseen = { ioBytes: mode === "delta" ? deltaBytes : 0, storedBytes: 0, loads: [] };
  const loads: { source: MirrorSource; rows: number; indexes: number }[] = [];
  for (const { handshake, memory, looked } of surveys) {
    const { rows } = handshake;
    const { watermark = null, sizes = null } = memory.record ?? {};
    if (watermark === null && rows === 0 && !(looked instanceof SyncError) && looked.estimatedRows !== null)
      loads.push({ source: looked, rows: looked.estimatedRows, indexes: handshake.indexes.length });
    if (mode === "delta" && watermark !== null) continue;
    foreseen.ioBytes += ledgerReadBytes(rows, sizes?.keyBytes ?? ASSUMED_KEY_BYTES);
    if (mode === "deep") foreseen.ioBytes += rows * (sizes?.documentBytes ?? 0);
  }
  const means = await sampleOrSkip(
    database,
    loads.map(({ source }) => source),
  );
  loads.forEach(({ source, rows, indexes }, place) => {
    const documentBytes = (means[place] ?? 0) + sum(source.columns.map(({ name }) => name.length + 1));
    const stored = estimateStorage({ rows, documentBytes, keyBytes: ASSUMED_KEY_BYTES, indexes });
    foreseen.ioBytes += stored.documents + ledgerWrittenBytes(rows, ASSUMED_KEY_BYTES);
    foreseen.storedBytes += stored.documents + stored.ledger + stored.indexes;
    foreseen.loads.push({ name: source.name, rows });
  });
  return foreseen;
}

/** All at once. Where a row of one cannot be read, its run will say so: a forecast must not stop the others. */
async function sampleOrSkip(
  database: Database,
  sources: readonly MirrorSource[],
): Promise<(number | null)[]> {
  try {
    return await sampleRowBytes(database, sources);
  } catch (error) {
    if (!concernsOneMirror(error)) throw error;
    if (sources.length === 1) return [null];
    const means: (number | null)[] = [];
    for (const source of sources) means.push(...(await sampleOrSkip(database, [source])));
    return means;
  }
}

function describeLoads(loads: Foreseen["loads"]): string {
  if (loads.length === 0) return "";
  const tables = loads.map(({ name, rows }) => `${name}, about ${rows.toLocaleString("en-US")} rows`);
  return ` (first load of ${tables.join("; ")})`;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
