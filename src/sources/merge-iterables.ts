/**
 * Several iterables as one, in order of arrival. Each has at most one item waiting, so that a slow reader holds back all of
 * them. The first failure ends the whole; ending early ends every iterable.
 */
export async function* mergeIterables<T>(iterables: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = iterables.map((iterable) => iterable[Symbol.asyncIterator]());
  const pending = new Map<AsyncIterator<T>, Promise<{ from: AsyncIterator<T>; result: IteratorResult<T> }>>();
  const advance = (from: AsyncIterator<T>): void => {
    const next = from.next().then((result) => ({ from, result }));
    // Whoever fails while nobody waits is not unhandled: the race below sees it.
    next.catch(() => undefined);
    pending.set(from, next);
  };
  try {
    for (const iterator of iterators) advance(iterator);
    while (pending.size > 0) {
      const { from, result } = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(from);
        continue;
      }
      advance(from);
      yield result.value;
    }
  } finally {
    // Not awaited: an iterator ends only after the call it is in, and its owner aborts that.
    for (const iterator of pending.keys()) void iterator.return?.()?.catch(() => undefined);
  }
}
