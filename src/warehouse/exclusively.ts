const lastInLine = new Map<string, Promise<void>>();

/** Runs `work` when everybody of this process who asked for the same `key` before has finished; an aborted signal ends the waiting. */
export async function exclusively<T>(key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const before = lastInLine.get(key) ?? Promise.resolve();
  let leave = (): void => undefined;
  const mine = new Promise<void>((resolve) => (leave = resolve));
  const line = before.then(() => mine);
  lastInLine.set(key, line);
  try {
    await orAborted(before, signal);
    return await work();
  } finally {
    leave();
    if (lastInLine.get(key) === line) lastInLine.delete(key);
  }
}

async function orAborted(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return turn;
  signal.throwIfAborted();
  let stopWaiting = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (stopWaiting = resolve));
  signal.addEventListener('abort', stopWaiting, { once: true });
  await Promise.race([turn, aborted]);
  signal.removeEventListener('abort', stopWaiting);
  signal.throwIfAborted();
}
