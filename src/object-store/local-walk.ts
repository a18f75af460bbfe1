import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence } from './file-system-errors.js';
import { WORK_FOLDER } from './local-files.js';

export interface FoundFile {
  key: string;
  stats: BigIntStats;
}

/**
 * Every file below the root whose key starts with `prefix`, ascending by the key's UTF-8 bytes. Links to files count as
 * files; links to folders are not followed, since they may lead in circles or out of the store.
 */
export async function* walkFiles(root: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<FoundFile> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  if (isReserved(folder)) return;
  yield* walkFolder(root, folder, prefix, signal);
}

/** Keys below the work folder; without regard to case, as some file systems. */
export function isReserved(key: string): boolean {
  return key.split('/', 1)[0]?.toLowerCase() === WORK_FOLDER;
}

async function* walkFolder(root: string, folder: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<FoundFile> {
  for (const { key, isFolder } of await entriesOf(root, folder)) {
    signal?.throwIfAborted();
    if (isReserved(key) || !key.startsWith(prefix)) continue;
    if (isFolder) {
      yield* walkFolder(root, key, prefix, signal);
    } else {
      const stats = await statOrNothing(join(root, key));
      if (stats?.isFile()) yield { key, stats };
    }
  }
}

/** A folder's key ends with `/`, which is what its objects have there: `a-b` comes before `a/c`, and `a/c` before `a0`. */
async function entriesOf(root: string, folder: string): Promise<{ key: string; isFolder: boolean }[]> {
  try {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    return entries
      .map((entry) => ({ key: `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`, isFolder: entry.isDirectory() }))
      .map((entry) => ({ ...entry, bytes: Buffer.from(entry.key) }))
      .toSorted((a, b) => a.bytes.compare(b.bytes));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

/** `undefined` for what was deleted since its folder was read. */
async function statOrNothing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
