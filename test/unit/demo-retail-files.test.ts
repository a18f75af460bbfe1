import { existsSync } from 'node:fs';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SALES_TEXT_COLUMNS } from '../../src/demo/demo-day.js';
import { retailFileDays } from '../../src/demo/retail-files.js';

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
const LINE = '536365,85123A,HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-retail-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (name: string, content: string | Buffer): Promise<void> => writeFile(join(folder, name), content);
const dayOf = async (content: string | Buffer): ReturnType<ReturnType<typeof retailFileDays>['day']> => {
  await put('2010-12-01.csv', content);
  return retailFileDays(folder).day('2010-12-01');
};
const error = (code: string, message: RegExp): unknown => expect.objectContaining({ code, message: expect.stringMatching(message) as string });

describe('a file in the Online Retail format', () => {
  it('keeps every value as its text, in the order of the file', async () => {
    const awkward = ['C1', ' 85123a ', 'TWO  SPACES, "QUOTED"\r\nSECOND LINE 🎁 ', '-06', '2010-12-01T08:26:00+01:00', '2.50', '17850.0', '=1+1'];
    const { lines } = await dayOf(`${HEADER}\n${awkward.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')}\n${LINE}\n`);
    expect(lines.map((line) => SALES_TEXT_COLUMNS.map((column) => line[column]))).toEqual([awkward, LINE.split(',')]);
    expect(lines.map((line) => line.line_no)).toEqual([1, 2]);
  });

  it('reads an empty value as null', async () => {
    const { lines } = await dayOf(`${HEADER}\n,,"",,,,,\n${LINE}\n`);
    expect(SALES_TEXT_COLUMNS.map((column) => lines[0]?.[column])).toEqual(Array.from({ length: 8 }, () => null));
  });

  it.each([
    ['a byte order mark', `\uFEFF${HEADER}\n${LINE}\n`],
    ['CRLF', `${HEADER}\r\n${LINE}\r\n`],
    ['no last line end', `${HEADER}\n${LINE}`],
    ['a blank line at the end', `${HEADER}\n${LINE}\n\n`],
    ['an additional column', `Shop,${HEADER}\n1,${LINE}\n`],
  ])('may have %s', async (_, content) => {
    const { lines } = await dayOf(content);
    expect(lines).toHaveLength(1);
    expect(SALES_TEXT_COLUMNS.map((column) => lines[0]?.[column])).toEqual(LINE.split(','));
  });

  it('gives the customers and products that occur in it', async () => {
    const rows = [
      '1,85123a,HEART T-LIGHT HOLDER ,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
      '1, 85123A ,damaged,6,2010-12-01 08:26:00,0,17850,France',
      '1,85123A,HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.95,,France',
      '2,85123A,,6,2010-12-01 08:26:00,2.95,12349,',
      '2,XYZ,,6,2010-12-01 08:26:00,-1,12346,Spain',
    ];
    const { customers, products } = await dayOf([HEADER, ...rows].join('\n'));
    expect(customers).toEqual([
      { customer_id: '17850', name: 'Customer 17850', country: 'United Kingdom', segment: 'consumer' },
      { customer_id: '12349', name: 'Customer 12349', country: 'Unspecified', segment: 'wholesale' },
      { customer_id: '12346', name: 'Customer 12346', country: 'Spain', segment: 'business' },
    ]);
    expect(products).toEqual([
      { stock_code: '85123A', name: 'HEART T-LIGHT HOLDER', category: 'lighting', list_price: '2.95' },
      { stock_code: 'XYZ', name: 'XYZ', category: 'other', list_price: null },
    ]);
  });

  it.each<[string, string | Buffer, string, RegExp]>([
    ['is empty', '', 'SOURCE_EMPTY', /2010-12-01\.csv is empty/],
    ['has no lines', `${HEADER}\n`, 'SOURCE_EMPTY', /a header and no lines/],
    ['has other columns', 'Invoice,StockCode,Price\n1,2,3\n', 'SOURCE_MALFORMED', /lacks the columns InvoiceNo, .*UnitPrice.* has: Invoice, StockCode, Price/],
    ['is in Latin-1', Buffer.from(`${HEADER}\n${LINE}\n${LINE.replace('HEART', '£20 HEART')}\n`, 'latin1'), 'SOURCE_MALFORMED', /line 3 is not UTF-8/],
    ['is in UTF-16', Buffer.from(`\uFEFF${HEADER}\n${LINE}\n`, 'utf16le'), 'SOURCE_MALFORMED', /line 1 is not UTF-8/],
    ['stops in the middle of its last line', `${HEADER}\n${LINE}\n536365,85123A,HEA`, 'SOURCE_INCOMPLETE', /line 3 has 3 values instead of 8.*half-written/],
    ['stops inside a quoted value', `${HEADER}\n${LINE}\n536365,85123A,"HEART`, 'SOURCE_INCOMPLETE', /ends inside a quoted value/],
    ['lacks values in the middle', `${HEADER}\n536365,85123A\n${LINE}\n`, 'SOURCE_MALFORMED', /line 2 has 2 values instead of 8/],
    ['has an unquoted comma', `${HEADER}\n${LINE.replace('HEART', 'RED, HEART')}\n`, 'SOURCE_MALFORMED', /line 2 has 9 values instead of 8: quote/],
    ['has a stray quote', `${HEADER}\n${LINE.replace('HEART', '7" HEART')}\n`, 'SOURCE_MALFORMED', /is not CSV: .*line 2/],
  ])('that %s is refused with its name and the reason', async (_, content, code, message) => {
    await expect(dayOf(content)).rejects.toThrowError(error(code, message));
  });
});

