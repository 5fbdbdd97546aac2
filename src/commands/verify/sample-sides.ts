import { sampleKeys } from "../../source/sample-rows.js";
import type { Database } from "../../postgres/database.js";
import type { Findings } from "./findings.js";
import { settle } from "./settle.js";
import type { VerifiedMirror } from "./verified-mirror.js";

/** Places of the ledger that are looked at, spread as the rows of the sample are. */
const PLACES = 20;

/** Keys that are looked at together. */
const AT_ONCE = 500;

/**
 * Rows at random, and entries of the ledger behind some of their keys: a row without a document is among the first, a document
 * without a row among the others.
 * @param wanted of each
 */
export async function sampleSides(
  mirror: VerifiedMirror,
  database: Database,
  wanted: number,
  findings: Findings,
): Promise<void> {
  const keys = new Set(await sampleKeys(database, mirror.source, wanted));
  const places = [null, ...[...keys].slice(0, Math.min(PLACES, wanted) - 1)];
  for (const after of places) {
    mirror.signal.throwIfAborted();
    const { entries } = await mirror.convex.listLedger({ after, limit: Math.ceil(wanted / places.length) });
    for (const { key } of entries) keys.add(key);
  }
  const all = [...keys];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    await settle(mirror, all.slice(from, from + AT_ONCE), findings);
    mirror.progress(Math.min(all.length, from + AT_ONCE));
  }
}
