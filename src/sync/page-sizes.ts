import type { Settings } from "../model/config.js";
import { KEYS_PER_PAGE, LEDGER_PAGE } from "./run-context.js";

/** A page of keys is small beside the rows that it names; who asks for fewer rows at once gets shorter pages too. */
const KEYS_FOR_A_ROW = 4;
const HASHES_FOR_A_ROW = 8;

/** Keys listed at once. After each such page everything is acknowledged and the cursor is saved. */
export function keysPerPage({ pageRows }: Settings): number {
  return Math.min(KEYS_PER_PAGE, KEYS_FOR_A_ROW * pageRows);
}

/** Entries of the ledger, and keys with hashes, listed at once. */
export function hashesPerPage({ pageRows }: Settings): number {
  return Math.min(LEDGER_PAGE, HASHES_FOR_A_ROW * pageRows);
}
