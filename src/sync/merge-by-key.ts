import { SyncError } from "../model/errors.js";
import { compareKeys } from "../source/key-text.js";

/** A key of either listing, with what each says of it. */
export interface Pair<Left, Right> {
  key: string;
  left: Left | null;
  right: Right | null;
}

/**
 * Walks two listings side by side, both in the order of the keys' UTF-8 bytes. A listing in another order would make
 * rows look gone, so it is checked, not trusted. Both listings are closed when the walk ends, however it ends.
 * @throws SyncError NO_KEY when a listing has a key twice, INTERNAL when it is not in order
 */
export async function* mergeByKey<Left extends { key: string }, Right extends { key: string }>(
  lefts: AsyncIterable<Left>,
  rights: AsyncIterable<Right>,
): AsyncGenerator<Pair<Left, Right>> {
  const left = inOrder(lefts, "Postgres");
  const right = inOrder(rights, "Convex");
  try {
    let a = await next(left);
    let b = await next(right);
    while (a !== null || b !== null) {
      const order = a === null ? 1 : b === null ? -1 : compareKeys(a.key, b.key);
      yield { key: (order <= 0 ? a : b)!.key, left: order <= 0 ? a : null, right: order >= 0 ? b : null };
      if (order <= 0) a = await next(left);
      if (order >= 0) b = await next(right);
    }
  } finally {
    await Promise.all([left.return(null), right.return(null)]);
  }
}

async function next<T>(iterator: AsyncIterator<T>): Promise<T | null> {
  const result = await iterator.next();
  return result.done ? null : result.value;
}

async function* inOrder<T extends { key: string }>(items: AsyncIterable<T>, side: string): AsyncGenerator<T> {
  let previous: string | null = null;
  for await (const item of items) {
    if (previous === item.key) {
      throw new SyncError({
        code: "NO_KEY",
        message: `${side} listed a key twice, so it does not tell the rows apart.`,
        remedy: "A view has to show each row of its base table at most once. Nothing was deleted.",
      });
    }
    if (previous !== null && compareKeys(previous, item.key) >= 0) {
      throw new SyncError({
        code: "INTERNAL",
        message: `${side} listed its keys out of order, so the two sides cannot be compared.`,
        remedy:
          "This is a bug: please report it with the table's key columns and their types. Nothing was deleted.",
      });
    }
    previous = item.key;
    yield item;
  }
}