describe('a folder of such files', () => {
  it('lists the days it has, ascending, and passes over other files', async () => {
    for (const name of ['2010-12-03.csv', '2010-12-01.csv', '2010-13-01.csv', 'notes.txt', '2010-12-02.csv.bak']) await put(name, `${HEADER}\n${LINE}\n`);
    expect(await retailFileDays(folder).dates()).toEqual(['2010-12-01', '2010-12-03']);
  });

  it('names the nearest days when it has no file for a date', async () => {
    for (const name of ['2010-12-01.csv', '2010-12-03.csv', '2010-12-06.csv']) await put(name, `${HEADER}\n${LINE}\n`);
    const message = /no file for 2010-12-04; the nearest days are 2010-12-03 and 2010-12-06 \(3 days from 2010-12-01 to 2010-12-06\)/;
    await expect(retailFileDays(folder).day('2010-12-04')).rejects.toThrowError(error('SOURCE_MISSING', message));
  });

  it('refuses a date that is none', async () => {
    await expect(retailFileDays(folder).day('2010-02-30')).rejects.toThrowError(error('BAD_PARAMS', /2010-02-30/));
  });

  it('is named when it is missing, is a file, or has no such files', async () => {
    await expect(retailFileDays(join(folder, 'nowhere')).dates()).rejects.toThrowError(error('SOURCE_MISSING', /nowhere does not exist/));
    await put('file', 'x');
    await expect(retailFileDays(join(folder, 'file')).dates()).rejects.toThrowError(error('SOURCE_MISSING', /file does not exist|is no folder/));
    await mkdir(join(folder, 'empty'));
    await expect(retailFileDays(join(folder, 'empty')).dates()).rejects.toThrowError(error('SOURCE_EMPTY', /no file named YYYY-MM-DD\.csv/));
  });
});

const realFiles = join(resolve(process.env['MILLRACE_SHARED_DATA'] ?? '../shared/data'), 'online-retail', 'by-day');
const describeRealFiles = existsSync(realFiles) ? describe : describe.skip;

describeRealFiles(`the real Online Retail files${existsSync(realFiles) ? '' : ' (skipped: set MILLRACE_SHARED_DATA to the folder that has online-retail/by-day)'}`, () => {
  it.each(['2010-12-01', '2010-12-20', '2011-01-05', '2011-05-01', '2011-08-12'])('of %s have the values that DuckDB reads from them', async (date) => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      const file = join(realFiles, `${date}.csv`).replaceAll("'", "''");
      // The columns are read by position: nothing of ours is between the file and the comparison.
      const reader = await connection.runAndReadAll(`FROM read_csv('${file}', all_varchar = true, header = true, quote = '"', escape = '"')`);
      const { lines } = await retailFileDays(realFiles).day(date);
      expect(lines.length).toBeGreaterThan(400);
      expect(lines.map((line) => SALES_TEXT_COLUMNS.map((column) => line[column]))).toEqual(reader.getRows());
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  });

  it('give every day clicks, customers and products', async () => {
    const day = await retailFileDays(realFiles).day('2010-12-01');
    expect(day.lines).toHaveLength(3_108);
    expect(day.customers).toHaveLength(98);
    expect(day.products).toHaveLength(1_351);
    expect(day.clicks.every((file) => file.lines.length > 100)).toBe(true);
    expect(day.products.filter((product) => product.category === 'other').length / day.products.length).toBeLessThan(0.2);
  });
});
