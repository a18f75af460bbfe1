import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { HeadObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { MillraceError } from '../errors.js';
import { BodyFailure, countedBody, destroyOnAbort } from './bodies.js';
import { changedObject, existingObject } from './object-errors.js';
import type { ObjectInfo, PutOptions } from './object-store.js';
import { uploadClient, type S3Access } from './s3-client.js';
import { isConditionFailure, isNotFound, s3Error } from './s3-errors.js';
import { etagIn, quotedEtag, versionIn } from './s3-info.js';

/** S3's limit for one upload. */
const MAX_PARTS = 10_000;
/** A stream of unknown length can be 80 GB long; a file gets larger parts as it needs them. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts sent at a time: with the one that is being filled, 32 MB of memory for an upload. */
const PARTS_AT_A_TIME = 3;
/** Metadata that tells whether an object is the one that this very call has written. */
const PUT_MARK = 'millrace-put';

export interface UploadRequest {
  key: string;
  uri: string;
  body: Readable | Buffer;
  /** Length of the body where it is known. */
  bytes?: number;
  options: PutOptions;
}

/**
 * One request for what fits into one part, else a multipart upload, which is visible only when it is complete and whose
 * parts are removed when it fails. `modifiedAt` of the result is this machine's clock: S3 does not answer with its own.
 */
export async function uploadObject(access: S3Access, request: UploadRequest): Promise<ObjectInfo> {
  const { key, uri, body, options } = request;
  const { signal } = options;
  const mark = options.ifAbsent || options.ifMatch !== undefined ? randomUUID() : undefined;
  const partSize = Math.max(PART_BYTES, Math.ceil((request.bytes ?? 0) / MAX_PARTS));
  const counted = body instanceof Readable ? countedBody(body, uri) : undefined;
  const stopWatching = body instanceof Readable ? destroyOnAbort(body, signal) : undefined;
  const requests = uploadClient(access.client, signal, () => {
    if (body instanceof Readable) body.destroy();
  });
  try {
    signal?.throwIfAborted();
    const answer = await new Upload({
      client: requests.client,
      params: putParams(access, request, mark, counted ? Readable.from(counted.blocks, { objectMode: false }) : body),
      partSize,
      queueSize: PARTS_AT_A_TIME,
    }).done();
    const bytes = counted ? counted.bytes() : (body as Buffer).length;
    return { key, bytes, etag: etagIn(answer), ...versionIn(answer), modifiedAt: new Date() };
  } catch (reported) {
    signal?.throwIfAborted();
    const error = requests.failure() ?? reported;
    if (error instanceof BodyFailure) throw error.original;
    if (counted && counted.bytes() > partSize * MAX_PARTS) throw tooLong(uri, partSize * MAX_PARTS, error);
    const written = mark === undefined ? undefined : await findOwn(access, key, mark, error);
    if (written) return written;
    throw refusal(access, request, error);
  } finally {
    stopWatching?.();
    // Whatever the outcome, the caller's stream is not read any more.
    if (body instanceof Readable) body.destroy();
  }
}

function putParams({ place, base }: S3Access, request: UploadRequest, mark: string | undefined, body: Readable | Buffer): PutObjectCommandInput {
  const { key, options } = request;
  return {
    Bucket: place.bucket,
    Key: base + key,
    Body: body,
    ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
    ...(options.ifAbsent ? { IfNoneMatch: '*' } : {}),
    ...(options.ifMatch === undefined ? {} : { IfMatch: quotedEtag(options.ifMatch) }),
    ...(mark === undefined ? {} : { Metadata: { [PUT_MARK]: mark } }),
  };
}

/**
 * When the answer to a conditional put is lost, the SDK sends it again, and the condition then fails because of the
 * first one's success. The mark tells that case from another writer's object.
 */
async function findOwn({ client, place, base }: S3Access, key: string, mark: string, error: unknown): Promise<ObjectInfo | undefined> {
  if (!isConditionFailure(error) && !isNotFound(error)) return undefined;
  try {
    const answer = await client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: base + key }));
    if (answer.Metadata?.[PUT_MARK] !== mark) return undefined;
    const modifiedAt = answer.LastModified ?? new Date();
    return { key, bytes: answer.ContentLength ?? 0, etag: etagIn(answer), ...versionIn(answer), modifiedAt };
  } catch {
    // Then the refusal stands, as it would without this look.
    return undefined;
  }
}

function refusal({ place }: S3Access, { uri, options }: UploadRequest, error: unknown): MillraceError {
  const translated = s3Error(error, 'Writing', uri, place);
  if (options.ifAbsent && translated.code === 'OBJECT_CHANGED') return existingObject(uri, translated.cause);
  // S3 says 404 where the object that should match is gone.
  const gone = options.ifMatch !== undefined && translated.code === 'OBJECT_MISSING' && (error as Error).name !== 'NoSuchBucket';
  return gone ? changedObject(uri, translated.cause) : translated;
}

function tooLong(uri: string, limit: number, cause: unknown): MillraceError {
  const most = Math.floor(limit / 1e9);
  const message = `The stream for ${uri} is longer than ${most} GB, the most for a stream of unknown length. Split it, or put a file.`;
  return new MillraceError('BAD_PARAMS', message, { cause });
}
