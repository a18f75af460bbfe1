import { Context } from '@temporalio/activity';
import type { DataInterval } from '../src/durable/data-interval.js';
import type { Check, CheckSeverity } from '../src/quality/checks.js';
import { checksFailed, failedErrors, runChecks, type CheckResult } from '../src/quality/run-checks.js';
import type { ExpectedOrders } from './clean-and-join.js';
import type { Dependencies } from './dependencies.js';
import { ORDERS } from './order-tables.js';
import type { StagedOrders } from './stage-orders.js';

/** A check as a run reports it. */
export interface CheckSummary {
  name: string;
  severity: CheckSeverity;
  passed: boolean;
  observed: string;
  expected: string;
}

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

/** Audit: an ERROR stops here, and the published table stays as it was; a WARN is reported and the run goes on. */
export function createCheckOrders(deps: Dependencies) {
  return async function checkOrders(staged: StagedOrders, expected: ExpectedOrders, interval: DataInterval): Promise<CheckSummary[]> {
    const { cancellationSignal: signal, log } = Context.current();
    const results = await runChecks(
      deps.warehouse(),
      { table: staged.table, publishedTable: ORDERS.name, checks: orderChecks(interval, expected), interval, pipeline: interval.pipeline, run: interval.run },
      { signal },
    );
    for (const result of results) log[result.passed ? 'info' : 'warn'](describe(result));
    if (failedErrors(results).length > 0) throw checksFailed(results);
    return results.map(({ name, severity, passed, observed, expected: wanted }) => ({ name, severity, passed, observed, expected: wanted }));
  };
}

function describe({ name, severity, passed, observed, expected }: CheckResult): string {
  return `check "${name}" ${passed ? 'passed' : `failed (${severity})`}: observed ${observed}, expected ${expected}`;
}
