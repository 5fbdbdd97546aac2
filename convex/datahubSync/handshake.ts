import type { GenericSchema } from "convex/server";
import { getDocumentSize } from "convex/values";
import { refusal } from "./errors.js";
import { indexesOf } from "./indexKeys.js";
import { countRows, ledgerAfter, noteListed, type LedgerEntry, type MirrorReader } from "./ledger.js";
import { LIMITS, PROTOCOL_VERSION } from "./protocol.js";
import type { Handshake, HandshakeResult, MirrorHandshake, MirrorState } from "./stateProtocol.js";
import { findState } from "./runs.js";

/** Documents that are sampled together: 8 MiB at most, where a transaction reads 16. */
const SAMPLED_AT_ONCE = 8;

/** Bytes of sampled documents after which the others are left to the next handshake: each is metered as a whole. */
const SAMPLE_BYTES = 256 * 1024;

/** What the deployment knows of each table, for few reads: a state, counts and a ledger entry, and some documents. */
export async function handshake(
  db: MirrorReader,
  deployed: GenericSchema,
  { tables, sampleFrom }: Handshake,
): Promise<HandshakeResult> {
  if (tables.length > LIMITS.mirrors) {
    throw refusal("BAD_REQUEST", `A handshake covers at most ${LIMITS.mirrors} tables.`);
  }
  const entries = await Promise.all(
    tables.map(async (table) => (Object.hasOwn(deployed, table) ? await firstEntry(db, table) : null)),
  );
  const samples = await sampleDocuments(db, tables, entries, sampleFrom);
  const mirrors = await Promise.all(
    tables.map((table, place) => describe(db, deployed, table, samples[place]!)),
  );
  return { protocol: PROTOCOL_VERSION, mirrors };
}

async function firstEntry(db: MirrorReader, table: string): Promise<LedgerEntry | null> {
  const entry = await ledgerAfter(db, table, null).first();
  if (entry !== null) noteListed(db, entry);
  return entry;
}

type Sample = MirrorHandshake["ledgerSample"];

/** Looks for the documents of these entries, beginning at a place of its own each time, until enough was read. */
async function sampleDocuments(
  db: MirrorReader,
  tables: string[],
  entries: (LedgerEntry | null)[],
  sampleFrom: number,
): Promise<Sample[]> {
  const samples: Sample[] = entries.map((entry) => (entry === null ? "empty" : "unread"));
  const places = entries.flatMap((entry, place) => (entry === null ? [] : [place]));
  const start = places.findIndex((place) => place >= sampleFrom);
  const inOrder = start <= 0 ? places : [...places.slice(start), ...places.slice(0, start)];
  for (let at = 0, bytes = 0; at < inOrder.length && bytes < SAMPLE_BYTES; at += SAMPLED_AT_ONCE) {
    await Promise.all(
      inOrder.slice(at, at + SAMPLED_AT_ONCE).map(async (place) => {
        const id = db.normalizeId(tables[place]!, entries[place]!.d);
        const document = id === null ? null : await db.get(tables[place]!, id);
        samples[place] = document === null ? "missing" : "present";
        if (document !== null) bytes += getDocumentSize(document);
      }),
    );
  }
  return samples;
}

async function describe(
  db: MirrorReader,
  deployed: GenericSchema,
  table: string,
  ledgerSample: Sample,
): Promise<MirrorHandshake> {
  if (!Object.hasOwn(deployed, table)) {
    const nothing = { fields: null, indexes: [], state: null, rows: 0, tableEmpty: true };
    return { table, deployed: false, ...nothing, ledgerSample: "empty" };
  }
  const [state, rows] = await Promise.all([readState(db, table), countRows(db, table)]);
  const looksEmpty = ledgerSample === "empty" || ledgerSample === "missing";
  const tableEmpty = looksEmpty && (await db.query(table).first()) === null;
  const definition = { fields: fieldsOf(deployed, table), indexes: indexesOf(deployed[table]!) };
  return { table, deployed: true, ...definition, state, rows, ledgerSample, tableEmpty };
}

async function readState(db: MirrorReader, table: string): Promise<MirrorState | null> {
  const document = await findState(db, table);
  if (document === null) return null;
  const { _id, _creationTime, ...state } = document;
  return state;
}

/** Null for a table that takes any document. */
function fieldsOf(deployed: GenericSchema, table: string): string[] | null {
  const validator = deployed[table]?.validator;
  return validator?.kind === "object" ? Object.keys(validator.fields) : null;
}
