import type { MillraceError } from '../errors.js';
import type { Dialect } from './dialect.js';

/** Types that every warehouse has; the dialect names them. Timestamps are UTC. */
export type ColumnType = 'text' | 'boolean' | 'integer' | 'bigint' | 'double' | 'date' | 'timestamp' | { decimal: readonly [precision: number, scale: number] };

export interface Column {
  name: string;
  type: ColumnType;
  /** Default false. */
  nullable?: boolean;
}

export interface TableSpec {
  name: string;
  columns: readonly Column[];
  /** Identifies a row; no warehouse here is trusted to enforce it, the checks do. */
  key: readonly string[];
}

/** Values travel as text where a JavaScript number would lose precision (bigint, decimal) and as ISO 8601 UTC for times. */
export type SqlValue = string | number | boolean | null;

export interface QueryResult {
  columns: readonly string[];
  rows: readonly (readonly SqlValue[])[];
}

/** The half-open interval of one load, ISO 8601 UTC. Every published table has columns `interval_start` and `interval_end` (timestamp). */
export interface LoadInterval {
  start: string;
  end: string;
}

export interface PublishTable {
  target: TableSpec;
  /** A staging table's name, or a SELECT that yields the target's columns in their order. */
  from: { staging: string } | { query: string };
  /** `replace-interval`: delete this interval's rows, insert all. `merge`: replace by key, keep the rest. */
  mode: 'replace-interval' | 'merge';
  /**
   * Of a merge: the columns whose incoming values say which rows go, where that is more than the rows with the same key. With
   * `['source_file']` a file's rows replace all that the file had before. Default: the key.
   */
  replaces?: readonly string[];
  /** Of a merge: what must be so when the transaction has the table for itself, or nothing is published. */
  guard?: PublishGuard;
}

/** Keeps a load from publishing over what another one has published in the meantime, where the ledger does not know of both. */
export interface PublishGuard {
  /** A SELECT over the target as it is before the publication: any row that it answers forbids it. */
  violations: string;
  /** Raised then. */
  refusal: MillraceError;
}

export interface PublishRequest {
  pipeline: string;
  interval: LoadInterval;
  /** Grows with every run of the pipeline: fences out older runs of the same interval. */
  generation: number;
  run: string;
  tables: readonly PublishTable[];
  /** For the ledger: uri → rows of what was read. */
  sources: Record<string, number>;
}

export interface PublishResult {
  /** Rows inserted per target table. */
  rows: Record<string, number>;
}

/** An object that the warehouse can read by itself. */
export interface ObjectReference {
  /** `s3://bucket/key`. */
  uri: string;
  bytes: number;
  /** Rows that the object is known to hold: then none may be lost on the way. */
  rows?: number;
}

export type ObjectFormat =
  /** Columns in the table's order, each of exactly its type. */
  | { kind: 'parquet' }
  | {
      kind: 'csv';
      /** The first line of every object names the columns. */
      header: boolean;
      /** Columns in the objects' order; default: the table's. */
      columns?: readonly string[];
      /** Default a comma. */
      delimiter?: string;
      gzip?: boolean;
      /** What stands for NULL, unquoted. Default: an empty field, in columns of texts too. */
      nullAs?: string;
    };

/** A row that the warehouse did not take. */
export interface RejectedRow {
  file: string;
  /** From 1; 0 where the format has no lines. */
  line: number;
  /** Empty where the row as a whole is wrong. */
  column: string;
  reason: string;
}

export interface StagedObjects {
  rows: number;
  rejected: number;
  /** The first of them. */
  rejects: readonly RejectedRow[];
}

export interface StatementOptions {
  signal: AbortSignal;
  /** Made by the workflow and the same on every attempt: where the warehouse can, a retry finds the statement of an earlier attempt instead of starting another. */
  token?: string;
}

/**
 * Differences between warehouses, declared rather than tested for by name.
 */
export interface WarehouseCapabilities {
  /** DDL can be rolled back with the rest of a transaction. */
  transactionalDdl: boolean;
  /** A native MERGE or INSERT … ON CONFLICT. */
  merge: boolean;
  /** Loads straight from the object store and writes to it, without the rows passing through the worker: `stageObjects`, `unload`. */
  copyFromObjectStore: boolean;
  /** Primary keys are enforced. */
  enforcedKeys: boolean;
}

/**
 * Write, audit, publish. Every adapter passes `test/contracts/warehouse.contract.ts`.
 *
 * Errors: `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_BUSY` (both retryable), `WAREHOUSE_FORBIDDEN`,
 * `WAREHOUSE_REJECTED` (with the start of the statement), `SCHEMA_MISMATCH`, `STALE_RUN`, a guard's refusal.
 * An aborted signal cancels the running statement on the server.
 */
export interface Warehouse {
  readonly dialect: Dialect;
  readonly capabilities: WarehouseCapabilities;
  /** `duckdb:///…`, `postgres://host/db`: for people, never with credentials. */
  readonly description: string;
  /**
   * 1. Write: a fresh staging table with the table's columns, filled from local Parquet files, whatever an earlier
   * attempt left there. Returns the rows loaded, which the adapter has compared with the files' own count.
   */
  stage(staging: string, table: TableSpec, parquetFiles: readonly string[], options: StatementOptions): Promise<{ rows: number }>;
  /**
   * The same from objects of a store. `WAREHOUSE_REJECTED` names file, line, column and reason when more rows than `maxRejected`
   * (default 0) cannot be loaded; a text that is too long is such a row, and never cut off. Present with `copyFromObjectStore`.
   */
  stageObjects?(
    staging: string,
    table: TableSpec,
    objects: readonly ObjectReference[],
    options: StatementOptions & { format: ObjectFormat; maxRejected?: number },
  ): Promise<StagedObjects>;
  /**
   * Writes what a query answers to Parquet objects whose addresses begin with `prefix`, and a manifest that lists them with their
   * bytes and rows; replaces what an earlier attempt has left there. Present with `copyFromObjectStore`.
   */
  unload?(sql: string, prefix: string, options: StatementOptions): Promise<{ rows: number; manifest: string }>;
  /** 2. Audit: any read-only statement. */
  query(sql: string, options?: { signal?: AbortSignal; maxRows?: number }): Promise<QueryResult>;
  /**
   * 3. Publish: in one transaction, take the interval's ledger row (`STALE_RUN` when a higher generation has it), create
   * missing target tables, replace the interval's rows in every table, write the ledger row. All or nothing.
   */
  publish(request: PublishRequest, options: StatementOptions): Promise<PublishResult>;
  dropStaging(names: readonly string[]): Promise<void>;
  /** Small bookkeeping tables (check results): delete where the given columns have these values, insert, in one transaction; the table is created when missing. */
  replaceRows(table: TableSpec, where: Record<string, SqlValue>, rows: readonly (readonly SqlValue[])[]): Promise<void>;
  /** `undefined` when there is no such table. */
  describe(table: string): Promise<readonly Column[] | undefined>;
  /** One sentence when statements can be run; else throws. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}
