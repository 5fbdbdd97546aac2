import { isDeepStrictEqual } from "node:util";
import type { DocumentPage } from "../../convex/datahubSync/pageProtocol.js";
import { decodeDocument, encodeRow, readDocument } from "../encode/encode-row.js";
import { planDocument, type DocumentPlan } from "../encode/plan-document.js";
import type { EncodedDocument } from "../model/encoding.js";
import type { MirrorSource } from "../model/mirror-source.js";
import type { Database } from "../postgres/database.js";
import type { MirrorSink } from "../sink/mirror-sink.js";
import { keysOfTexts } from "../source/key-of-texts.js";
import type { SourceRow, TableReader } from "../source/table-reader.js";
import type { MirrorRun } from "./mirror-run.js";
import { documentsAdopted } from "./notices.js";
import { readChunks } from "./read-chunks.js";
import { recordDeletions } from "./record-deletions.js";

/** What is asked of both sides about documents that nobody accounts for. */
export interface AdoptionSides {
  database: Database;
  source: MirrorSource;
  plan: DocumentPlan;
  reader: Pick<TableReader, "rows">;
  convex: Pick<MirrorSink, "lookupKeys">;
}

/** Documents of a page that the ledger does not know, by what they are. */
export interface Sorted {
  /** By key a row's: with its hash where they are equal, and one that no row has where they are not. */
  adoptable: { id: string; key: string; hash: string }[];
  equal: number;
  /** No row has their key. */
  withoutRow: string[];
  /** Another document has their key. */
  doubles: string[];
  /** Their fields are no key: a field is lacking, or of another type. */
  withoutKey: string[];
}

/** No row's content has this hash, so that the comparison sends the row. */
const UNEQUAL = "";

const CHUNK_ROWS = 500;
const ASSUMED_ROW_BYTES = 1_000;

/** @param taken keys that documents of earlier pages have; those of this one are added */
export async function sortUnknown(
  { database, source, plan, reader, convex }: AdoptionSides,
  page: DocumentPage["entries"],
  taken: Set<string>,
): Promise<Sorted> {
  const sorted: Sorted = { adoptable: [], equal: 0, withoutRow: [], doubles: [], withoutKey: [] };
  const unknown = page.filter(({ ledger }) => ledger === null);
  const texts = unknown.map(({ document }) => keyTexts(plan, source, document as EncodedDocument));
  const readable = unknown.flatMap((entry, place) =>
    texts[place] ? [{ ...entry, texts: texts[place] }] : [],
  );
  sorted.withoutKey.push(...unknown.filter((_, place) => texts[place] === null).map(({ id }) => id));
  const keys = await keysOfTexts(
    database,
    source,
    readable.map((entry) => entry.texts),
  );
  const known = keys.filter((key) => key !== null);
  const ledger = await convex.lookupKeys(known);
  const rows = await readRows(reader, known);
  readable.forEach(({ id, document }, place) => {
    const key = keys[place] ?? null;
    if (key === null) return sorted.withoutKey.push(id);
    if (ledger.has(key) || taken.has(key)) return sorted.doubles.push(id);
    const row = rows.get(key);
    if (row === undefined) return sorted.withoutRow.push(id);
    taken.add(key);
    const isEqual = isRow(plan, row, document);
    if (isEqual) sorted.equal += 1;
    return sorted.adoptable.push({ id, key, hash: isEqual ? row.hash : UNEQUAL });
  });
  return sorted;
}

async function readRows(
  reader: AdoptionSides["reader"],
  keys: readonly string[],
): Promise<Map<string, SourceRow>> {
  const rows = new Map<string, SourceRow>();
  for await (const chunk of readChunks(
    reader,
    [...new Set(keys)],
    { rows: CHUNK_ROWS },
    () => ASSUMED_ROW_BYTES,
  ))
    for (const row of chunk.rows) rows.set(row.key, row);
  return rows;
}

function isRow(plan: DocumentPlan, row: SourceRow, document: unknown): boolean {
  const encoded = encodeRow(plan, row.texts);
  return encoded.ok && isDeepStrictEqual(readDocument(encoded.json), document);
}

/** Null where a field is lacking, or is nothing that the column becomes. */
function keyTexts(
  plan: DocumentPlan,
  { keyColumns }: MirrorSource,
  document: EncodedDocument,
): string[] | null {
  const columns = keyColumns.map(({ name }) => plan.columns.find((column) => column.name === name));
  if (columns.some((column) => column === undefined || document[column.field] == null)) return null;
  try {
    const texts = decodeDocument({ ...plan, columns: columns as DocumentPlan["columns"] }, document);
    return texts.every((text) => typeof text === "string") ? texts : null;
  } catch {
    return null;
  }
}

/**
 * Documents that were there before become the mirror's where a row has their key; the others are written down, and stay until
 * somebody allows their deletion. The comparison that follows sends the rows of those that are not equal.
 */
export async function adoptStrangers(run: MirrorRun): Promise<void> {
  const { context, source, reader, convex } = run;
  const { database, sink, lease, signal, deadlineAt } = context;
  const sides: AdoptionSides = {
    database,
    source,
    plan: planDocument(source.columns, source.name),
    reader,
    convex,
  };
  const { epoch, nonce } = lease;
  const token = { table: source.name, epoch, nonce, fence: 0n };
  let [adopted, equal, left] = [0, 0, 0];
  // By now the ledger has the keys of earlier pages.
  for await (const page of convex.documents(signal, context.settings.pageBytes)) {
    const sorted = await sortUnknown(sides, page, new Set());
    const others = [...sorted.withoutRow, ...sorted.doubles, ...sorted.withoutKey];
    await recordDeletions(run, "stranger", others);
    if (sorted.adoptable.length > 0)
      adopted += await sink.adopt(token, sorted.adoptable, { signal, deadlineAt });
    equal += sorted.equal;
    left += others.length;
  }
  // Those that an earlier run had written down, and that have a row by now, wait no longer.
  await run.effects.confirmDeletions(run, "stranger");
  run.documentsBefore += adopted;
  if (adopted + left > 0) run.notices.push(documentsAdopted(adopted, equal, left));
}
