import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import { MillraceError } from '../errors.js';
import { SALES_TEXT_COLUMNS, type SalesLine } from './demo-day.js';
import type { SalesDatabase } from './sales-database.js';

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS sales_lines (
  business_date DATE NOT NULL, line_no BIGINT NOT NULL, ${SALES_TEXT_COLUMNS.map((column) => `${column} TEXT NULL`).join(', ')},
  PRIMARY KEY (business_date, line_no)) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;

const INSERT = `INSERT INTO sales_lines (business_date, line_no, ${SALES_TEXT_COLUMNS.join(', ')}) VALUES ?`;
const ROWS_PER_STATEMENT = 1_000;

/** MySQL or MariaDB as sales database. Errors: `SOURCE_UNAVAILABLE`, `SOURCE_FORBIDDEN`, `SOURCE_MISSING` (no such database), `SOURCE_REJECTED`. */
export function createMysqlSalesDatabase(options: ConnectionOptions): SalesDatabase {
  const where = `mysql://${options.host ?? 'localhost'}:${options.port ?? 3306}/${options.database ?? ''}`;
  return {
    load: async (date, lines) => {
      let connection: Connection | undefined;
      try {
        connection = await mysql.createConnection({ ...options, charset: 'utf8mb4_bin' });
        await replaceDay(connection, date, lines);
      } catch (error) {
        throw translate(error, where);
      } finally {
        connection?.destroy();
      }
    },
  };
}

async function replaceDay(connection: Connection, date: string, lines: readonly SalesLine[]): Promise<void> {
  await connection.query(CREATE_TABLE);
  await connection.beginTransaction();
  await connection.query('DELETE FROM sales_lines WHERE business_date = ?', [date]);
  for (let start = 0; start < lines.length; start += ROWS_PER_STATEMENT) {
    const rows = lines
      .slice(start, start + ROWS_PER_STATEMENT)
      .map((line) => [date, line.line_no, ...SALES_TEXT_COLUMNS.map((column) => line[column])]);
    await connection.query(INSERT, [rows]);
  }
  await connection.commit();
}

/** The driver's message may hold the user's name and host, never the password; it is kept as the cause. */
function translate(error: unknown, where: string): MillraceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/^ER_(ACCESS_DENIED|DBACCESS_DENIED|TABLEACCESS_DENIED|NOT_SUPPORTED_AUTH)/.test(code)) {
    return new MillraceError('SOURCE_FORBIDDEN', `${where} refused the login or the write (${code}): grant SELECT, INSERT, DELETE and CREATE`, { cause: error });
  }
  if (code === 'ER_BAD_DB_ERROR') return new MillraceError('SOURCE_MISSING', `${where} does not exist: create the database`, { cause: error });
  if (code.startsWith('ER_') && !/LOCK|TOO_MANY|SHUTDOWN|CON_COUNT/.test(code)) {
    return new MillraceError('SOURCE_REJECTED', `${where} rejected the sales lines (${code})`, { cause: error });
  }
  return new MillraceError('SOURCE_UNAVAILABLE', `${where} could not be filled (${code || 'connection lost'}): is the server running?`, { cause: error });
}
