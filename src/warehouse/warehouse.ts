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

/**
 * Differences between warehouses, declared rather than tested for by name.
 */
export interface WarehouseCapabilities {
  /** DDL can be rolled back with the rest of a transaction. */
  transactionalDdl: boolean;
  /** A native MERGE or INSERT … ON CONFLICT. */
  merge: boolean;
  /** Loads straight from the object store, without the rows passing through the worker. */
  copyFromObjectStore: boolean;
  /** Primary keys are enforced. */
  enforcedKeys: boolean;
}

/**
 * Write, audit, publish. Every adapter passes `test/contracts/warehouse.contract.ts`.
 *
 * Errors: `WAREHOUSE_UNAVAILABLE`, `WAREHOUSE_BUSY` (both retryable), `WAREHOUSE_FORBIDDEN`,
 * `WAREHOUSE_REJECTED` (with the start of the statement), `SCHEMA_MISMATCH`, `STALE_RUN`.
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
  stage(staging: string, table: TableSpec, parquetFiles: readonly string[], options: { signal: AbortSignal }): Promise<{ rows: number }>;
  /** 2. Audit: any read-only statement. */
  query(sql: string, options?: { signal?: AbortSignal; maxRows?: number }): Promise<QueryResult>;
  /**
   * 3. Publish: in one transaction, take the interval's ledger row (`STALE_RUN` when a higher generation has it), create
   * missing target tables, replace the interval's rows in every table, write the ledger row. All or nothing.
   */
  publish(request: PublishRequest, options: { signal: AbortSignal }): Promise<PublishResult>;
  dropStaging(names: readonly string[]): Promise<void>;
  /** Small bookkeeping tables (check results): delete where the given columns have these values, insert, in one transaction; the table is created when missing. */
  replaceRows(table: TableSpec, where: Record<string, SqlValue>, rows: readonly (readonly SqlValue[])[]): Promise<void>;
  /** `undefined` when there is no such table. */
  describe(table: string): Promise<readonly Column[] | undefined>;
  /** One sentence when statements can be run; else throws. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}
