import type { GenericSchema } from "convex/server";
import { refusal } from "./datahubSyncErrors.js";
import { countRows, ledgerAfter, type MirrorReader } from "./datahubSyncLedger.js";
import {
  LIMITS,
  PROTOCOL_VERSION,
  type HandshakeResult,
  type MirrorHandshake,
  type MirrorState,
} from "./datahubSyncProtocol.js";
import { findState } from "./datahubSyncRuns.js";

/** What the deployment knows of each table, for the fewest reads: at most one mirrored document a table. */
export async function handshake(
  db: MirrorReader,
  deployed: GenericSchema,
  tables: string[],
): Promise<HandshakeResult> {
  if (tables.length > LIMITS.handshakeTables) {
    throw refusal("BAD_REQUEST", `A handshake covers at most ${LIMITS.handshakeTables} tables.`);
  }
  const mirrors = await Promise.all(tables.map((table) => describe(db, deployed, table)));
  return { protocol: PROTOCOL_VERSION, mirrors };
}

async function describe(db: MirrorReader, deployed: GenericSchema, table: string): Promise<MirrorHandshake> {
  if (!Object.hasOwn(deployed, table)) {
    return {
      table,
      deployed: false,
      fields: null,
      state: null,
      rows: 0,
      ledgerSample: "empty",
      tableEmpty: true,
    };
  }
  const [state, rows, ledgerSample] = await Promise.all([
    readState(db, table),
    countRows(db, table),
    sampleLedger(db, table),
  ]);
  const tableEmpty = ledgerSample !== "present" && (await db.query(table).first()) === null;
  return { table, deployed: true, fields: fieldsOf(deployed, table), state, rows, ledgerSample, tableEmpty };
}

async function sampleLedger(db: MirrorReader, table: string): Promise<MirrorHandshake["ledgerSample"]> {
  const entry = await ledgerAfter(db, table, null).first();
  if (entry === null) return "empty";
  const id = db.normalizeId(table, entry.document);
  return id !== null && (await db.get(table, id)) !== null ? "present" : "missing";
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
