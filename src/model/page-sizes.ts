/** How much is read at once, by its kind. */
export interface PageSizes {
  /** Rows read from Postgres at once. */
  pageRows: number;
  /** Keys listed at once. After each such page everything is acknowledged and the cursor is saved. */
  pageKeys: number;
  /** Entries of the ledger, keys with hashes, and deletions listed at once. */
  pageHashes: number;
}

/** A page of keys is small beside the rows that it names; who asks for fewer rows at once gets shorter pages too. */
export function pageSizes(pageRows: number): PageSizes {
  return { pageRows, pageKeys: Math.min(2_000, 4 * pageRows), pageHashes: Math.min(4_000, 8 * pageRows) };
}
