/** Asks for the next item while the last one is being worked on: one item more in memory, and no waiting in turns. */
export async function* readAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (let result = await next; !result.done; result = await next) {
      next = iterator.next();
      next.catch(() => {}); // it is awaited above, unless the work on this item fails first
      yield result.value;
    }
  } finally {
    // What was asked for is let finish, so that nothing goes on behind the caller's back.
    await next.catch(() => {});
    await iterator.return?.();
  }
}

/** The same, with the first item asked for at once. */
export function startReading<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = readAhead(items);
  const first = iterator.next();
  first.catch(() => {}); // whoever takes the items hears of it
  return (async function* () {
    try {
      for (let result = await first; !result.done; result = await iterator.next()) yield result.value;
    } finally {
      await iterator.return(undefined);
    }
  })();
}
