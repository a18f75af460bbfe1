import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { MillraceError } from '../errors.js';
import type { ObjectStore } from '../object-store/object-store.js';

export interface ManifestEntry {
  key: string;
  /** Where the manifest says so: a file of another size is not complete. */
  bytes?: number;
}

/** 100,000 entries of 160 bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

const entry = z.union([
  z.object({ url: z.string().min(1), meta: z.object({ content_length: z.number().optional() }).optional() }),
  z.object({ key: z.string().min(1), bytes: z.number().optional() }),
]);
const document = z.object({ entries: z.array(entry).min(1) });

/**
 * The files that a manifest names; `undefined` when there is none. It is JSON, as Redshift's COPY takes it (`{"entries":
 * [{"url": "s3://raw/incoming/data_1.csv", "meta": {"content_length": 5}}]}`, or `key` and `bytes` in the place of them), or a text with one
 * key on each line. `SOURCE_INCOMPLETE` when its JSON stops half-way, `SOURCE_MALFORMED` when it is something else.
 */
export async function readManifest(store: ObjectStore, key: string, signal: AbortSignal): Promise<ManifestEntry[] | undefined> {
  const info = await store.head(key, { signal });
  if (!info) return undefined;
  if (info.bytes > MAX_BYTES) throw new MillraceError('SOURCE_TOO_LARGE', `The manifest ${store.uri(key)} has ${info.bytes} bytes, and may have ${MAX_BYTES}. Split the set.`);
  const { body } = await store.get(key, { ifMatch: info.etag, signal });
  const text = (await buffer(body)).toString('utf8').replace(/^\uFEFF/, '').trim();
  if (!text.startsWith('{')) return keysOfLines(text, store.uri(key));
  const parsed = document.safeParse(parseJson(text, store.uri(key)));
  if (!parsed.success) throw malformed(store.uri(key));
  return parsed.data.entries.map((found) =>
    'url' in found ? withBytes(store.keyOf(found.url), found.meta?.content_length) : withBytes(found.key, found.bytes),
  );
}

function keysOfLines(text: string, uri: string): ManifestEntry[] {
  const keys = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '');
  if (keys.length === 0) throw new MillraceError('SOURCE_INCOMPLETE', `The manifest ${uri} names no file: it may still be written.`);
  return keys.map((key) => ({ key }));
}

function parseJson(text: string, uri: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new MillraceError('SOURCE_INCOMPLETE', `The manifest ${uri} is not complete JSON: it may still be written.`, { cause: error });
  }
}

function withBytes(key: string, bytes: number | undefined): ManifestEntry {
  return bytes === undefined ? { key } : { key, bytes };
}

function malformed(uri: string): MillraceError {
  return new MillraceError('SOURCE_MALFORMED', `The manifest ${uri} is none: write {"entries": [{"key": "incoming/data_1.csv"}]}, or one key on each line.`);
}
