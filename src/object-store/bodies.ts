import { finished, Transform, type Readable } from 'node:stream';
import { MillraceError } from '../errors.js';

/** Small enough to keep memory flat, large enough that a stream of short lines does not cost a write for each. */
const BLOCK_BYTES = 256 * 1024;

/** The stream that a caller gave to `put` has failed: not the store's fault, and told apart from it by this type. */
export class BodyFailure extends Error {
  override readonly name = 'BodyFailure';
  /** What the caller shall see: its own stream's error unchanged. */
  readonly original: unknown;

  constructor(key: string, error: unknown) {
    super(`the stream for ${key} failed`);
    this.original =
      (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE'
        ? new MillraceError('SOURCE_INCOMPLETE', `The stream for the object ${key} was closed before its end; nothing was stored.`, { cause: error })
        : error;
  }
}

export interface CountedBody {
  blocks: AsyncIterable<Buffer>;
  /** What has been read so far. */
  bytes(): number;
}

/** A caller's stream in blocks of a reasonable size; whatever it throws arrives as `BodyFailure`. */
export function countedBody(body: Readable, key: string): CountedBody {
  let bytes = 0;
  // It may break, or be ended by an abort, before anybody reads: the reader gets the error then, and the process goes on.
  body.on('error', () => {});
  async function* blocks(): AsyncGenerator<Buffer> {
    const pending: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array | string>) {
        const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        pending.push(buffer);
        bytes += buffer.length;
        size += buffer.length;
        if (size < BLOCK_BYTES) continue;
        yield pending.length === 1 ? buffer : Buffer.concat(pending);
        pending.length = 0;
        size = 0;
      }
    } catch (error) {
      throw new BodyFailure(key, error);
    }
    if (size > 0) yield Buffer.concat(pending);
  }
  return { blocks: blocks(), bytes: () => bytes };
}

/**
 * Ends a caller's stream when the signal aborts, also one that delivers nothing and would never notice.
 * Returns the function that stops watching.
 */
export function destroyOnAbort(stream: Readable, signal: AbortSignal | undefined): () => void {
  if (!signal) return () => {};
  const onAbort = (): void => void stream.destroy(asError(signal.reason));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

export interface DeliveredBodyOptions {
  /** Turns the driver's error into ours. */
  translate(error: unknown): Error;
  /** A body that ends with fewer bytes is an error, whatever the driver thinks. */
  expectedBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** The body of a `get` for its consumer: every error is translated, an abort ends it with the signal's reason. */
export function deliveredBody(source: Readable, options: DeliveredBodyOptions): Readable {
  let bytes = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const { expectedBytes } = options;
      if (expectedBytes === undefined || bytes === expectedBytes) done();
      else done(options.translate(new Error(`the body ended after ${bytes} of ${expectedBytes} bytes`)));
    },
  });
  const stopWatching = destroyOnAbort(body, options.signal);
  finished(source, { writable: false }, (error) => {
    if (error) body.destroy(options.translate(error));
  });
  body.once('close', () => {
    stopWatching();
    source.destroy();
  });
  // A connection may break before the consumer has begun to read: it gets the error then, and the process goes on.
  body.on('error', () => {});
  return source.pipe(body);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException(String(reason), 'AbortError');
}
