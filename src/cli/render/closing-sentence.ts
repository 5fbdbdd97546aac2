import { EXIT } from "../../model/errors.js";
import type { RunReport } from "../../model/report.js";
import { showCount, showList, showNoun } from "./human.js";

/** One sentence (or two) on what to do about an exit code that is not 0; null for 0. */
export function closingSentence(report: RunReport): string | null {
  const { tables, totals, exitCode } = report;
  const named = (keep: (table: RunReport["tables"][number]) => boolean) =>
    tables.filter(keep).map(({ table }) => table);
  switch (exitCode) {
    case EXIT.done:
      return null;
    case EXIT.failed:
      return failed(
        named(({ outcome }) => outcome === "failed"),
        named(({ outcome }) => outcome === "not-run"),
      );
    case EXIT.incomplete:
      return incomplete(report);
    case EXIT.deletionsHeldBack: {
      const held = named(({ heldBack }) => heldBack > 0);
      const first = totals.rejected > 0 ? `${setAside(totals.rejected)} ` : "";
      const flags = held.map((table) => `--allow-deletes ${table}`).join(" ");
      return `${first}${showNoun(totals.heldBack, "deletion")} of ${showList(held)} ${isAre(totals.heldBack)} held back: so many at once are seldom meant. If they are:\n  datahub-sync sync ${flags}`;
    }
    case EXIT.leaseHeld: {
      const busy = named(({ outcome }) => outcome === "busy");
      return `Another run works on ${showList(busy)} and brings ${busy.length === 1 ? "it" : "them"} up to date; everything else is done. \`datahub-sync status\` shows who.`;
    }
    case EXIT.stale:
      return "The mirror is not equal to Postgres. `datahub-sync sync --full` compares everything and mends what differs.";
    case EXIT.usage:
      return "Nothing was run: the command or the configuration is at fault.";
  }
}

function failed(failing: readonly string[], notRun: readonly string[]): string {
  const others = notRun.length === 0 ? "" : `; ${showList(notRun)} ${isAre(notRun.length)} not run`;
  const what = failing.length === 0 ? "The run failed" : `${showList(failing)} failed`;
  return `${what}${others}. Nothing is lost: when the cause is gone, the same command goes on where this run stopped.`;
}

/** What is not mirrored, or not yet by deltas. */
function incomplete({ tables, totals }: RunReport): string {
  const waiting = tables.filter((table) => table.waiting.length > 0).map(({ table }) => table);
  const unmended = tables.filter(({ tracking }) => tracking === "unmended").map(({ table }) => table);
  return [
    totals.rejected > 0 &&
      `${setAside(totals.rejected)} Mend them in Postgres, or exclude or recode the column: the next run sends them.`,
    waiting.length > 0 &&
      `New columns of ${showList(waiting)} wait for a deploy: the lines to paste stand above. Everything else is mirrored.`,
    unmended.length > 0 &&
      `${showList(unmended)} ${isAre(unmended.length)} mirrored by comparing everything, until ${unmended.length === 1 ? "its" : "their"} tracking is in order again.`,
  ]
    .filter((sentence) => sentence !== false)
    .join(" ");
}

function setAside(rows: number): string {
  return `${showCount(rows)} ${rows === 1 ? "row is" : "rows are"} set aside and missing from the mirror.`;
}

function isAre(count: number): string {
  return count === 1 ? "is" : "are";
}
