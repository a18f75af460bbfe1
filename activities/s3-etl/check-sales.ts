import type { StagedTable } from '../../src/datasets/references.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { Check } from '../../src/quality/checks.js';
import { checkStaged, type CheckSummary } from '../check-staged.js';
import type { Dependencies } from '../dependencies.js';
import { TRANSFORMED_SALES } from './sales-tables.js';
import { writtenRows, type TransformedFile } from './transformed-file.js';

/** What must be true of the staged lines before anyone may see them. */
export function salesChecks(files: readonly TransformedFile[]): Check[] {
  const read = files.reduce((sum, { result }) => sum + result.rows.read, 0);
  return [
    { name: 'columns are as transformed', kind: 'schema', severity: 'ERROR', columns: TRANSFORMED_SALES.columns.map(({ name, type }) => ({ name, type })) },
    { name: 'every file has usable lines', kind: 'customSql', severity: 'ERROR', sql: `SELECT count(DISTINCT source_file) = ${files.length} FROM {{table}}`, yields: 'boolean' },
    { name: 'keys are not null', kind: 'notNull', severity: 'ERROR', columns: ['source_file', 'line_no', 'invoice_no', 'stock_code', 'order_ts'] },
    { name: 'keys are unique', kind: 'unique', severity: 'ERROR', columns: ['source_file', 'line_no'] },
    { name: 'sold quantity in range', kind: 'inRange', severity: 'ERROR', where: 'NOT is_return', column: 'quantity', min: 1, max: 100_000 },
    { name: 'returned quantity in range', kind: 'inRange', severity: 'ERROR', where: 'is_return', column: 'quantity', min: -100_000, max: -1 },
    { name: 'price in range', kind: 'inRange', severity: 'ERROR', column: 'unit_price', minExclusive: 0, max: 100_000 },
    { name: 'count reconciles with the function', kind: 'reconciles', severity: 'ERROR', what: { count: true }, expected: writtenRows(files), source: 'the transformed files' },
    { name: 'nine of ten lines are usable', kind: 'customSql', severity: 'WARN', sql: `SELECT 10 * count(*) >= 9 * ${read} FROM {{table}}`, yields: 'boolean' },
  ];
}

/** Audit: an ERROR stops the run here, and the published tables stay as they were. */
export function createCheckSales(deps: Dependencies) {
  return async function checkSales(staged: StagedTable, files: TransformedFile[], interval: DataInterval): Promise<CheckSummary[]> {
    for (const { file, noted, result } of files) {
      if (noted !== result.rows.read) {
        throw new MillraceError('RECONCILIATION_FAILED', `${file.key} has ${noted} rows, and the transform function has read ${result.rows.read}. Nothing was published.`);
      }
    }
    return checkStaged(deps, staged, TRANSFORMED_SALES, salesChecks(files), interval);
  };
}
