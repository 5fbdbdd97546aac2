import { MAX_PAGE_BYTES } from "../model/page-sizes.js";
import type { SourceRow, TableReader } from "../source/table-reader.js";

export interface RowChunk {
  rows: SourceRow[];
  /** Keys that were asked for and that the relation does not hold (any more). */
  missing: string[];
}

/**
 * Reads the rows of these keys, cut by count and by bytes. Postgres counts values as they are stored, which may be
 * compressed; so what the rows came to so far counts, too.
 */
export async function* readChunks(
  reader: Pick<TableReader, "rows">,
  keys: readonly string[],
  { rows: maxRows, bytes: maxBytes = MAX_PAGE_BYTES }: { rows: number; bytes?: number },
  averageBytes: () => number,
): AsyncGenerator<RowChunk> {
  for (let from = 0; from < keys.length;) {
    const most = Math.max(1, Math.min(maxRows, Math.floor(maxBytes / averageBytes())));
    const wanted = keys.slice(from, from + most);
    const { rows, covered } = await reader.rows(wanted, maxBytes);
    const found = new Set(rows.map(({ key }) => key));
    yield { rows, missing: wanted.slice(0, covered).filter((key) => !found.has(key)) };
    from += covered;
  }
}
