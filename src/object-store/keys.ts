import { MillraceError } from '../errors.js';
import type { PutOptions } from './object-store.js';

/** S3's limit. Held by every adapter, so that objects can move between stores. */
const MAX_KEY_BYTES = 1024;

/**
 * Refuses (`BAD_PARAMS`) a key that one of the adapters cannot store: what leaves the store's root (`..`), has two
 * spellings for one file (`a//b`, `./a`, backslashes), or breaks the XML of S3's listings (control characters).
 */
export function assertKey(key: string): void {
  const problem = unreadable(key) ?? unwritable(key);
  if (problem) throw new MillraceError('BAD_PARAMS', `The object key ${quoted(key)} cannot be used: ${problem}.`);
}

/** The weaker rule for reading and deleting in a bucket where other tools write keys that Millrace would not. */
export function assertForeignKey(key: string): void {
  const problem = unreadable(key);
  if (problem) throw new MillraceError('BAD_PARAMS', `The object key ${quoted(key)} cannot be used: ${problem}.`);
}

/** A prefix for `list`: anything that keys can start with. Its last segment may be the beginning of a name. */
export function assertPrefix(prefix: string): void {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const problem = prefix === '' ? undefined : (unreadable(`${folder}x`) ?? unwritable(`${folder}x`) ?? unreadable(`${prefix}x`));
  if (problem) throw new MillraceError('BAD_PARAMS', `The prefix ${quoted(prefix)} cannot be listed: ${problem}.`);
}

/** A prefix for `deletePrefix`: a folder, so that `a/` cannot take `a-b/` with it, and never the whole store. */
export function assertFolder(prefix: string): void {
  if (!prefix.endsWith('/')) {
    throw new MillraceError('BAD_PARAMS', `Only a prefix that ends with "/" can be deleted, not ${quoted(prefix)}.`);
  }
  assertPrefix(prefix);
}

export function assertRange(range: { start: number; end: number } | undefined): void {
  if (!range) return;
  const { start, end } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return;
  throw new MillraceError('BAD_PARAMS', `The byte range ${start}-${end} is none: both ends are whole numbers from 0, the end included.`);
}

export function assertPutOptions(key: string, options: PutOptions): void {
  if (options.ifAbsent && options.ifMatch !== undefined) {
    throw new MillraceError('BAD_PARAMS', `The object ${quoted(key)} cannot be both absent and match an etag: use ifAbsent or ifMatch.`);
  }
}

export function quoted(key: string): string {
  return JSON.stringify(key.length > 200 ? `${key.slice(0, 200)}…` : key);
}

function unreadable(key: string): string | undefined {
  if (key === '') return 'it is empty';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `it is longer than ${MAX_KEY_BYTES} bytes`;
  if (key.includes('\0')) return 'it holds a NUL';
  if (Buffer.from(key).toString() !== key) return 'it is not valid Unicode';
  // Proxies and HTTP clients resolve these in an address, and then another object is meant.
  if (key.split('/').some((segment) => segment === '.' || segment === '..')) return 'it holds "." or ".." as a segment';
  return undefined;
}

function unwritable(key: string): string | undefined {
  if (/\p{Cc}/u.test(key)) return 'it holds a control character';
  if (key.includes('\\')) return 'it holds a backslash; segments are separated by "/"';
  if (key.split('/').includes('')) return 'it starts or ends with "/" or holds "//"';
  return undefined;
}
