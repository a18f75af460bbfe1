import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';

/** Text is handed on in pieces of this size: a write for every row would cost more than the row. */
const PIECE_CHARACTERS = 64 * 1024;

/** An object that is written while it is made: it appears whole when `finish` resolves, or not at all. */
export class StreamedObject {
  readonly #body;
  readonly #upload: Promise<ObjectInfo>;
  /** Never resolves. */
  readonly #failure: Promise<never>;
  #piece = '';

  constructor(store: ObjectStore, readonly key: string, options: { gzip: boolean; contentType: string; signal: AbortSignal }) {
    this.#body = options.gzip ? createGzip() : new PassThrough();
    this.#upload = store.put(key, this.#body, { contentType: options.contentType, signal: options.signal });
    this.#failure = new Promise((_, reject) => void this.#upload.catch(reject));
    // Whoever writes or finishes is told; until then nobody listens.
    this.#failure.catch(() => undefined);
  }

  /** Waits while the store is slower than the writer. */
  async write(text: string): Promise<void> {
    this.#piece += text;
    if (this.#piece.length >= PIECE_CHARACTERS) await this.#flush();
  }

  async #flush(): Promise<void> {
    const piece = this.#piece;
    this.#piece = '';
    if (piece === '' || this.#body.write(piece)) return;
    await Promise.race([once(this.#body, 'drain'), this.#failure]);
  }

  async finish(): Promise<ObjectInfo> {
    await this.#flush();
    this.#body.end();
    return this.#upload;
  }

  /** Resolves when nothing of it is left; does nothing to an object that is finished. */
  async abandon(): Promise<void> {
    this.#body.destroy();
    await this.#upload.catch(() => undefined);
  }
}
