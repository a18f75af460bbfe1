import { buffer } from 'node:stream/consumers';
import { isMillraceError, MillraceError } from '../../src/errors.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import type { TransformEvent, TransformResult } from './event.js';

type Own = Omit<TransformResult, 'repeated'>;

const keyOf = (folder: string): string => `${folder}/result.json`;

/**
 * What an earlier invocation with this key has done; `undefined` when there was none. `BAD_PARAMS` when the key was used for another
 * file or another version of it.
 */
export async function readResult(store: ObjectStore, folder: string, { source, idempotencyKey }: TransformEvent, signal: AbortSignal): Promise<TransformResult | undefined> {
  const text = await textOf(store, keyOf(folder), signal);
  if (text === undefined) return undefined;
  const earlier = JSON.parse(text) as Own;
  if (earlier.source.uri !== source.uri || earlier.source.etag !== source.etag) {
    throw new MillraceError('BAD_PARAMS', `The idempotency key ${idempotencyKey} was used for ${earlier.source.uri} (etag ${earlier.source.etag}) and cannot be used for ${source.uri} (etag ${source.etag}): make a new one for every version of a file.`);
  }
  return { ...earlier, repeated: true };
}

/** Makes this invocation's work the one that counts, unless another one has been faster: then that one's result is returned. */
export async function commitResult(store: ObjectStore, folder: string, own: Own, event: TransformEvent, signal: AbortSignal): Promise<TransformResult> {
  try {
    await store.put(keyOf(folder), `${JSON.stringify(own, undefined, 2)}\n`, { ifAbsent: true, contentType: 'application/json', signal });
    return { ...own, repeated: false };
  } catch (error) {
    const faster = isMillraceError(error) && error.code === 'OBJECT_CHANGED' ? await readResult(store, folder, event, signal) : undefined;
    if (faster) return faster;
    throw error;
  }
}

async function textOf(store: ObjectStore, key: string, signal: AbortSignal): Promise<string | undefined> {
  if (!(await store.head(key, { signal }))) return undefined;
  const { body } = await store.get(key, { signal });
  return (await buffer(body)).toString('utf8');
}
