import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, rm, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAbsence } from './file-system-errors.js';

/** Below the root, on the same file system as the objects, and never listed. */
export const WORK_FOLDER = '.millrace-tmp';

const DAY_MS = 86_400_000;

export function etagOf(stats: BigIntStats): string {
  return [stats.size, stats.mtimeNs, stats.ino].map((part) => part.toString(16)).join('-');
}

let lastStamp = 0;

/**
 * A modification time in microseconds that no other put of this process has: a replacement of the same size in the same
 * clock tick can be given the inode of its predecessor's predecessor, and would else have its etag too.
 */
function nextStamp(): number {
  lastStamp = Math.max(lastStamp + 1, Date.now() * 1000 + Math.floor(Math.random() * 1000));
  return lastStamp;
}

/** Makes a written file ready to become an object: its own modification time, and its bytes on the disk. */
async function seal(handle: FileHandle): Promise<void> {
  // Half a microsecond more, so that the conversion of the fraction never rounds down to the number before.
  const seconds = (nextStamp() + 0.5) / 1_000_000;
  await handle.utimes(seconds, seconds);
  await handle.sync();
}

/** Writes a new file in the work folder and seals it; on failure nothing is left. */
export async function writeTemporary(root: string, content: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
  const folder = join(root, WORK_FOLDER);
  await mkdir(folder, { recursive: true });
  const file = join(folder, randomUUID());
  const handle = await open(file, 'wx');
  try {
    if (content instanceof Uint8Array) await handle.writeFile(content);
    else for await (const block of content) await handle.writeFile(block);
    await seal(handle);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return file;
}

/**
 * Gives a caller's file a second name in the work folder, sealed. `undefined` where that cannot be: another file system,
 * or a file that has more names already, one of which may be an object that must keep its etag.
 */
export async function adoptFile(root: string, file: string, handle: FileHandle): Promise<string | undefined> {
  const stats = await lstat(file);
  if (!stats.isFile() || stats.nlink !== 1) return undefined;
  const adopted = join(root, WORK_FOLDER, randomUUID());
  try {
    await mkdir(dirname(adopted), { recursive: true });
    await link(file, adopted);
    await seal(handle);
    return adopted;
  } catch {
    await rm(adopted, { force: true });
    return undefined;
  }
}

/** The file was to be placed only where there was none. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
}

/** A folder may be removed as empty between its making and the rename: then it is made again. */
const PLACE_ATTEMPTS = 10;

/** Renames a temporary file to its final name, safe from a power cut. */
export async function placeFile(file: string, target: string, onlyIfAbsent: boolean): Promise<BigIntStats> {
  const folder = dirname(target);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeFolder(folder);
      if (onlyIfAbsent) await linkOrRename(file, target);
      else await rename(file, target);
      break;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' && onlyIfAbsent && (await stat(target).catch(() => undefined))?.isFile()) throw new NameTaken();
      if (code !== 'ENOENT' || attempt === PLACE_ATTEMPTS) throw error;
    }
  }
  await syncFolder(folder);
  return stat(target, { bigint: true });
}

/** A link is refused when the name is taken, also by a program that knows nothing of our locks; a rename would replace what has it. */
async function linkOrRename(file: string, target: string): Promise<void> {
  try {
    await link(file, target);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    // A file system without links: the caller's lock has to do.
    return rename(file, target);
  }
  await unlink(file);
}

/** Removes what killed processes have left: a file in the work folder that nobody has written to for a day. */
export async function sweepTemporaries(root: string): Promise<void> {
  const folder = join(root, WORK_FOLDER);
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    const stats = await stat(file).catch(() => undefined);
    if (stats?.isFile() && Date.now() - stats.mtimeMs > DAY_MS) await rm(file, { force: true }).catch(() => {});
  }
}

/** Creates the folder and those above it; their names are on the disk when this returns. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** A renamed file is safe from a power cut only once its folder has been written too. */
async function syncFolder(folder: string): Promise<void> {
  // Windows has no such call for folders.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes the folders that a deletion has left empty, so that their names are free for objects again. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let at = folder; at.length > root.length; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch (error) {
      // Not empty, or not ours to remove: either way it stays. Gone already: so may those above it.
      if (!isAbsence(error)) return;
    }
  }
}
