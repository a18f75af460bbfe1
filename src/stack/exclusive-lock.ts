import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { identifyProcess, isRunning, processRefSchema, type ProcessRef } from './process-identity.js';

export interface ExclusiveLock {
  release(): Promise<void>;
}

export type LockAttempt = { kind: 'acquired'; lock: ExclusiveLock } | { kind: 'held'; by: ProcessRef };

const recordSchema = z.object({ owner: processRefSchema, released: z.boolean() });

/**
 * A lock that one process of this machine holds, and that a dead process holds no longer.
 *
 * The lock is the file `<name>.<number>` with the highest number. A number is taken by `link`, which succeeds for one only;
 * whoever finds the highest one released, corrupt or its owner dead tries the next number. No file is ever taken over or
 * emptied in place, so that two processes that find the same stale lock cannot both get it.
 */
export async function tryLock(folder: string, name: string): Promise<LockAttempt> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const owner = await identifyProcess(process.pid);
  if (owner === undefined) throw new Error('the operating system does not tell about this very process');

  for (;;) {
    const last = await highest(folder, name);
    const holder = last === 0 ? undefined : await liveHolder(lockFile(folder, name, last));
    if (holder !== undefined) return { kind: 'held', by: holder };

    const number = last + 1;
    if (!(await take(folder, name, number, owner))) continue;
    // A folder that changes while it is read may hide an entry: then somebody was ahead of us.
    if ((await highest(folder, name)) > number) {
      await rm(lockFile(folder, name, number), { force: true });
      continue;
    }
    await removeOlder(folder, name, number);
    return {
      kind: 'acquired',
      // The file stays, so that its number is not given out again to somebody who has read the folder before.
      lock: { release: () => replace(lockFile(folder, name, number), JSON.stringify({ owner, released: true })) },
    };
  }
}

function lockFile(folder: string, name: string, number: number): string {
  return join(folder, `${name}.${number}`);
}

async function numbers(folder: string, name: string): Promise<number[]> {
  const entries = await readdir(folder);
  return entries.filter((entry) => entry.startsWith(`${name}.`) && /^\d+$/.test(entry.slice(name.length + 1))).map((entry) => Number(entry.slice(name.length + 1)));
}

async function highest(folder: string, name: string): Promise<number> {
  return Math.max(0, ...(await numbers(folder, name)));
}

async function liveHolder(file: string): Promise<ProcessRef | undefined> {
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return !record.released && (await isRunning(record.owner)) ? record.owner : undefined;
  } catch {
    return undefined;
  }
}

/** The file appears whole or not at all. */
async function take(folder: string, name: string, number: number, owner: ProcessRef): Promise<boolean> {
  const draft = join(folder, `${name}.draft-${randomUUID()}`);
  await writeFile(draft, JSON.stringify({ owner, released: false }), { mode: 0o600 });
  try {
    await link(draft, lockFile(folder, name, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

async function removeOlder(folder: string, name: string, number: number): Promise<void> {
  for (const older of await numbers(folder, name)) {
    if (older < number) await rm(lockFile(folder, name, older), { force: true });
  }
}

async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}-${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, file);
}
