import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withDatabaseFile, type DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { createDuckDBSalesDatabase } from '../../src/demo/sales-database.js';
import { createMysqlSalesDatabase } from '../../src/demo/mysql-sales-database.js';
import type { MariaDb } from '../../test/servers/mariadb.js';

/** Rows of one statement: a larger transaction only fills the server's undo log. */
const ROWS_PER_STATEMENT = 500_000;

/** The text columns of a sales line, of about a hundred bytes together, in SQL that DuckDB and MariaDB read alike. */
function salesColumns(position: string): string {
  return [
    `CONCAT('', 536365 + FLOOR(${position} / 20))`,
    `CONCAT('', 10000 + ${position} % 4000)`,
    `CONCAT('WHITE HANGING HEART T-LIGHT HOLDER ', ${position} % 5000)`,
    `CONCAT('', 1 + ${position} % 24)`,
    "'2010-12-01 08:26:00'",
    `CONCAT(${position} % 20, '.', 10 + ${position} % 90)`,
    `CONCAT('', 12000 + ${position} % 40000)`,
    "'United Kingdom'",
  ].join(', ');
}

/** Fills the embedded sales database with `rows` lines of one day. */
export async function fillDuckDbSales(path: string, date: string, rows: number, limits: DuckDBLimits): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await createDuckDBSalesDatabase(path, limits).load(date, []);
  await withDatabaseFile(path, limits, (connection) =>
    connection.run(`INSERT INTO sales_lines SELECT DATE '${date}', i, ${salesColumns('i')} FROM range(1, ${rows + 1}) AS numbers(i)`),
  );
}

/** Fills the sales table of the server with `rows` lines of one day. */
export async function fillMariaDbSales(server: MariaDb, date: string, rows: number): Promise<void> {
  const admin = await server.connectAdmin();
  try {
    await admin.query(`GRANT CREATE, INSERT, DELETE ON ${server.database}.* TO '${server.user}'@'127.0.0.1'`);
    const { host, port, user, password, database } = server;
    await createMysqlSalesDatabase({ host, port, user, password, database }).load(date, []);
    for (let first = 1; first <= rows; first += ROWS_PER_STATEMENT) {
      const last = Math.min(first + ROWS_PER_STATEMENT - 1, rows);
      await admin.query(`INSERT INTO sales_lines SELECT '${date}', seq, ${salesColumns('seq')} FROM seq_${first}_to_${last}`);
    }
  } finally {
    await admin.end();
  }
}
