/** Below both of these a mirror may shrink without asking (invariant 8). */
const MAX_DOCUMENTS = 10;
const MAX_SHARE = 0.1;

export interface Shrinkage {
  /** Documents in the mirror when the run began. */
  documentsBefore: number;
  /** New rows. A document that was restored is none: its row is among those of before. */
  inserted: number;
  /** Deletions that are due. */
  deletions: number;
}

/**
 * Whether the deletions have to wait for somebody to allow them: the mirror would shrink by more than 10 documents
 * and by more than 10 %. An empty but successful listing must not empty a mirror; as many new rows as went are no
 * shrinkage.
 */
export function holdsBack({ documentsBefore, inserted, deletions }: Shrinkage): boolean {
  const shrinkage = deletions - inserted;
  return shrinkage > MAX_DOCUMENTS && shrinkage > MAX_SHARE * documentsBefore;
}
