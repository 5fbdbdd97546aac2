/** Uniform numbers in [0, 1): the same sequence for the same seed (Mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 16 bytes for a document's id: from the seed where one is given, else from the system. */
export function internalIdSource(seed: number | undefined): () => Uint8Array {
  if (seed === undefined) return systemIds();
  const random = seededRandom(seed);
  return () => Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256));
}

/** The system is asked for many at once: each request costs as much as writing a small document. */
function systemIds(): () => Uint8Array {
  const pool = new Uint8Array(16 * 256);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      crypto.getRandomValues(pool);
      next = 0;
    }
    next += 16;
    return pool.slice(next - 16, next);
  };
}
