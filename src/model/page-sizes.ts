/** How much is read at once, by its kind. */
export interface PageSizes {
  /** Rows read from Postgres at once. */
  pageRows: number;
  /** Keys listed at once. After each such page everything is acknowledged and the cursor is saved. */
  pageKeys: number;
  /** Entries of the ledger, keys with hashes, and deletions listed at once. */
  pageHashes: number;
  /** Bytes of rows that are read at once: they are in memory twice, as text and as documents. */
  pageBytes: number;
}

export const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/**
 * A page of keys is small beside the rows that it names; who asks for fewer rows at once gets shorter pages too.
 * @param parallel tables that are read at the same time: all of them together take the memory of one
 */
export function pageSizes(pageRows: number, parallel = 1): PageSizes {
  const each = (most: number) => Math.max(1, Math.ceil(most / parallel));
  return {
    pageRows: each(pageRows),
    pageKeys: each(Math.min(2_000, 4 * pageRows)),
    pageHashes: each(Math.min(4_000, 8 * pageRows)),
    pageBytes: each(MAX_PAGE_BYTES),
  };
}
