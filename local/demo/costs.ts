import { showBytes, showCount, showNoun, showSeconds } from "../../src/cli/render/human.js";
import type { Usage } from "../convex/usage.js";
import type { Narrator } from "./narrator.js";
import type { DayOfChanges } from "./other-jobs-day.js";

/** What a step of the story took, by the clock and by Convex's meter. */
export interface StepCost {
  step: string;
  usage: Usage;
  ms: number;
}

/** What it cost, and what another way would have: documents and bytes are what Convex bills. */
export function showCosts(
  narrator: Narrator,
  costs: readonly StepCost[],
  { day, delta }: { day: DayOfChanges; delta: StepCost },
): void {
  narrator.line();
  narrator.bold("What it cost, by Convex's rules of metering (the ledger's documents included)");
  narrator.table(
    ["", "seconds", "calls", "documents read", "bytes read", "documents written", "bytes written"],
    costs.map(({ step, ms, usage }) => [
      step,
      showSeconds(ms),
      usage.calls,
      usage.documentsRead,
      showBytes(usage.bytesRead),
      usage.documentsWritten,
      showBytes(usage.bytesWritten),
    ]),
  );
  const sent = day.tables.reduce((sum, { changed, added }) => sum + changed + added, 0);
  const written = day.tables.reduce((sum, { table }) => sum + writtenIn(delta.usage, table), 0);
  narrator.line(
    `\nA sync by \`updated_at > watermark\` would have sent ${showNoun(day.stampedRows, "row")} after that day, ` +
      `and kept ${showNoun(day.deletedRows, "deleted row")}.\n` +
      `This one sent ${showCount(sent)}, and wrote ${showNoun(written, "document")}, deletions included.`,
  );
}

function writtenIn(usage: Usage, table: string): number {
  return usage.byTable[table]?.documentsWritten ?? 0;
}
