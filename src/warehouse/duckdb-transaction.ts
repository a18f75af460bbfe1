import { type DuckDBConnection, DuckDBTimestampTZValue, DuckDBTimestampValue, type DuckDBValue } from '@duckdb/node-api';
import { interruptible } from '../duckdb/duckdb.js';
import { duckdbDialect } from './duckdb-dialect.js';
import { duckdbError } from './duckdb-errors.js';
import { holderOf, insertClaim, LEDGER, ofInterval, selectHolder } from './ledger.js';
import { isoUtc } from './moments.js';
import type { SqlTransaction } from './sql-transaction.js';
import { columnDefinitions } from './tables.js';
import type { SqlValue } from './warehouse.js';

/** Runs `work` in a transaction of this connection: committed when it succeeds, rolled back when it throws or `signal` aborts. */
export async function inDuckDBTransaction<T>(
  connection: DuckDBConnection,
  path: string,
  signal: AbortSignal | undefined,
  work: (tx: SqlTransaction) => Promise<T>,
): Promise<T> {
  const tx = duckdbTransaction(connection, path, signal);
  await connection.run('BEGIN TRANSACTION');
  try {
    const result = await work(tx);
    signal?.throwIfAborted();
    await connection.run('COMMIT');
    return result;
  } catch (error) {
    // A failed COMMIT has ended the transaction already.
    await connection.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function duckdbTransaction(connection: DuckDBConnection, path: string, signal: AbortSignal | undefined): SqlTransaction {
  const guarded = async <T>(sql: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await interruptible(connection, signal, work);
    } catch (error) {
      signal?.throwIfAborted();
      throw duckdbError(error, path, sql);
    }
  };
  const tx: SqlTransaction = {
    dialect: duckdbDialect,
    run: (sql) => guarded(sql, async () => (await connection.run(sql)).rowsChanged),
    rows: (sql) => guarded(sql, async () => (await connection.runAndReadAll(sql)).getRows().map(sqlRow)),
    columnsOf: async (table) => {
      const columns = await tx.rows(
        'SELECT column_name, data_type, is_nullable FROM duckdb_columns() ' +
          `WHERE database_name = current_database() AND schema_name = 'main' AND table_name = ${duckdbDialect.literal(table, 'text')} ORDER BY column_index`,
      );
      if (columns.length === 0) return undefined;
      return columns.map(([name, type, nullable]) => ({ name: String(name), type: String(type), nullable: nullable === true }));
    },
    columnsOfQuery: async (sql) => (await tx.rows(`DESCRIBE ${sql}`)).map(([name]) => String(name)),
    createTable: async (table) => {
      await tx.run(`CREATE TABLE ${duckdbDialect.identifier(table.name)} (${columnDefinitions(duckdbDialect, table.columns, 'target')})`);
      return true;
    },
    // The adapter lets one writer at a time into the file, and DuckDB one process.
    lockTable: () => Promise.resolve(),
    claimInterval: async (claim) => {
      const [row] = await tx.rows(selectHolder(duckdbDialect, claim));
      const holder = holderOf(row);
      if (holder && holder.generation > claim.generation) return holder;
      if (holder) await tx.run(`DELETE FROM ${duckdbDialect.identifier(LEDGER.name)} WHERE ${ofInterval(duckdbDialect, claim)}`);
      await tx.run(insertClaim(duckdbDialect, claim));
      return undefined;
    },
  };
  return tx;
}

/** A row as every adapter returns it: see `SqlValue`. */
export function sqlRow(row: readonly DuckDBValue[]): SqlValue[] {
  return row.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    if (value instanceof DuckDBTimestampTZValue) return isoUtc(String(new DuckDBTimestampValue(value.micros)));
    return value instanceof DuckDBTimestampValue ? isoUtc(String(value)) : String(value);
  });
}
