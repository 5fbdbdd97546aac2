import type { AdoptResult, Adoption } from "./batchProtocol.js";
import { refusal } from "./errors.js";
import { addEntry, addRows, findByDocument, findByKey, type MirrorWriter } from "./ledger.js";
import { mirrorNumber } from "./mirrorNumber.js";
import { LIMITS } from "./protocol.js";
import { requireToken } from "./runs.js";

/**
 * Writes ledger entries for documents that are there, and no document: they keep their `_id`. Each is looked at again, since a
 * late duplicate of the call must not make two entries of one, or one for what is gone.
 */
export async function adoptDocuments(db: MirrorWriter, adoption: Adoption): Promise<AdoptResult> {
  const { table, slot, entries } = adoption;
  if (entries.length > LIMITS.batchRows)
    throw refusal("BAD_REQUEST", `At most ${LIMITS.batchRows} documents at once.`);
  await requireToken(db, adoption);
  let adopted = 0;
  for (const { id, key, hash } of entries) {
    const document = db.normalizeId(table, id);
    if (document === null || (await db.get(table, document)) === null) continue;
    if ((await findByDocument(db, document)) !== null || (await findByKey(db, table, key)) !== null) continue;
    await addEntry(db, { m: mirrorNumber(table), k: key, h: hash, d: document });
    adopted += 1;
  }
  await addRows(db, table, slot, adopted);
  return { adopted };
}
