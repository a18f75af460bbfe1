import type { BigIntStats } from 'node:fs';
import { link, mkdir, open, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MillraceError } from '../errors.js';
import { BodyFailure, countedBody, deliveredBody, destroyOnAbort } from './bodies.js';
import { fileSystemError, isAbsence } from './file-system-errors.js';
import { assertFolder, assertKey, assertPrefix, assertPutOptions, assertRange, quoted } from './keys.js';
import { adoptFile, etagOf, NameTaken, placeFile, removeEmptyFolders, sweepTemporaries, WORK_FOLDER, writeTemporary } from './local-files.js';
import { withKeyLock } from './local-key-lock.js';
import { isReserved, walkFiles } from './local-walk.js';
import { changedObject, existingObject, foreignAddress, missingObject, rangeOutside } from './object-errors.js';
import type { GetOptions, ObjectInfo, ObjectStore, PutOptions } from './object-store.js';
import { assertRoundTrip, download, openUpload, removeUpload, scratchPath } from './scratch.js';

export interface LocalDirectoryStoreOptions {
  /** The folder that holds the objects; made by the first put when it is missing. */
  root: string;
}

/**
 * Objects as plain files below a folder. A put is written beside the objects, flushed and renamed, so that a reader sees
 * the old content or the new one, and a killed process leaves no half object. Writers of one key exclude each other, in
 * this process and in others; readers never wait. A folder is no object: its key is missing.
 *
 * Adds `BAD_PARAMS` to the port's errors: a key that cannot be a path, or is both an object and a folder.
 */
