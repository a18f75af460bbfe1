import type { DuckDBConnection } from '@duckdb/node-api';
import { DatabaseFileLocked, withDatabaseFile, type DuckDBLimits } from '../duckdb/duckdb.js';
import { MillraceError } from '../errors.js';
import { SALES_TEXT_COLUMNS, type SalesLine } from './demo-day.js';

/** A database whose table `sales_lines` the demonstration fills. */
export interface SalesDatabase {
  /** Replaces the lines of one business date (`YYYY-MM-DD`) in one transaction; creates the table when it is missing. */
  load(date: string, lines: readonly SalesLine[]): Promise<void>;
}

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS sales_lines (
  business_date DATE NOT NULL, line_no BIGINT NOT NULL, ${SALES_TEXT_COLUMNS.map((column) => `${column} VARCHAR`).join(', ')})`;

/** The embedded sales database: a DuckDB file, open only while a day is written. `SOURCE_UNAVAILABLE` when others keep it. */
export function createDuckDBSalesDatabase(path: string, limits: DuckDBLimits): SalesDatabase {
  return {
    load: async (date, lines) => {
      try {
        await withDatabaseFile(path, limits, (connection) => replaceDay(connection, date, lines));
      } catch (error) {
        if (!(error instanceof DatabaseFileLocked)) throw error;
        throw new MillraceError('SOURCE_UNAVAILABLE', `the sales of ${date} could not be written: ${error.message}`, { cause: error });
      }
    },
  };
}

async function replaceDay(connection: DuckDBConnection, date: string, lines: readonly SalesLine[]): Promise<void> {
  await connection.run(CREATE_TABLE);
  await connection.run('BEGIN');
  try {
    await connection.run('DELETE FROM sales_lines WHERE business_date = CAST($1 AS DATE)', [date]);
    await connection.run(`CREATE OR REPLACE TEMP TABLE incoming (line_no BIGINT, ${SALES_TEXT_COLUMNS.map((column) => `${column} VARCHAR`).join(', ')})`);
    await append(connection, lines);
    await connection.run('INSERT INTO sales_lines SELECT CAST($1 AS DATE), * FROM incoming ORDER BY line_no', [date]);
    await connection.run('DROP TABLE incoming');
    await connection.run('COMMIT');
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function append(connection: DuckDBConnection, lines: readonly SalesLine[]): Promise<void> {
  const appender = await connection.createAppender('incoming', null, 'temp');
  for (const line of lines) {
    appender.appendBigInt(BigInt(line.line_no));
    for (const column of SALES_TEXT_COLUMNS) {
      const value = line[column];
      if (value === null) appender.appendNull();
      else appender.appendVarchar(value);
    }
    appender.endRow();
  }
  appender.closeSync();
}
