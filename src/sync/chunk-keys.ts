import type { KeySize } from "../source/table-reader.js";

/** Rows of a chunk are in memory together, twice: as text and as documents. */
const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Cuts a page of keys into chunks to read at once, by count and by bytes. The sizes are those of the stored values,
 * which may be compressed, or unknown (0), so the average of the rows read so far counts where it is larger.
 */
export function* chunkKeys(
  keys: readonly KeySize[],
  maxRows: number,
  averageBytes: () => number,
): Generator<KeySize[]> {
  let chunk: KeySize[] = [];
  let bytes = 0;
  for (const key of keys) {
    const size = Math.max(key.bytes, averageBytes());
    if (chunk.length > 0 && (chunk.length >= maxRows || bytes + size > MAX_CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(key);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
