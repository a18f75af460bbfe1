import type { Column, TableSpec } from '../../src/warehouse/warehouse.js';

const INTERVAL: readonly Column[] = [
  { name: 'interval_start', type: 'timestamp' },
  { name: 'interval_end', type: 'timestamp' },
];

/** DECIMAL(38, 6): quantity (bigint) times unit price (18, 6) fits without rounding. */
const MONEY = { decimal: [38, 6] } as const;

/** The order lines that everybody reads. Holds nothing that differs between two runs of the same day. */
export const ORDERS: TableSpec = {
  name: 'orders',
  columns: [
    ...INTERVAL,
    { name: 'invoice_no', type: 'text' },
    { name: 'line_no', type: 'bigint' },
    { name: 'order_ts', type: 'timestamp' },
    { name: 'stock_code', type: 'text' },
    { name: 'description', type: 'text', nullable: true },
    { name: 'product_name', type: 'text' },
    { name: 'category', type: 'text' },
    { name: 'quantity', type: 'bigint' },
    { name: 'unit_price', type: { decimal: [18, 6] } },
    { name: 'line_total', type: MONEY },
    { name: 'is_return', type: 'boolean' },
    { name: 'customer_id', type: 'text' },
    { name: 'country', type: 'text' },
    { name: 'segment', type: 'text' },
    { name: 'session_id', type: 'text', nullable: true },
  ],
  key: ['interval_start', 'invoice_no', 'line_no'],
};

export const REVENUE_BY_CATEGORY = revenueTable('daily_revenue_by_category', 'category');
export const REVENUE_BY_COUNTRY = revenueTable('daily_revenue_by_country', 'country');

function revenueTable(name: string, dimension: string): TableSpec {
  return {
    name,
    columns: [
      ...INTERVAL,
      { name: dimension, type: 'text' },
      { name: 'lines', type: 'bigint' },
      { name: 'units', type: 'bigint' },
      { name: 'revenue', type: MONEY },
    ],
    key: ['interval_start', dimension],
  };
}
