import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SALES_TEXT_COLUMNS, type SalesLine } from '../../src/demo/demo-day.js';
import { generateDay } from '../../src/demo/generate-day.js';
import { createMysqlSalesDatabase, type MysqlSalesOptions } from '../../src/demo/mysql-sales-database.js';
import { createDuckDBSalesDatabase, type SalesDatabase } from '../../src/demo/sales-database.js';
import { withDatabaseFile, type DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { locateMariaDb, startMariaDb, type MariaDb } from '../servers/mariadb.js';
import { describeWithServer } from '../support/with-server.js';

type Row = (string | null)[];

const COLUMNS = ['line_no', ...SALES_TEXT_COLUMNS];
const DATE = '2026-01-31';
const rowOf = (line: SalesLine): Row => [String(line.line_no), ...SALES_TEXT_COLUMNS.map((column) => line[column])];

interface Filled {
  database: SalesDatabase;
  read(date: string): Promise<Row[]>;
}

function salesDatabaseContract(filled: () => Filled): void {
  it('holds every line of a day as its text, dirt included', async () => {
    const { lines } = generateDay(DATE);
    await filled().database.load(DATE, lines);
    expect(await filled().read(DATE)).toEqual(lines.map(rowOf));
  });

  it('has one copy of a day that was loaded twice, and leaves the other days alone', async () => {
    const [first, second] = generateDay('2026-02-01').lines;
    const lines = [first, second].filter((line) => line !== undefined);
    const other = await filled().read(DATE);
    await filled().database.load('2026-02-01', lines);
    await filled().database.load('2026-02-01', lines.slice(0, 1));
    await filled().database.load('2026-02-01', lines);
    expect(await filled().read('2026-02-01')).toEqual(lines.map(rowOf));
    expect(await filled().read(DATE)).toEqual(other);
  });

  it('can be emptied of a day', async () => {
    await filled().database.load('2026-02-01', []);
    expect(await filled().read('2026-02-01')).toEqual([]);
  });

  it('keeps the day it had when the new one cannot be written', async () => {
    const before = await filled().read(DATE);
    expect(before.length).toBeGreaterThan(0);
    const broken = { ...generateDay(DATE).lines[0], line_no: 2 ** 63 } as SalesLine;
    await expect(filled().database.load(DATE, [broken])).rejects.toBeInstanceOf(Error);
    expect(await filled().read(DATE)).toEqual(before);
  });
}

describe('the embedded sales database', () => {
  let folder: string;
  let limits: DuckDBLimits;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-sales-'));
    limits = { memoryLimit: '256MB', threads: 1, scratchDir: join(folder, 'scratch') };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  salesDatabaseContract(() => ({
    database: createDuckDBSalesDatabase(join(folder, 'sales.duckdb'), limits),
    read: (date) =>
      withDatabaseFile(join(folder, 'sales.duckdb'), { ...limits, readOnly: true }, async (connection) => {
        const columns = COLUMNS.map((column) => `CAST(${column} AS VARCHAR)`).join(', ');
        const reader = await connection.runAndReadAll(`SELECT ${columns} FROM sales_lines WHERE business_date = CAST($1 AS DATE) ORDER BY line_no`, [date]);
        return reader.getRows() as Row[];
      }),
  }));
});

describeWithServer('MySQL as sales database', locateMariaDb, () => {
  let server: MariaDb;
  let connection: Connection;
  const login = { user: 'filler', password: 'p@ss/word' };
  beforeAll(async () => {
    server = await startMariaDb();
    connection = await server.connectAdmin();
    await connection.query(`CREATE USER '${login.user}'@'127.0.0.1' IDENTIFIED BY '${login.password}'`);
    await connection.query(`GRANT ALL ON ${server.database}.* TO '${login.user}'@'127.0.0.1'`);
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  const address = (): Pick<MysqlSalesOptions, 'host' | 'port' | 'database'> => ({ host: server.host, port: server.port, database: server.database });

  salesDatabaseContract(() => ({
    database: createMysqlSalesDatabase({ ...address(), ...login }),
    read: async (date) => {
      const columns = COLUMNS.map((column) => (column === 'line_no' ? 'CAST(line_no AS CHAR)' : column)).join(', ');
      const [rows] = await connection.query({ sql: `SELECT ${columns} FROM sales_lines WHERE business_date = ? ORDER BY line_no`, values: [date], rowsAsArray: true });
      return rows as unknown as Row[];
    },
  }));

  it.each<[string, string, () => MysqlSalesOptions]>([
    ['a wrong password', 'SOURCE_FORBIDDEN', () => ({ ...address(), user: login.user, password: 'not the p@ss' })],
    ['a login that may only read', 'SOURCE_FORBIDDEN', () => ({ ...address(), user: server.user, password: server.password })],
    ['a server that is not there', 'SOURCE_UNAVAILABLE', () => ({ ...address(), ...login, port: 1 })],
    ['a database that is not there', 'SOURCE_MISSING', () => ({ ...address(), database: 'nowhere', user: 'admin_of_all', password: login.password })],
  ])('with %s fails with %s, and without the password in the message', async (_, code, options) => {
    await connection.query(`CREATE OR REPLACE USER 'admin_of_all'@'127.0.0.1' IDENTIFIED BY '${login.password}'`);
    await connection.query("GRANT ALL ON *.* TO 'admin_of_all'@'127.0.0.1'");
    const failure: unknown = await createMysqlSalesDatabase(options()).load(DATE, generateDay(DATE).lines).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringContaining('mysql://127.0.0.1:') as string });
    expect(String(failure)).not.toMatch(/p@ss|correct horse/);
  });
});
