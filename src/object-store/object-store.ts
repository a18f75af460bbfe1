import type { Readable } from 'node:stream';

/** What the store knows of one object. */
export interface ObjectInfo {
  /** Path below the store's root, with `/` as separator and no leading slash. */
  key: string;
  bytes: number;
  /** Changes whenever the content is replaced; opaque, compared for equality only. */
  etag: string;
  /** Set where the store keeps versions. */
  versionId?: string;
  modifiedAt: Date;
}

export interface PutOptions {
  /** Refuse (`OBJECT_CHANGED`) when the key exists. */
  ifAbsent?: boolean;
  /** Refuse (`OBJECT_CHANGED`) unless the present content has this etag. */
  ifMatch?: string;
  contentType?: string;
  signal?: AbortSignal;
}

export interface GetOptions {
  /** Fail with `OBJECT_CHANGED` unless the content still has this etag. */
  ifMatch?: string;
  versionId?: string;
  /** Inclusive byte positions, as in HTTP. */
  range?: { start: number; end: number };
  signal?: AbortSignal;
}

/**
 * A flat map from keys to bytes. Every adapter passes `test/contracts/object-store.contract.ts`.
 *
 * A put becomes visible as a whole or not at all, and replaces what was there. Errors:
 * `OBJECT_MISSING`, `OBJECT_CHANGED`, `STORE_UNAVAILABLE` (retryable), `STORE_FORBIDDEN`.
 */
export interface ObjectStore {
  readonly capabilities: ObjectStoreCapabilities;
  /** `file:///…/key` or `s3://bucket/prefix/key`; never with credentials. */
  uri(key: string): string;
  /** The inverse of `uri`; `BAD_PARAMS` for an address outside this store. */
  keyOf(uri: string): string;
  put(key: string, body: Readable | Buffer | string, options?: PutOptions): Promise<ObjectInfo>;
  /** Uploads a local file; the local directory store moves it when `move` is set. */
  putFile(key: string, file: string, options?: PutOptions & { move?: boolean }): Promise<ObjectInfo>;
  get(key: string, options?: GetOptions): Promise<{ info: ObjectInfo; body: Readable }>;
  /**
   * A local path with this object's content for engines that read files: the object itself where it is
   * one, else a copy in `scratchDir`, which its owner removes.
   */
  localFile(key: string, scratchDir: string, options?: GetOptions): Promise<string>;
  /** `undefined` when there is no such object. */
  head(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo | undefined>;
  /** Every object whose key starts with `prefix`, in ascending order of key (UTF-8 bytes), paged behind the scenes. */
  list(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectInfo>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  /** Deletes everything below a prefix that ends with `/`; returns how many objects went. */
  deletePrefix(prefix: string, options?: { signal?: AbortSignal }): Promise<number>;
  copy(from: string, to: string, options?: { ifMatch?: string; signal?: AbortSignal }): Promise<ObjectInfo>;
  /** One sentence when the store can be read and written; else throws. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}

export interface ObjectStoreCapabilities {
  /** Objects are files of this machine (`localFile` copies nothing). */
  localFiles: boolean;
  /** Replaced content stays readable by its version id. */
  versions: boolean;
}
