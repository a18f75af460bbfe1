import type { Column, TableSpec } from '../../src/warehouse/warehouse.js';

/** The columns that the transform function writes, in its order. */
const TRANSFORMED: readonly Column[] = [
  { name: 'source_file', type: 'text' },
  { name: 'line_no', type: 'bigint' },
  { name: 'invoice_no', type: 'text' },
  { name: 'stock_code', type: 'text' },
  { name: 'description', type: 'text', nullable: true },
  { name: 'quantity', type: 'bigint' },
  { name: 'order_ts', type: 'timestamp' },
  { name: 'unit_price', type: { decimal: [18, 6] } },
  { name: 'is_return', type: 'boolean' },
  { name: 'customer_id', type: 'text' },
  { name: 'country', type: 'text', nullable: true },
];

const INTERVAL: readonly Column[] = [
  { name: 'interval_start', type: 'timestamp' },
  { name: 'interval_end', type: 'timestamp' },
];

/** Quantity (bigint) times unit price (18, 6) fits without rounding. */
const MONEY = { decimal: [38, 6] } as const;

/** What the staging table of a run holds: there `source_file` is the file's address. */
export const TRANSFORMED_SALES: TableSpec = { name: 'retail_sales', columns: TRANSFORMED, key: ['source_file', 'line_no'] };

/** The lines of every file that has arrived; `source_file` is the file's key, the interval that of the run that has loaded it last. */
export const RETAIL_SALES: TableSpec = {
  name: 'retail_sales',
  columns: [...INTERVAL, ...TRANSFORMED.map((column) => (column.name === 'country' ? { ...column, nullable: false } : column)), { name: 'line_total', type: MONEY }],
  key: ['source_file', 'line_no'],
};

export const SALES_BY_COUNTRY: TableSpec = {
  name: 'retail_sales_by_country',
  columns: [
    ...INTERVAL,
    { name: 'source_file', type: 'text' },
    { name: 'country', type: 'text' },
    { name: 'lines', type: 'bigint' },
    { name: 'units', type: 'bigint' },
    { name: 'revenue', type: MONEY },
  ],
  key: ['source_file', 'country'],
};
