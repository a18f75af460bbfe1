import { isUtf8 } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { MillraceError } from '../errors.js';
import { isCalendarDate, startOfDay } from './calendar.js';
import type { DemoDay, DemoDays, SalesLine } from './demo-day.js';
import { generateClicks } from './generate-clicks.js';
import { customersOf, productsOf } from './derive-masters.js';

/** The file's columns and what they are called in the sales table. */
export const COLUMNS = {
  InvoiceNo: 'invoice_no',
  StockCode: 'stock_code',
  Description: 'description',
  Quantity: 'quantity',
  InvoiceDate: 'invoice_date',
  UnitPrice: 'unit_price',
  CustomerID: 'customer_id',
  Country: 'country',
} as const satisfies Record<string, keyof SalesLine>;

type ColumnName = keyof typeof COLUMNS;

/** A day is read as a whole; the busiest day of the Online Retail data has 0.5 MB. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/**
 * Days from files in the Online Retail format, `DIR/YYYY-MM-DD.csv`. Values are kept as they are, empty ones become null;
 * customers and products derive from the day's lines, clicks from its orders.
 */
export function retailFileDays(directory: string): DemoDays {
  const root = resolve(directory);
  return {
    description: `files in ${directory}`,
    dates: () => listDates(root),
    day: async (date) => {
      startOfDay(date);
      const dates = await listDates(root);
      if (!dates.includes(date)) {
        throw new MillraceError('SOURCE_MISSING', `${root} has no file for ${date}; the nearest days are ${nearest(dates, date).join(' and ')} (${summary(dates)})`);
      }
      return retailDay(date, await readSalesFile(join(root, `${date}.csv`)));
    },
  };
}

function retailDay(date: string, lines: readonly SalesLine[]): DemoDay {
  const products = productsOf(lines);
  return { date, lines, customers: customersOf(lines), products, clicks: generateClicks({ date, lines, products }, { dirt: false }) };
}

async function listDates(root: string): Promise<string[]> {
  const names = await readdir(root).catch((error: unknown) => {
    throw fileError(error, `the folder ${root}`, 'give --data a folder with files named YYYY-MM-DD.csv');
  });
  const dates = names
    .filter((name) => name.endsWith('.csv'))
    .map((name) => basename(name, '.csv'))
    .filter(isCalendarDate)
    .sort();
  if (dates.length === 0) {
    throw new MillraceError('SOURCE_EMPTY', `${root} has no file named YYYY-MM-DD.csv (it holds ${names.length} other entries): give --data a folder with one file a day`);
  }
  return dates;
}

/** Up to one day before and one after. */
function nearest(dates: readonly string[], date: string): string[] {
  return [dates.findLast((other) => other < date), dates.find((other) => other > date)].filter((other) => other !== undefined);
}

function summary(dates: readonly string[]): string {
  return dates.length === 1 ? 'the only one' : `${dates.length} days from ${dates[0]} to ${dates.at(-1)}`;
}

/**
 * The lines of one file, in its order, every value as its text. Errors: `SOURCE_MISSING`, `SOURCE_FORBIDDEN`, `SOURCE_TOO_LARGE`,
 * `SOURCE_EMPTY`, `SOURCE_MALFORMED` (not UTF-8, not CSV, other columns), `SOURCE_INCOMPLETE` (the last line stops half-way).
 */
export async function readSalesFile(file: string): Promise<SalesLine[]> {
  const text = await readText(file);
  const [header, ...rows] = parseCsv(file, text);
  const positions = columnPositions(file, header?.record ?? []);
  if (rows.length === 0) throw new MillraceError('SOURCE_EMPTY', `${file} has a header and no lines: put the day's sales into it or choose another day`);
  const width = header?.record.length ?? 0;
  return rows.map(({ record, line }, index) => {
    if (record.length !== width) throw wrongWidth(file, line, record.length, width, index === rows.length - 1);
    const value = (name: ColumnName): string | null => record[positions[name]] || null;
    return {
      line_no: index + 1,
      invoice_no: value('InvoiceNo'),
      stock_code: value('StockCode'),
      description: value('Description'),
      quantity: value('Quantity'),
      invoice_date: value('InvoiceDate'),
      unit_price: value('UnitPrice'),
      customer_id: value('CustomerID'),
      country: value('Country'),
    };
  });
}

