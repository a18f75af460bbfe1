import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MillraceError, isMillraceError } from '../errors.js';
import { deliveredBody } from './bodies.js';
import { fileSystemError } from './file-system-errors.js';
import type { ObjectStore } from './object-store.js';

/** A name for a local copy: unique, and with the object's own ending, from which engines guess the format. */
export function scratchPath(scratchDir: string, key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1).replace(/[^A-Za-z0-9._-]/g, '_').slice(-100);
  return join(scratchDir, `${randomUUID()}-${name}`);
}

/** Writes a body to a new file in the scratch folder; a body that breaks leaves no file. */
export async function download(body: Readable, scratchDir: string, key: string): Promise<string> {
  const file = scratchPath(scratchDir, key);
  try {
    await mkdir(scratchDir, { recursive: true });
    await pipeline(body, createWriteStream(file, { flags: 'wx' }));
    return file;
  } catch (error) {
    body.destroy();
    await rm(file, { force: true });
    throw isFileSystemError(error) ? fileSystemError(error, `Copying the object ${key} to the scratch folder`) : error;
  }
}

export interface Upload {
  handle: FileHandle;
  bytes: number;
  /** The content; closes the handle at its end. */
  body(): Readable;
}

/** Opens a caller's file for `putFile`. */
export async function openUpload(file: string): Promise<Upload> {
  try {
    const handle = await open(file, 'r');
    const stats = await handle.stat();
    const translate = (error: unknown): Error => fileSystemError(error, `Reading the file ${file}`);
    if (stats.isFile()) return { handle, bytes: stats.size, body: () => deliveredBody(handle.createReadStream(), { translate }) };
    await handle.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileSystemError(error, `Reading the file ${file}`);
  }
  throw new MillraceError('BAD_PARAMS', `There is no file ${file} to put into the object store.`);
}

/** The end of a `putFile` that moves. */
export async function removeUpload(file: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (error) {
    throw fileSystemError(error, `Removing the file ${file}, which is in the object store now,`);
  }
}

/** Writes, reads and deletes a small object; throws when one of them fails. */
export async function assertRoundTrip(store: ObjectStore): Promise<void> {
  const key = `.millrace-check/${randomUUID()}`;
  const { etag } = await store.put(key, 'millrace', { ifAbsent: true });
  try {
    const { body } = await store.get(key, { ifMatch: etag });
    for await (const chunk of body) void chunk;
  } finally {
    await store.delete(key);
  }
}

function isFileSystemError(error: unknown): boolean {
  return !isMillraceError(error) && typeof (error as NodeJS.ErrnoException | undefined)?.syscall === 'string';
}
