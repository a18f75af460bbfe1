import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { StatementError } from './api-error.js';
import type { Credentials } from './signature.js';

export interface ObjectsOptions {
  endpoint: string;
  region: string;
  credentials: Credentials;
}

/** S3 as COPY and UNLOAD see it: every failure is the text of a failed statement. */
export interface Objects {
  /** `undefined` where there is no such object. */
  size(uri: string): Promise<number | undefined>;
  text(uri: string): Promise<string>;
  download(uri: string, file: string): Promise<void>;
  /** Addresses below a prefix. */
  list(prefix: string): Promise<string[]>;
  put(uri: string, text: string): Promise<void>;
  upload(uri: string, file: string): Promise<number>;
  close(): void;
}

export function openObjects(options: ObjectsOptions): Objects {
  const client = new S3Client({ ...options, forcePathStyle: true });

  const body = async (uri: string): Promise<Readable> => {
    try {
      return (await client.send(new GetObjectCommand(placeOf(uri)))).Body as Readable;
    } catch (error) {
      throw s3Failure(error, uri);
    }
  };

  return {
    size: async (uri) => {
      try {
        return (await client.send(new HeadObjectCommand(placeOf(uri)))).ContentLength ?? 0;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw s3Failure(error, uri);
      }
    },
    text: async (uri) => {
      const chunks: Buffer[] = [];
      for await (const chunk of await body(uri)) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
    download: async (uri, file) => pipeline(await body(uri), createWriteStream(file)),
    list: async (prefix) => {
      const { Bucket, Key } = placeOf(prefix);
      const found = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key })).catch((error: unknown) => {
        throw s3Failure(error, prefix);
      });
      return (found.Contents ?? []).map((object) => `s3://${Bucket}/${object.Key ?? ''}`);
    },
    put: async (uri, text) => {
      await client.send(new PutObjectCommand({ ...placeOf(uri), Body: text })).catch((error: unknown) => {
        throw s3Failure(error, uri);
      });
    },
    upload: async (uri, file) => {
      const { size } = await stat(file);
      await client.send(new PutObjectCommand({ ...placeOf(uri), Body: createReadStream(file), ContentLength: size })).catch((error: unknown) => {
        throw s3Failure(error, uri);
      });
      return size;
    },
    close: () => client.destroy(),
  };
}

function placeOf(uri: string): { Bucket: string; Key: string } {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? [];
  if (Bucket === undefined || Key === undefined) throw new StatementError(`The S3 path ${uri} is invalid`);
  return { Bucket, Key };
}

function s3Failure(error: unknown, uri: string): StatementError {
  const status = statusOf(error);
  const name = status === 404 ? 'NoSuchKey' : error instanceof Error ? error.name : 'Unknown';
  const said = status === 404 ? 'The specified key does not exist.' : error instanceof Error ? error.message : String(error);
  return new StatementError(`S3ServiceException:${said},Status ${status ?? 0},Error ${name},Rid 0,ExtRid 0,CanRetry ${status === undefined || status >= 500 ? 1 : 0} (${uri})`);
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
