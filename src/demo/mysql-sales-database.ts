import mysql, { type Connection } from 'mysql2/promise';
import { MillraceError } from '../errors.js';
import type { MySqlSourceOptions } from '../sources/mysql.js';
import { translateMySqlError } from '../sources/mysql-errors.js';
import { SALES_TEXT_COLUMNS, type SalesLine } from './demo-day.js';
import type { SalesDatabase } from './sales-database.js';

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS sales_lines (
  business_date DATE NOT NULL, line_no BIGINT NOT NULL, ${SALES_TEXT_COLUMNS.map((column) => `${column} TEXT NULL`).join(', ')},
  PRIMARY KEY (business_date, line_no)) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;

const INSERT = `INSERT INTO sales_lines (business_date, line_no, ${SALES_TEXT_COLUMNS.join(', ')}) VALUES ?`;
const ROWS_PER_STATEMENT = 1_000;

export type MysqlSalesOptions = Pick<MySqlSourceOptions, 'host' | 'port' | 'user' | 'password' | 'database' | 'ssl'>;

/** MySQL or MariaDB as sales database. Errors: the `SOURCE_…` codes of MySQL. */
export function createMysqlSalesDatabase(options: MysqlSalesOptions): SalesDatabase {
  const { ssl, ...login } = options;
  const where = `mysql://${options.host}:${options.port}/${options.database ?? ''}`;
  return {
    load: async (date, lines) => {
      let connection: Connection | undefined;
      try {
        connection = await mysql.createConnection({ ...login, ...(ssl ? { ssl: ssl === true ? {} : ssl } : {}), charset: 'utf8mb4_bin' });
        await replaceDay(connection, date, lines);
      } catch (error) {
        throw withGrants(translateMySqlError(error, where, [options.password]), where);
      } finally {
        connection?.destroy();
      }
    },
  };
}

/** A reader's grants are not enough here. */
function withGrants(error: MillraceError, where: string): MillraceError {
  if (error.code !== 'SOURCE_FORBIDDEN') return error;
  return new MillraceError(error.code, `${where} refuses the demonstration: check the password, and grant CREATE, SELECT, INSERT and DELETE`, { cause: error });
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
