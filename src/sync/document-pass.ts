import { isDeepStrictEqual } from "node:util";
import type { DocumentPage } from "../../convex/datahubSync/pageProtocol.js";
import { PAGE_DOCUMENTS } from "../sink/mirror-sink.js";
import { countLedger } from "./listings.js";
import type { MirrorRun } from "./mirror-run.js";
import { readAhead } from "./read-ahead.js";
import { recordDeletions } from "./record-deletions.js";

export interface DocumentsSeen {
  /** Documents that differed from their rows although the ledger said otherwise. */
  mended: number;
  /** Ledger entries whose document was gone. */
  restored: number;
}

/**
 * Reads the documents themselves and mends what was edited, removed or added by hand in Convex. Expensive: every
 * document is read, and metered as such.
 */
export async function checkDocuments(run: MirrorRun): Promise<DocumentsSeen> {
  let mended = 0;
  let known = 0;
  for await (const page of readAhead(
    run.convex.documents(run.context.signal, run.context.settings.pageBytes),
  )) {
    known += page.filter((entry) => entry.ledger !== null).length;
    const orphans = page.filter((entry) => entry.ledger === null).map((entry) => entry.id);
    await recordDeletions(run, "document", orphans);
    const edited = await findEdited(run, page);
    await run.writer.mendRows(edited);
    mended += edited.length;
  }
  if (run.mayDelete) await run.effects.confirmDeletions(run, "document");
  return { mended, restored: known < (await countEntries(run)) ? await restoreMissing(run) : 0 };
}

/**
 * Before a first load: the documents that are there already were written by somebody else. They are recorded, and
 * stay until somebody allows their deletion.
 */
export async function recordStrangers(run: MirrorRun): Promise<number> {
  let strangers = 0;
  for await (const page of run.convex.documents(run.context.signal, run.context.settings.pageBytes)) {
    const ids = page.filter((entry) => entry.ledger === null).map((entry) => entry.id);
    await recordDeletions(run, "stranger", ids);
    strangers += ids.length;
  }
  return strangers;
}

/** The keys of documents that are not what their rows say. A row that changed meanwhile is the next run's. */
async function findEdited(run: MirrorRun, page: DocumentPage["entries"]): Promise<string[]> {
  const known = new Map(page.flatMap((entry) => (entry.ledger ? [[entry.ledger.key, entry] as const] : [])));
  const rows = await run.writer.readRows([...known.keys()]);
  return rows
    .filter((row) => {
      const entry = known.get(row.key);
      // None: SQL calls two keys equal that print differently, and the row's is one that changed to the other.
      if (row.hash !== entry?.ledger!.hash) return false;
      const document = run.writer.encode(row);
      // Values of Convex are equal as this has it: -0 is not 0, NaN is NaN, bytes are compared, the order of fields is not.
      return document !== null && !isDeepStrictEqual(document, entry.document);
    })
    .map(({ key }) => key);
}

function countEntries(run: MirrorRun): Promise<number> {
  return run.miscounted ? countLedger(run) : run.convex.countRows();
}

async function restoreMissing(run: MirrorRun): Promise<number> {
  const { context, convex, writer } = run;
  let restored = 0;
  let after: string | null = null;
  do {
    context.signal.throwIfAborted();
    const page = await convex.listMissing({ after, limit: PAGE_DOCUMENTS });
    await writer.mendRows(page.missing);
    restored += page.missing.length;
    after = page.after;
  } while (after !== null);
  return restored;
}
