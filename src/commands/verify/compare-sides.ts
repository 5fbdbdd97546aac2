import type { DocumentPage } from "../../../convex/datahubSync/pageProtocol.js";
import { PAGE_DOCUMENTS } from "../../sink/mirror-sink.js";
import { findPendingDeletions } from "../../state/pending-deletions.js";
import { readAhead } from "../../sync/read-ahead.js";
import { readChunks } from "../../sync/read-chunks.js";
import { compareRow } from "./compare-row.js";
import type { Findings } from "./findings.js";
import { settle } from "./settle.js";
import type { VerifiedMirror } from "./verified-mirror.js";

/** Keys that are looked at again together. */
const SETTLED_AT_ONCE = 500;

/**
 * Reads all of both sides: each document with its row, then each row's key with the ledger. What is not equal at first sight
 * is looked at again.
 */
export async function compareSides(
  mirror: VerifiedMirror,
  rowsInMirror: number,
  findings: Findings,
): Promise<void> {
  const doubts = new Doubts(mirror, findings);
  const known = await compareDocuments(mirror, findings, doubts);
  const listed = await lookKeysUp(mirror, doubts);
  // Where the ledger has more entries than there are documents, some are gone: which, it has to be asked for.
  if (known < Math.max(listed, rowsInMirror)) await findGone(mirror, doubts);
  await doubts.settleAll();
}

/** Keys to be looked at again, a bounded number of them at a time. A key that several looks doubt is one. */
class Doubts {
  #keys = new Set<string>();

  constructor(
    private readonly mirror: VerifiedMirror,
    private readonly findings: Findings,
  ) {}

  async add(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#keys.add(key);
    if (this.#keys.size >= SETTLED_AT_ONCE) await this.settleAll();
  }

  async settleAll(): Promise<void> {
    const keys = [...this.#keys];
    this.#keys = new Set();
    for (let from = 0; from < keys.length; from += SETTLED_AT_ONCE)
      await settle(this.mirror, keys.slice(from, from + SETTLED_AT_ONCE), this.findings);
  }
}

/** @returns how many documents the ledger accounts for */
async function compareDocuments(mirror: VerifiedMirror, findings: Findings, doubts: Doubts): Promise<number> {
  let known = 0;
  let seen = 0;
  let averageBytes = 1_000;
  for await (const page of readAhead(mirror.convex.documents(mirror.signal))) {
    const held = new Map(
      page.flatMap(({ ledger, document }) =>
        ledger ? [[ledger.key, { hash: ledger.hash, document }] as const] : [],
      ),
    );
    known += held.size;
    seen += page.length;
    await countUnknown(mirror, page, findings);
    for await (const { rows, missing } of readChunks(
      mirror.reader,
      [...held.keys()],
      { rows: mirror.pageRows },
      () => averageBytes,
    )) {
      const unequal = rows.filter((row) => {
        const document = held.get(row.key);
        return document === undefined || compareRow(mirror.plan, row, document).kind !== "equal";
      });
      findings.count("equal", rows.length - unequal.length);
      await doubts.add([...missing, ...unequal.map(({ key }) => key)]);
      averageBytes = meanBytes(rows, averageBytes);
    }
    mirror.progress(seen);
  }
  return known;
}

function meanBytes(rows: readonly { texts: readonly (string | null)[] }[], before: number): number {
  if (rows.length === 0) return before;
  const bytes = rows.reduce(
    (sum, { texts }) => sum + texts.reduce((all, text) => all + (text?.length ?? 0), 0),
    0,
  );
  return Math.max(1, bytes / rows.length);
}

/** Documents that the sync has not written, but for those that wait for somebody to decide about them. */
async function countUnknown(
  mirror: VerifiedMirror,
  page: DocumentPage["entries"],
  findings: Findings,
): Promise<void> {
  const ids = page.filter(({ ledger }) => ledger === null).map(({ id }) => id);
  if (ids.length === 0) return;
  const waiting = new Set([
    ...(await findPendingDeletions(mirror.stored, "stranger", ids)),
    ...(await findPendingDeletions(mirror.stored, "document", ids)),
  ]);
  findings.count("heldBack", waiting.size);
  for (const id of ids) if (!waiting.has(id)) findings.add("unknown", id);
}

/** @returns how many keys of rows the ledger has */
async function lookKeysUp(mirror: VerifiedMirror, doubts: Doubts): Promise<number> {
  let listed = 0;
  for await (const keys of readAhead(listKeys(mirror))) {
    const ledger = await mirror.convex.lookupKeys(keys);
    listed += ledger.size;
    await doubts.add(keys.filter((key) => !ledger.has(key)));
  }
  return listed;
}

async function* listKeys({ reader, pageKeys, signal }: VerifiedMirror): AsyncGenerator<string[]> {
  let after: string | null = null;
  for (;;) {
    signal.throwIfAborted();
    const keys: string[] = await reader.allKeys(after, pageKeys);
    yield keys;
    if (keys.length < pageKeys) return;
    after = keys.at(-1)!;
  }
}

/** Entries of the ledger whose documents are gone. */
async function findGone({ convex, signal }: VerifiedMirror, doubts: Doubts): Promise<void> {
  let after: string | null = null;
  do {
    signal.throwIfAborted();
    const page = await convex.listMissing({ after, limit: PAGE_DOCUMENTS });
    await doubts.add(page.missing);
    after = page.after;
  } while (after !== null);
}
