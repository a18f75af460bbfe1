import { AbortMultipartUploadCommand, CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { MillraceError } from '../errors.js';
import { assertKey } from './keys.js';
import type { S3Place } from './s3-errors.js';

export interface S3StoreOptions {
  bucket: string;
  /** Folder of the bucket below which all keys are; with or without slashes at its ends. */
  prefix?: string;
  region: string;
  /** Only for stores other than AWS: `http://127.0.0.1:7070`. */
  endpoint?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`; most stores other than AWS want it. */
  forcePathStyle?: boolean;
  /** Default: what the SDK finds (environment, profile, role of the machine or container). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** The bucket keeps versions. Declared and not asked for, because asking takes a right of its own. */
  versioned?: boolean;
  /** Milliseconds until a connection must stand; default 5 000. */
  connectTimeoutMs?: number;
  /** Milliseconds without a byte after which a request has failed; default 60 000. */
  idleTimeoutMs?: number;
  /** Of each request, the first included; default 3. A step's own retry policy comes on top. */
  maxAttempts?: number;
}

export interface S3Access {
  client: S3Client;
  place: S3Place;
  /** What stands before every key: empty, or ends with `/`. */
  base: string;
}

/** Checks the options (`CONNECTION_MALFORMED`) and makes the client; nothing is sent yet. */
export function openS3(options: S3StoreOptions): S3Access {
  const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
  if (prefix !== '') assertKey(prefix);
  if (options.bucket === '' || options.bucket.includes('/')) throw malformed('the bucket has to be a plain name');
  if (options.region === '') throw malformed('the region is missing');
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials ? { credentials: options.credentials } : {}),
    forcePathStyle: options.forcePathStyle ?? false,
    maxAttempts: options.maxAttempts ?? 3,
    requestHandler: { connectionTimeout: options.connectTimeoutMs ?? 5_000, socketTimeout: options.idleTimeoutMs ?? 60_000 },
  });
  return {
    client,
    place: { bucket: options.bucket, region: options.region, endpoint: originOf(options.endpoint) },
    base: prefix === '' ? '' : `${prefix}/`,
  };
}

export interface UploadClient {
  client: S3Client;
  /** The first error of a request, which the upload may report only after its stream's. */
  failure(): unknown;
}

/**
 * `lib-storage` sends its requests without a signal, and when one fails it waits for the stream's next block before it
 * ends. This client adds the signal and says at once when a request has failed. The request that opens a multipart
 * upload goes without a signal, since its id is needed to remove the parts, and so does the one that removes them.
 */
export function uploadClient(client: S3Client, signal: AbortSignal | undefined, onFailure: () => void): UploadClient {
  let failure: unknown;
  const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    const removes = command instanceof AbortMultipartUploadCommand;
    const goesThrough = removes || command instanceof CreateMultipartUploadCommand || !signal;
    try {
      return await client.send(command, goesThrough ? {} : { abortSignal: signal });
    } catch (error) {
      if (!removes) {
        failure ??= error;
        onFailure();
      }
      throw error;
    }
  };
  return { client: Object.create(client, { send: { value: send } }) as S3Client, failure: () => failure };
}

function originOf(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw malformed('the endpoint has to be an http or https address');
  if (url.username !== '' || url.password !== '') throw malformed('the endpoint must not hold a user or password');
  return url.origin;
}

function malformed(problem: string): MillraceError {
  return new MillraceError('CONNECTION_MALFORMED', `The connection of the S3 object store cannot be used: ${problem}.`);
}