async function readText(file: string): Promise<string> {
  const remedy = 'check the file';
  const { size } = await stat(file).catch((error: unknown) => {
    throw fileError(error, file, remedy);
  });
  if (size === 0) throw new MillraceError('SOURCE_EMPTY', `${file} is empty: put the day's sales into it or choose another day`);
  if (size > MAX_FILE_BYTES) {
    throw new MillraceError('SOURCE_TOO_LARGE', `${file} has ${size} bytes, and a day may have ${MAX_FILE_BYTES}: load such data through a SALES connection`);
  }
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(error, file, remedy);
  });
  if (!isUtf8(bytes)) {
    throw new MillraceError('SOURCE_MALFORMED', `${file}, line ${firstLineThatIsNotUtf8(bytes)} is not UTF-8: convert the file (iconv -f latin1 -t utf-8)`);
  }
  return bytes.toString('utf8');
}

function firstLineThatIsNotUtf8(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(0x0a, start);
    const next = end === -1 ? bytes.length : end + 1;
    if (!isUtf8(bytes.subarray(start, next))) return line;
    start = next;
  }
  return line;
}

interface CsvRow {
  record: string[];
  /** The line of the file on which the record ends. */
  line: number;
}

function parseCsv(file: string, text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  const keep = (record: string[], info: { lines: number }): null => {
    rows.push({ record, line: info.lines });
    return null;
  };
  try {
    parse(text, { bom: true, record_delimiter: ['\r\n', '\n'], relax_column_count: true, skip_empty_lines: true, on_record: keep });
    return rows;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') {
      throw new MillraceError('SOURCE_INCOMPLETE', `${file} ends inside a quoted value: the file is half-written or a quote is missing`, { cause: error });
    }
    throw new MillraceError('SOURCE_MALFORMED', `${file} is not CSV: ${error.message}`, { cause: error });
  }
}

function columnPositions(file: string, found: readonly string[]): Record<ColumnName, number> {
  const names = Object.keys(COLUMNS) as ColumnName[];
  const missing = names.filter((name) => !found.includes(name));
  if (missing.length > 0) {
    const seen = found.join(', ').slice(0, 200);
    throw new MillraceError('SOURCE_MALFORMED', `${file} lacks the columns ${missing.join(', ')}; its first line has: ${seen}. Online Retail files have ${names.join(',')}`);
  }
  return Object.fromEntries(names.map((name) => [name, found.indexOf(name)])) as Record<ColumnName, number>;
}

function wrongWidth(file: string, line: number, found: number, expected: number, isLast: boolean): MillraceError {
  const where = `${file}, line ${line} has ${found} values instead of ${expected}`;
  return isLast && found < expected
    ? new MillraceError('SOURCE_INCOMPLETE', `${where}: the file seems half-written; wait until it is complete`)
    : new MillraceError('SOURCE_MALFORMED', `${where}: quote the values that hold commas`);
}

function fileError(error: unknown, what: string, remedy: string): MillraceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return new MillraceError('SOURCE_MISSING', `${what} does not exist: ${remedy}`, { cause: error });
  if (code === 'EACCES' || code === 'EPERM') return new MillraceError('SOURCE_FORBIDDEN', `${what} cannot be read with this user's rights: ${remedy}`, { cause: error });
  if (code === 'EISDIR') return new MillraceError('SOURCE_MALFORMED', `${what} is a folder: ${remedy}`, { cause: error });
  return new MillraceError('SOURCE_UNAVAILABLE', `${what} cannot be read (${code || String(error)}): ${remedy}`, { cause: error });
}
