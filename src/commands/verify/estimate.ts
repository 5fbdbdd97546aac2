import { LIMITS } from "../../../convex/datahubSync/protocol.js";
import type { VerifyEstimate } from "../../model/verify-report.js";
import { PAGE_BYTES, PAGE_DOCUMENTS } from "../../sink/mirror-sink.js";
import { ledgerReadBytes } from "../../sink/storage-estimate.js";
import type { MirrorState } from "../mirror-states.js";

/**
 * What looking at these mirrors costs in Convex, about: each document is read once, and its entry in the ledger twice, by
 * document and by key.
 * @param sample how many rows of each are looked at; null: all
 */
export function estimateCost(states: readonly MirrorState[], sample: number | null): VerifyEstimate {
  let [documents, calls, bytesRead] = [0, 1, 0];
  let isKnown = true;
  for (const { handshake, memory } of states) {
    const rows = sample === null ? handshake.rows : Math.min(handshake.rows, 2 * sample);
    const sizes = memory.record?.sizes ?? null;
    documents += rows;
    if (rows === 0) continue;
    if (sizes === null) {
      isKnown = false;
      continue;
    }
    const pages = Math.max(rows / PAGE_DOCUMENTS, (rows * sizes.documentBytes) / PAGE_BYTES);
    calls += Math.ceil(pages) + Math.ceil(rows / LIMITS.lookupKeys);
    bytesRead += rows * sizes.documentBytes + 2 * ledgerReadBytes(rows, sizes.keyBytes);
  }
  return { documents, calls, bytesRead: isKnown ? Math.round(bytesRead) : null };
}