export function createLocalDirectoryStore(options: LocalDirectoryStoreOptions): ObjectStore {
  const root = resolve(options.root);
  const locks = join(root, WORK_FOLDER, 'locks');
  let swept: Promise<void> | undefined;

  function pathOf(key: string): string {
    assertKey(key);
    if (isReserved(key)) throw new MillraceError('BAD_PARAMS', `The object key ${quoted(key)} cannot be used: ${WORK_FOLDER} is reserved.`);
    return join(root, ...key.split('/'));
  }

  const uri = (key: string): string => pathToFileURL(pathOf(key)).href;

  async function statsOf(key: string): Promise<BigIntStats | undefined> {
    const path = pathOf(key);
    try {
      const stats = await stat(path, { bigint: true });
      return stats.isFile() ? stats : undefined;
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw fileSystemError(error, `Looking at the object ${uri(key)}`);
    }
  }

  async function head(key: string, { signal }: { signal?: AbortSignal } = {}): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    const stats = await statsOf(key);
    return stats && infoOf(key, stats);
  }

  /** The open file keeps the content that was found, whoever replaces the object meanwhile. */
  async function openObject(key: string, { ifMatch, versionId, range, signal }: GetOptions): Promise<{ handle: FileHandle; info: ObjectInfo }> {
    const path = pathOf(key);
    assertRange(range);
    if (versionId !== undefined) throw new MillraceError('BAD_PARAMS', `${uri(key)} has no versions: a local directory keeps none.`);
    signal?.throwIfAborted();
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile()) throw missingObject(uri(key));
      const info = infoOf(key, stats);
      if (ifMatch !== undefined && info.etag !== ifMatch) throw changedObject(uri(key));
      if (range && range.start >= info.bytes) throw rangeOutside(uri(key));
      return { handle, info };
    } catch (error) {
      await handle?.close();
      throw isAbsence(error) ? missingObject(uri(key)) : fileSystemError(error, `Reading the object ${uri(key)}`);
    }
  }

  async function get(key: string, options: GetOptions = {}): Promise<{ info: ObjectInfo; body: Readable }> {
    const { handle, info } = await openObject(key, options);
    const translate = (error: unknown): Error => fileSystemError(error, `Reading the object ${uri(key)}`);
    return { info, body: deliveredBody(handle.createReadStream(options.range), { translate, signal: options.signal }) };
  }

  async function put(key: string, body: Readable | Buffer | string, options: PutOptions = {}): Promise<ObjectInfo> {
    try {
      pathOf(key);
      assertPutOptions(key, options);
      return await publish(key, await writeBody(key, body, options.signal), options);
    } finally {
      // Whatever the outcome, the caller's stream is not read any more.
      if (body instanceof Readable) body.destroy();
    }
  }

  async function writeBody(key: string, body: Readable | Buffer | string, signal: AbortSignal | undefined): Promise<string> {
    const content = body instanceof Readable ? countedBody(body, uri(key)).blocks : Buffer.from(body);
    const stopWatching = body instanceof Readable ? destroyOnAbort(body, signal) : undefined;
    try {
      signal?.throwIfAborted();
      await (swept ??= sweepTemporaries(root));
      return await writeTemporary(root, content);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof BodyFailure ? error.original : fileSystemError(error, `Writing the object ${uri(key)}`);
    } finally {
      stopWatching?.();
    }
  }

  /** Gives a temporary file the object's name, or removes it. */
  async function publish(key: string, file: string, { ifAbsent, ifMatch, signal }: PutOptions): Promise<ObjectInfo> {
    try {
      return await withKeyLock(locks, key, signal, async () => {
        const present = ifAbsent || ifMatch !== undefined ? await head(key) : undefined;
        if (ifAbsent && present) throw existingObject(uri(key));
        if (ifMatch !== undefined && present?.etag !== ifMatch) throw changedObject(uri(key));
        return infoOf(key, await placeFile(file, pathOf(key), ifAbsent ?? false));
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof NameTaken) throw existingObject(uri(key));
      throw fileSystemError(error, `Writing the object ${uri(key)}`);
    } finally {
      await rm(file, { force: true });
    }
  }

  async function putFile(key: string, file: string, options: PutOptions & { move?: boolean } = {}): Promise<ObjectInfo> {
    pathOf(key);
    assertPutOptions(key, options);
    const upload = await openUpload(file);
    const adopted = options.move && !isInside(file) ? await adoptFile(root, file, upload.handle) : undefined;
    if (adopted !== undefined) await upload.handle.close();
    const info = adopted === undefined ? await put(key, upload.body(), options) : await publish(key, adopted, options);
    // A file that lies in the store is an object of its own and stays one.
    if (options.move && !isInside(file)) await removeUpload(file);
    return info;
  }

  const isInside = (file: string): boolean => resolve(file).startsWith(root + sep);

  async function localFile(key: string, scratchDir: string, options: GetOptions = {}): Promise<string> {
    if (options.range) return download((await get(key, options)).body, scratchDir, key);
    const { handle } = await openObject(key, options);
    await handle.close();
    const path = pathOf(key);
    return options.ifMatch === undefined ? path : pinned(key, path, scratchDir, options.ifMatch);
  }

  /** A second name for the content that was asked for: it stays readable when the object is replaced. Costs no copy. */
  async function pinned(key: string, path: string, scratchDir: string, etag: string): Promise<string> {
    const file = scratchPath(scratchDir, key);
    try {
      await mkdir(scratchDir, { recursive: true });
      await link(path, file);
    } catch (error) {
      if (isAbsence(error)) throw missingObject(uri(key));
      // Another file system, or one without links: the object itself has to do.
      return path;
    }
    if (etagOf(await stat(file, { bigint: true })) === etag) return file;
    await rm(file, { force: true });
    throw changedObject(uri(key));
  }

  async function* list(prefix: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ObjectInfo> {
    assertPrefix(prefix);
    try {
      for await (const { key, stats } of walkFiles(root, prefix, signal)) yield infoOf(key, stats);
    } catch (error) {
      signal?.throwIfAborted();
      throw fileSystemError(error, `Listing ${quoted(prefix)} in ${pathToFileURL(root).href}`);
    }
  }

  async function remove(key: string): Promise<void> {
    const path = pathOf(key);
    if (!(await statsOf(key))) return;
    try {
      await withKeyLock(locks, key, undefined, () => unlink(path));
    } catch (error) {
      if (!isAbsence(error)) throw fileSystemError(error, `Deleting the object ${uri(key)}`);
    }
    await removeEmptyFolders(dirname(path), root);
  }

  const store: ObjectStore = {
    capabilities: { localFiles: true, versions: false },
    uri,
    keyOf(address) {
      const path = pathOfAddress(address);
      if (path === undefined || !isInside(path)) throw foreignAddress(`${pathToFileURL(root).href}/`);
      const key = resolve(path).slice(root.length + 1).split(sep).join('/');
      pathOf(key);
      return key;
    },
    put,
    putFile,
    get,
    localFile,
    head,
    list,
    delete: remove,
    async deletePrefix(prefix, { signal } = {}) {
      assertFolder(prefix);
      let deleted = 0;
      for await (const { key } of list(prefix, signal ? { signal } : {})) {
        await remove(key);
        deleted += 1;
      }
      return deleted;
    },
    async copy(from, to, options = {}) {
      pathOf(to);
      const { info, body } = await get(from, options);
      if (from !== to) return put(to, body, options.signal ? { signal: options.signal } : {});
      body.destroy();
      return info;
    },
    async check() {
      await assertRoundTrip(store);
      return `The folder ${root} can be read and written.`;
    },
    async close() {},
  };
  return store;
}

function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return { key, bytes: Number(stats.size), etag: etagOf(stats), modifiedAt: new Date(Number(stats.mtimeNs / 1_000_000n)) };
}

function pathOfAddress(address: string): string | undefined {
  try {
    return fileURLToPath(address);
  } catch {
    return undefined;
  }
}
