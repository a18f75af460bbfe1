import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '../errors.js';

/** Locks are held for a look and a rename: milliseconds. One of this age belongs to a process that is gone or was frozen. */
const STALE_MS = 30_000;
const WAIT_MS = 60_000;

/** Tells this process's locks from those of a predecessor with the same number (in containers it is often 1). */
const SELF = { host: hostname(), pid: process.pid, token: randomUUID() };
type Holder = typeof SELF;

/** Tails of the queues within this process; the lock files are for the other processes. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `work` while nobody else who asks, in this process or another one on the same folder, works on the key. A lock
 * whose holder has died is taken over at once on the same machine, and after 30 s where that cannot be known.
 */
export async function withKeyLock<T>(folder: string, key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const path = join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.lock`);
  return inTurn(path, signal, async () => {
    await acquire(path, folder, key, signal);
    try {
      return await work();
    } finally {
      await release(path);
    }
  });
}

async function inTurn<T>(name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const before = queues.get(name) ?? Promise.resolve();
  const turn = unlessAborted(before, signal).then(work);
  // One that gives up must not let its successors overtake those before it.
  const settled: Promise<unknown> = Promise.allSettled([before, turn]).finally(() => {
    if (queues.get(name) === settled) queues.delete(name);
  });
  queues.set(name, settled);
  return turn;
}

async function unlessAborted(waiting: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal?.reason as Error);
  });
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([waiting, aborted]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function acquire(path: string, folder: string, key: string, signal: AbortSignal | undefined): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    signal?.throwIfAborted();
    if (await tryAcquire(path, folder)) return;
    if (await removeStale(path)) continue;
    if (Date.now() > deadline) {
      throw new MillraceError('STORE_UNAVAILABLE', `Other processes have held the lock of the object ${key} for ${WAIT_MS / 1000} s.`);
    }
    await delay(2 + Math.random() * 20);
  }
}

async function tryAcquire(path: string, folder: string): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(SELF), { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT') {
      await mkdir(folder, { recursive: true });
      return false;
    }
    // The file may have been made and its content may have found a full disk.
    if (code === 'ENOSPC' || code === 'EDQUOT') await rm(path, { force: true });
    throw error;
  }
}

async function release(path: string): Promise<void> {
  // It is somebody else's by now if this process was frozen for long.
  if ((await readHolder(path))?.token === SELF.token) await rm(path, { force: true });
}

/** True when it is worth another try. */
async function removeStale(path: string): Promise<boolean> {
  try {
    const seen = await stat(path, { bigint: true });
    const ageMs = Date.now() - Number(seen.mtimeMs);
    if (ageMs < STALE_MS && !hasDied(await readHolder(path))) return false;
    const aside = `${path}.${randomUUID()}`;
    await rename(path, aside);
    const moved = await stat(aside, { bigint: true });
    const isTheStaleOne = moved.ino === seen.ino && moved.mtimeNs === seen.mtimeNs;
    // Another process was faster and this is its new lock: it gets it back.
    if (!isTheStaleOne) await link(aside, path).catch(() => {});
    await rm(aside, { force: true });
    return isTheStaleOne;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    // Gone, or written only in part: then its age decides.
    return undefined;
  }
}

function hasDied(holder: Holder | undefined): boolean {
  if (holder?.host !== SELF.host || holder.pid === SELF.pid) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
