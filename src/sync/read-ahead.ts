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
