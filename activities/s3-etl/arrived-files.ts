import { buffer } from 'node:stream/consumers';
import type { Arrivals, ArrivedFile } from '../../src/arrivals/arrivals.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';

/** The files of a sensor's result, wherever they stand; `from` and `to` choose a part of them. */
export async function arrivedFiles(lake: ObjectStore, arrivals: Arrivals, signal: AbortSignal, { from = 0, to = arrivals.count } = {}): Promise<ArrivedFile[]> {
  if (arrivals.listing === undefined) return arrivals.files.slice(from, to);
  const { body } = await lake.get(lake.keyOf(arrivals.listing), { signal });
  return (JSON.parse((await buffer(body)).toString('utf8')) as ArrivedFile[]).slice(from, to);
}

/** What `get` is asked for, so that it gives the version that was sensed, or fails. */
export function sensedVersion({ etag, versionId }: ArrivedFile): { ifMatch: string; versionId?: string } {
  return { ifMatch: etag, ...(versionId === undefined ? {} : { versionId }) };
}
