import { readTimestamp } from './timestamps.js';

/** The columns of a file in the Online Retail format. */
export const RETAIL_COLUMNS = ['InvoiceNo', 'StockCode', 'Description', 'Quantity', 'InvoiceDate', 'UnitPrice', 'CustomerID', 'Country'] as const;
export type RetailColumn = (typeof RETAIL_COLUMNS)[number];

/** The columns of the output; `source_file` and `line_no` say where a row comes from and are its key. */
export const OUTPUT_COLUMNS = ['source_file', 'line_no', 'invoice_no', 'stock_code', 'description', 'quantity', 'order_ts', 'unit_price', 'is_return', 'customer_id', 'country'] as const;

export type RejectReason =
  | 'missing_invoice'
  | 'missing_stock_code'
  | 'bad_timestamp'
  | 'bad_quantity'
  | 'bad_price'
  | 'zero_price'
  | 'negative_quantity'
  | 'positive_return';

/** The values of OUTPUT_COLUMNS behind the first two, in their order. */
export type CleanSale = (string | boolean | null)[];

/**
 * The rules of sql/ecommerce-daily/clean_sales.sql for one line: its clean values, or the first rule that it breaks. A test runs both over
 * the same lines.
 */
export function judgeSale(value: (column: RetailColumn) => string, timezone: string): { sale: CleanSale } | { reason: RejectReason } {
  const invoice = cleanCode(value('InvoiceNo'));
  if (invoice === null) return { reason: 'missing_invoice' };
  const stockCode = cleanCode(value('StockCode'));
  if (stockCode === null) return { reason: 'missing_stock_code' };
  const time = readTimestamp(tidy(value('InvoiceDate')), timezone);
  if (time === null) return { reason: 'bad_timestamp' };
  const quantity = wholeNumber(tidy(value('Quantity')));
  if (quantity === null || quantity === '0') return { reason: 'bad_quantity' };
  const price = exactPrice(tidy(value('UnitPrice')));
  if (price === null || price.startsWith('-')) return { reason: 'bad_price' };
  if (price === '0') return { reason: 'zero_price' };
  const isReturn = invoice.startsWith('C');
  if (quantity.startsWith('-') !== isReturn) return { reason: isReturn ? 'positive_return' : 'negative_quantity' };
  const customer = cleanCode(value('CustomerID'))?.replace(/^(\d+)\.0+$/, '$1') ?? 'GUEST';
  return { sale: [invoice, stockCode, cleanDescription(value('Description')), quantity, time, price, isReturn, customer, tidy(value('Country'))] };
}

const OUTER_SPACE = /^[\t\n\v\f\r \u00a0\ufeff]+|[\t\n\v\f\r \u00a0\ufeff]+$/g;

function tidy(text: string): string | null {
  const tidied = text.replace(OUTER_SPACE, '');
  return tidied === '' ? null : tidied;
}

function cleanCode(text: string): string | null {
  return tidy(text)?.toUpperCase() ?? null;
}

function cleanDescription(text: string): string | null {
  return tidy(text)?.replace(/[\t\n\f\r ]+/g, ' ') ?? null;
}

/** 6 and 6.0 are whole numbers; without a plus sign and leading zeros. */
function wholeNumber(text: string | null): string | null {
  const [, sign, digits] = /^([+-]?)(\d{1,18})(?:\.0*)?$/.exec(text ?? '') ?? [];
  return digits === undefined ? null : signed(sign === '-', digits.replace(/^0+(?=\d)/, ''));
}

/** Plain decimal notation that DECIMAL(18, 6) holds exactly, without zeros that say nothing: money is never rounded on the way in. */
function exactPrice(text: string | null): string | null {
  const [, sign, whole, fraction, bare] = /^([+-]?)(?:(\d{1,12})(?:\.(\d{0,6})0*)?|\.(\d{1,6})0*)$/.exec(text ?? '') ?? [];
  if (whole === undefined && bare === undefined) return null;
  const digits = (fraction ?? bare ?? '').replace(/0+$/, '');
  return signed(sign === '-', `${(whole ?? '0').replace(/^0+(?=\d)/, '')}${digits === '' ? '' : `.${digits}`}`);
}

function signed(negative: boolean, digits: string): string {
  return negative && digits !== '0' ? `-${digits}` : digits;
}
