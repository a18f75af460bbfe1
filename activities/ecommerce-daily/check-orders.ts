import type { StagedTable } from '../../src/datasets/references.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { Check } from '../../src/quality/checks.js';
import { checkStaged, type CheckSummary } from '../check-staged.js';
import type { Dependencies } from '../dependencies.js';
import type { ExpectedOrders } from './clean-and-join.js';
import { ORDERS } from './order-tables.js';

const MOSTLY_CATALOGUED = `SELECT coalesce(sum(CASE WHEN category = 'uncategorised' THEN 1 ELSE 0 END), 0) <= 0.1 * count(*) FROM {{table}}`;

/** What must be true of a day's order lines before anyone may see them. */
export function orderChecks(interval: DataInterval, expected: ExpectedOrders): Check[] {
  const source = 'the cleaned sales lines';
  return [
    { name: 'columns are as published', kind: 'schema', severity: 'ERROR', columns: ORDERS.columns.map(({ name, type }) => ({ name, type })) },
    { name: 'at least one line', kind: 'rowCount', severity: 'ERROR', min: expected.atLeast },
    { name: 'keys are not null', kind: 'notNull', severity: 'ERROR', columns: ['invoice_no', 'line_no', 'stock_code'] },
    { name: 'keys are unique', kind: 'unique', severity: 'ERROR', columns: ['invoice_no', 'line_no'] },
    { name: 'dates inside the interval', kind: 'inRange', severity: 'ERROR', column: 'order_ts', min: interval.start, maxExclusive: interval.end },
    { name: 'sold quantity in range', kind: 'inRange', severity: 'ERROR', where: 'NOT is_return', column: 'quantity', min: 1, max: 100_000 },
    { name: 'returned quantity in range', kind: 'inRange', severity: 'ERROR', where: 'is_return', column: 'quantity', min: -100_000, max: -1 },
    { name: 'price in range', kind: 'inRange', severity: 'ERROR', column: 'unit_price', minExclusive: 0, max: 100_000 },
    { name: 'count reconciles with the source', kind: 'reconciles', severity: 'ERROR', what: { count: true }, expected: expected.lines, source },
    { name: 'revenue reconciles with the source', kind: 'reconciles', severity: 'ERROR', what: { sum: 'line_total' }, expected: expected.revenue, source },
    { name: 'line count as in the last 14 runs', kind: 'rowCount', severity: 'WARN', againstLast: { runs: 14, tolerance: 0.9 } },
    { name: 'nine of ten lines are in the catalog', kind: 'customSql', severity: 'WARN', sql: MOSTLY_CATALOGUED, yields: 'boolean' },
  ];
}

/** Audit: an ERROR stops the run here, and the published tables stay as they were. */
export function createCheckOrders(deps: Dependencies) {
  return async function checkOrders(staged: StagedTable, expected: ExpectedOrders, interval: DataInterval): Promise<CheckSummary[]> {
    return checkStaged(deps, staged, ORDERS, orderChecks(interval, expected), interval);
  };
}
