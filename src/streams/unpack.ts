import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../errors.js';

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * The bytes as they are, or unpacked where they are gzip; `auto` looks at the first two, whatever the file is called. Damaged data fails
 * while it is read: `gzipError` says it in our words.
 */
export async function unpack(packed: AsyncIterable<Buffer | string>, gzip: boolean | 'auto'): Promise<AsyncIterable<Buffer>> {
  const chunks = packed[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let last = false;
  while (!last && head.length < GZIP_MAGIC.length) {
    const next = await chunks.next();
    last = next.done === true;
    if (!next.done) head = Buffer.concat([head, asBuffer(next.value)]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield asBuffer(next.value);
  }
  const isGzip = gzip === 'auto' ? head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC) : gzip;
  // An empty file has no lines, packed or not.
  if (!isGzip || head.length === 0) return all();
  // The callback is where pipeline wants errors; the reader of the last stream gets them too.
  return pipeline(Readable.from(all(), { objectMode: false }), createGunzip(), () => undefined);
}

const asBuffer = (chunk: Buffer | string): Buffer => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk);

/** `SOURCE_INCOMPLETE` for gzip without its end, `SOURCE_MALFORMED` for damaged gzip; `undefined` for errors of another kind. */
export function gzipError(error: unknown, name: string): MillraceError | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') {
    return new MillraceError('SOURCE_INCOMPLETE', `${name}: its gzip data ends too early. Its writer may not have finished; else write it again.`, { cause: error });
  }
  if (code?.startsWith('Z_') === true) {
    return new MillraceError('SOURCE_MALFORMED', `${name}: its gzip data is damaged (${message}). Write the file again.`, { cause: error });
  }
  return undefined;
}
