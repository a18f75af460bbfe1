import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { interruptible, withDatabaseFile, type DuckDBLimits } from '../duckdb/duckdb.js';
import { MillraceError } from '../errors.js';
import { duckdbDialect } from './duckdb-dialect.js';
import { duckdbError } from './duckdb-errors.js';
import { inDuckDBTransaction, sqlRow } from './duckdb-transaction.js';
import { exclusively } from './exclusively.js';
import { portableColumns } from './native-types.js';
import { publishTables } from './publish-tables.js';
import { replaceRows } from './replace-rows.js';
import type { SqlTransaction } from './sql-transaction.js';
import { checkLoaded, readStagedFiles } from './staged-files.js';
import { checkStagingName } from './tables.js';
import type { QueryResult, Warehouse } from './warehouse.js';

export interface DuckDBWarehouseOptions {
  /** The database file; it and its folder are created by the first load. */
  path: string;
  limits: DuckDBLimits;
  /** How long to wait for another process to let go of the file before `WAREHOUSE_BUSY`, in milliseconds; default 30 000. */
  waitMs?: number;
}

/**
 * A warehouse in one DuckDB file, for one machine. The file is open only while a statement needs it, so that workers and
 * the CLI take turns; writers of one process queue up. Readers see the last publication while the next one is written.
 */
export function createDuckDBWarehouse(options: DuckDBWarehouseOptions): Warehouse {
  const path = resolve(options.path);

  const opened = async <T>(mode: { readOnly: boolean; signal?: AbortSignal | undefined; statement?: string }, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> => {
    const { signal, readOnly } = mode;
    try {
      const { limits, waitMs } = options;
      return await withDatabaseFile(path, { ...limits, readOnly, ...(waitMs !== undefined && { waitMs }), ...(signal && { signal }) }, use);
    } catch (error) {
      signal?.throwIfAborted();
      throw duckdbError(error, path, mode.statement);
    }
  };
  const write = <T>(signal: AbortSignal | undefined, work: (tx: SqlTransaction, connection: DuckDBConnection) => Promise<T>): Promise<T> =>
    exclusively(path, signal, () => opened({ readOnly: false, signal }, (connection) => inDuckDBTransaction(connection, path, signal, (tx) => work(tx, connection))));

  return {
    dialect: duckdbDialect,
    capabilities: { transactionalDdl: true, merge: true, copyFromObjectStore: false, enforcedKeys: false },
    description: `duckdb://${path}`,

    stage: async (staging, table, parquetFiles, { signal }) => {
      checkStagingName(staging);
      return write(signal, async (tx, connection) => {
        const files = await readStagedFiles(connection, table, parquetFiles, { dialect: duckdbDialect, signal });
        const [created] = await tx.rows(`CREATE OR REPLACE TABLE ${duckdbDialect.identifier(staging)} AS ${files.select}`);
        const rows = Number(created?.[0]);
        checkLoaded(staging, rows, files);
        return { rows };
      });
    },

    query: async (sql, { signal, maxRows } = {}) => {
      if (!existsSync(path)) throw new MillraceError('WAREHOUSE_REJECTED', `Nothing has been published yet: the warehouse ${path} does not exist. Run a pipeline first.`);
      return opened({ readOnly: true, signal, statement: sql }, (connection) => readOnlyQuery(connection, sql, signal, maxRows));
    },

    publish: (request, { signal }) => write(signal, (tx) => publishTables(tx, request)),

    dropStaging: async (names) => {
      names.forEach(checkStagingName);
      if (names.length === 0 || !existsSync(path)) return;
      await write(undefined, async (tx) => {
        for (const name of names) await tx.run(`DROP TABLE IF EXISTS ${duckdbDialect.identifier(name)}`);
      });
    },

    replaceRows: (table, where, rows) => write(undefined, (tx) => replaceRows(tx, table, where, rows)),

    describe: async (table) => {
      if (!existsSync(path)) return undefined;
      const columns = await opened({ readOnly: true }, (connection) => inDuckDBTransaction(connection, path, undefined, (tx) => tx.columnsOf(table)));
      return columns && portableColumns(columns);
    },

    check: async () => {
      try {
        await access(existing(path), constants.R_OK | constants.W_OK);
      } catch (error) {
        throw duckdbError(error, path);
      }
      if (!existsSync(path)) return `DuckDB creates ${path} with the first load`;
      const [row] = await opened({ readOnly: true }, async (connection) => (await connection.runAndReadAll('SELECT version()')).getRows());
      return `DuckDB ${String(row?.[0])} reads and writes ${path}`;
    },

    // Nothing stays open between two calls.
    close: () => Promise.resolve(),
  };
}

/** One statement that may not write, whatever mode this process has opened the file in. */
async function readOnlyQuery(connection: DuckDBConnection, sql: string, signal: AbortSignal | undefined, maxRows: number | undefined): Promise<QueryResult> {
  const statements = (await connection.extractStatements(sql)).count;
  if (statements !== 1) throw new MillraceError('WAREHOUSE_REJECTED', `One statement at a time: this text has ${statements}`);
  await connection.run('BEGIN TRANSACTION READ ONLY');
  try {
    const reader = await interruptible(connection, signal, () => (maxRows === undefined ? connection.runAndReadAll(sql) : connection.streamAndReadUntil(sql, maxRows)));
    const rows = maxRows === undefined ? reader.getRows() : reader.getRows().slice(0, maxRows);
    return { columns: reader.columnNames(), rows: rows.map(sqlRow) };
  } finally {
    // The statement may have ended the transaction itself.
    await connection.run('ROLLBACK').catch(() => undefined);
  }
}

/** The path, or the nearest folder above it that exists. */
function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path));
}
