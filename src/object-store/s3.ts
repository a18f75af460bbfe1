import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { MillraceError } from '../errors.js';
import { deliveredBody } from './bodies.js';
import { assertFolder, assertForeignKey, assertKey, assertPutOptions, assertRange } from './keys.js';
import { changedObject, foreignAddress, missingObject } from './object-errors.js';
import type { GetOptions, ObjectInfo, ObjectStore } from './object-store.js';
import { openS3, type S3StoreOptions } from './s3-client.js';
import { isListingDenied, isNotFound, isUnnamed, s3Error } from './s3-errors.js';
import { etagIn, quotedEtag, versionIn } from './s3-info.js';
import { uploadObject } from './s3-upload.js';
import { assertRoundTrip, download, openUpload } from './scratch.js';

/** S3's limit for copying in one request. */
const MAX_COPY_BYTES = 5 * 1024 ** 3;
/** S3's limit for deleting in one request. */
const DELETE_BATCH = 1000;

/**
 * Objects in a bucket of S3 or of a store that speaks its protocol. The etag is S3's: an object that is replaced by the
 * same bytes may keep it. Beside the port's errors: `BAD_PARAMS` for requests that S3 calls wrong, and
 * `CONNECTION_MALFORMED` for a wrong region. A missing bucket is `OBJECT_MISSING`, with the bucket's name.
 */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const access = openS3(options);
  const { client, place, base } = access;
  const root = `s3://${place.bucket}/${base}`;
  let bucketSeen = false;

  /** Not percent-encoded: this is how the AWS tools, DuckDB and Spark write S3 addresses. */
  const uri = (key: string): string => root + key;
  const target = (key: string): { Bucket: string; Key: string } => ({ Bucket: place.bucket, Key: base + key });

  async function request<T>(
    action: string,
    what: string,
    signal: AbortSignal | undefined,
    send: (options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    try {
      signal?.throwIfAborted();
      return await send(signal ? { abortSignal: signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw s3Error(error, action, what, place);
    }
  }

  async function head(key: string, { signal }: { signal?: AbortSignal } = {}): Promise<ObjectInfo | undefined> {
    assertForeignKey(key);
    return request('Looking at', uri(key), signal, async (sendOptions) => {
      try {
        const answer = await client.send(new HeadObjectCommand(target(key)), sendOptions);
        return { key, bytes: answer.ContentLength ?? 0, etag: etagIn(answer), ...versionIn(answer), modifiedAt: answer.LastModified ?? new Date(0) };
      } catch (error) {
        const notFound = isNotFound(error);
        if (notFound && bucketSeen) return undefined;
        if (notFound || isUnnamed(error)) await listOnce(sendOptions);
        if (!notFound) throw error;
        bucketSeen = true;
        return undefined;
      }
    });
  }

  /**
   * The answer to a HEAD has no text: it may be the object that is missing, or the bucket, or the user. A listing's error
   * says which, so that no sensor waits in a bucket that is not there.
   */
  async function listOnce(sendOptions: { abortSignal?: AbortSignal }): Promise<void> {
    try {
      await client.send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: base, MaxKeys: 1 }), sendOptions);
    } catch (error) {
      // Whoever may read objects may be forbidden to list them: that is no reason to fail.
      if (!isListingDenied(error)) throw error;
    }
  }

  async function get(key: string, { ifMatch, versionId, range, signal }: GetOptions = {}): Promise<{ info: ObjectInfo; body: Readable }> {
    assertForeignKey(key);
    assertRange(range);
    const answer = await request('Reading', uri(key), signal, (sendOptions) =>
      client.send(
        new GetObjectCommand({
          ...target(key),
          ...(ifMatch === undefined ? {} : { IfMatch: quotedEtag(ifMatch) }),
          ...(versionId === undefined ? {} : { VersionId: versionId }),
          ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` }),
        }),
        sendOptions,
      ),
    );
    const whole = answer.ContentRange?.split('/')[1];
    const bytes = whole === undefined ? (answer.ContentLength ?? 0) : Number(whole);
    const info = { key, bytes, etag: etagIn(answer), ...versionIn(answer), modifiedAt: answer.LastModified ?? new Date(0) };
    const source = answer.Body instanceof Readable ? answer.Body : Readable.from([]);
    const translate = (error: unknown): Error => s3Error(error, 'Reading', uri(key), place);
    return { info, body: deliveredBody(source, { translate, signal, expectedBytes: answer.ContentLength }) };
  }

  async function* pages(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<ObjectInfo[]> {
    const query = { Bucket: place.bucket, Prefix: base + prefix };
    const found = paginateListObjectsV2({ client }, query, signal ? { abortSignal: signal } : undefined);
    for (;;) {
      const { value: page, done } = await request('Listing', uri(prefix), signal, () => found.next());
      if (done) return;
      yield (page.Contents ?? [])
        .map((entry) => ({
          key: (entry.Key ?? '').slice(base.length),
          bytes: entry.Size ?? 0,
          etag: etagIn(entry),
          modifiedAt: entry.LastModified ?? new Date(0),
        }))
        // The marker that some tools write for the store's own folder.
        .filter(({ key }) => key !== '');
    }
  }

  async function* list(prefix: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ObjectInfo> {
    for await (const page of pages(prefix, signal)) yield* page;
  }

  async function deleteBatch(keys: readonly string[], what: string, signal: AbortSignal | undefined): Promise<void> {
    const Objects = keys.map((key) => ({ Key: base + key }));
    const answer = await request('Deleting', what, signal, (sendOptions) =>
      client.send(new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects, Quiet: true } }), sendOptions),
    );
    const failed = answer.Errors?.[0];
    if (failed) throw s3Error({ name: failed.Code }, 'Deleting', uri((failed.Key ?? '').slice(base.length)), place);
  }

  async function copy(from: string, to: string, { ifMatch, signal }: { ifMatch?: string; signal?: AbortSignal } = {}): Promise<ObjectInfo> {
    assertKey(to);
    const source = await head(from, signal ? { signal } : {});
    if (!source) throw missingObject(uri(from));
    if (ifMatch !== undefined && ifMatch !== source.etag) throw changedObject(uri(from));
    if (from === to) return source;
    if (source.bytes > MAX_COPY_BYTES) {
      throw new MillraceError('BAD_PARAMS', `The object ${uri(from)} has ${source.bytes} bytes; S3 copies at most 5 GiB. Read it and put it instead.`);
    }
    const version = source.versionId === undefined ? '' : `?versionId=${encodeURIComponent(source.versionId)}`;
    const path = (base + from).split('/').map(encodeURIComponent).join('/');
    const answer = await request('Copying', uri(from), signal, (sendOptions) =>
      // Exactly what the look above has found: else the size would be another object's.
      client.send(
        new CopyObjectCommand({ ...target(to), CopySource: `${place.bucket}/${path}${version}`, CopySourceIfMatch: quotedEtag(source.etag) }),
        sendOptions,
      ),
    );
    const { CopyObjectResult: result = {} } = answer;
    return { key: to, bytes: source.bytes, etag: etagIn(result), ...versionIn(answer), modifiedAt: result.LastModified ?? new Date() };
  }

  const store: ObjectStore = {
    capabilities: { localFiles: false, versions: options.versioned ?? false },
    uri(key) {
      assertForeignKey(key);
      return uri(key);
    },
    keyOf(address) {
      if (!address.startsWith(root)) throw foreignAddress(root);
      const key = address.slice(root.length);
      assertForeignKey(key);
      return key;
    },
    async put(key, body, putOptions = {}) {
      assertKey(key);
      assertPutOptions(key, putOptions);
      return uploadObject(access, { key, uri: uri(key), body: typeof body === 'string' ? Buffer.from(body) : body, options: putOptions });
    },
    async putFile(key, file, putOptions = {}) {
      assertKey(key);
      assertPutOptions(key, putOptions);
      const upload = await openUpload(file);
      return uploadObject(access, { key, uri: uri(key), body: upload.body(), bytes: upload.bytes, options: putOptions });
    },
    get,
    async localFile(key, scratchDir, getOptions) {
      return download((await get(key, getOptions)).body, scratchDir, key);
    },
    head,
    list,
    async delete(key) {
      assertForeignKey(key);
      await request('Deleting', uri(key), undefined, (sendOptions) => client.send(new DeleteObjectCommand(target(key)), sendOptions));
    },
    async deletePrefix(prefix, { signal } = {}) {
      assertFolder(prefix);
      let deleted = 0;
      let batch: string[] = [];
      for await (const { key } of list(prefix, signal ? { signal } : {})) {
        batch.push(key);
        if (batch.length < DELETE_BATCH) continue;
        await deleteBatch(batch, uri(prefix), signal);
        deleted += batch.length;
        batch = [];
      }
      if (batch.length > 0) await deleteBatch(batch, uri(prefix), signal);
      return deleted + batch.length;
    },
    copy,
    async check() {
      await assertRoundTrip(store);
      return `The bucket ${place.bucket} can be read and written${base === '' ? '' : ` below ${base}`}.`;
    },
    async close() {
      client.destroy();
    },
  };
  return store;
}
