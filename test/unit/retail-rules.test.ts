import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { judgeSale, RETAIL_COLUMNS } from '../../lambda/transform/retail-rules.js';
import { readText, sqlString, withScratchDatabase } from '../../src/duckdb/duckdb.js';
import { loadSql } from '../../src/sql-files.js';

const GOOD = ['536365', '85123A', 'WHITE HANGING HEART T-LIGHT HOLDER', '6', '2010-12-01 08:26:00', '2.55', '17850.0', 'United Kingdom'];

/** A good line with some of its values replaced: [column, value] pairs by position. */
const line = (changes: Record<number, string>): string[] => GOOD.map((value, index) => changes[index] ?? value);

const LINES: string[][] = [
  GOOD,
  ...['', '  ', 'c536365', ' 536365\u00a0'].map((value) => line({ 0: value })),
  ...['', ' 85123a ', '\ufeffPOST'].map((value) => line({ 1: value })),
  ...['', ' two  spaces ', 'tab\tinside', 'line\nbreak', 'vertical\vtab', 'straße'].map((value) => line({ 2: value })),
  ...['', '0', '6.0', '+6', '-6', '007', '1e3', '6.5', 'six', '-0', '999999999999999999', '9999999999999999999'].map((value) => line({ 3: value })),
  ...['-6', '6', '-6.00'].map((value) => line({ 0: 'C536365', 3: value })),
  ...[
    '',
    '2010-12-01',
    '2010-12-01T08:26',
    '2010-12-01 08:26:00.123456789',
    '2010-12-01 08:26:00.1000',
    '2010-12-01T08:26:00Z',
    '2010-12-01T08:26:00+02:00',
    '2010-12-01T00:26:00-0530',
    '2010-12-01Z',
    '2012-02-29 10:00:00',
    '2011-02-29 10:00:00',
    '2010-12-32',
    '2010-13-01',
    '2010-12-01 25:00:00',
    '2010-12-01 08:61:00',
    '1/12/2010 08:26',
    '0011-06-01',
    'infinity',
    '2010-07-01 12:00:00',
  ].map((value) => line({ 4: value })),
  ...['', '0', '0.000', '-1', '2.5', '2.500000000', '.5', '2.', '1,5', '2.1234567', '1e2', '007.10', '999999999999.999999', '1234567890123', '$5', '-0.0'].map((value) => line({ 5: value })),
  ...['', '17850', '17850.5', 'abc.0', '17850.000'].map((value) => line({ 6: value })),
  ...['', ' EIRE '].map((value) => line({ 7: value })),
];

const folder = await mkdtemp(join(tmpdir(), 'millrace-rules-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What sql/ecommerce-daily/clean_sales.sql says of the same lines. */
async function judgedBySql(timezone: string): Promise<(string | null)[][]> {
  const json = join(folder, 'lines.json');
  const names = ['invoice_no', 'stock_code', 'description', 'quantity', 'invoice_date', 'unit_price', 'customer_id', 'country'];
  const rows = LINES.map((values, index) => ({ position: index + 1, ...Object.fromEntries(names.map((name, at) => [name, values[at] === '' ? null : values[at]])) }));
  await writeFile(json, rows.map((row) => JSON.stringify(row)).join('\n'));
  const parquet = join(folder, 'lines.parquet');
  const columns = `{position: 'BIGINT', ${names.map((name) => `${name}: 'VARCHAR'`).join(', ')}}`;
  return withScratchDatabase({ memoryLimit: '256MB', threads: 1, scratchDir: folder }, async (db) => {
    await db.run(`COPY (FROM read_json(${sqlString(json)}, format = 'newline_delimited', columns = ${columns})) TO ${sqlString(parquet)} (FORMAT parquet)`);
    await db.run(`SET VARIABLE sales = ${sqlString(parquet)}`);
    await db.run(`SET TimeZone = ${sqlString(timezone)}`);
    await db.run(await loadSql('ecommerce-daily/clean_sales'));
    return readText(
      db,
      `SELECT reason, invoice_no, stock_code, description, quantity, order_ts, unit_price::DOUBLE, is_return, customer_id, country FROM clean_sales ORDER BY line_no`,
    );
  });
}

describe('the rules of the transform function', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/New_York'])('judge every line as sql/ecommerce-daily/clean_sales.sql does, with times of %s', async (timezone) => {
    const expected = await judgedBySql(timezone);
    for (const [index, values] of LINES.entries()) {
      const [reason, ...clean] = expected[index]!;
      const judged = judgeSale((column) => values[RETAIL_COLUMNS.indexOf(column)]!, timezone);
      const ours = 'reason' in judged ? judged : { sale: judged.sale.map((value, at) => (value === null ? null : at === 5 ? Number(value) : String(value))) };
      const theirs = reason !== null && reason !== undefined ? { reason } : { sale: clean.map((value, at) => (at === 5 ? Number(value) : value)) };
      expect([values, ours]).toEqual([values, theirs]);
    }
  });

  it('write numbers without signs and zeros that say nothing', () => {
    const judged = judgeSale((column) => line({ 3: '+007.0', 5: '0012.5000' })[RETAIL_COLUMNS.indexOf(column)]!, 'UTC');
    expect(judged).toMatchObject({ sale: expect.arrayContaining(['7', '12.5']) as unknown[] });
  });
});
