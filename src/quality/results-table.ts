import type { SqlValue, TableSpec, Warehouse } from '../warehouse/warehouse.js';
import type { CheckResult } from './check-result.js';

/** One row per check and run, kept after the run: what `millrace` shows and what a dashboard reads. */
export const CHECK_RESULTS: TableSpec = {
  name: 'millrace_checks',
  columns: [
    { name: 'pipeline', type: 'text' },
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'run', type: 'text' },
    { name: 'table_name', type: 'text' },
    { name: 'check_name', type: 'text' },
    { name: 'kind', type: 'text' },
    { name: 'severity', type: 'text' },
    { name: 'passed', type: 'boolean' },
    { name: 'observed', type: 'text' },
    { name: 'expected', type: 'text' },
    { name: 'failing', type: 'bigint', nullable: true },
    /** A JSON array of objects. */
    { name: 'samples', type: 'text' },
    { name: 'error', type: 'text', nullable: true },
    { name: 'checked_at', type: 'timestamp' },
  ],
  key: ['pipeline', 'interval_start', 'run', 'table_name', 'check_name'],
};

export interface CheckedLoad {
  pipeline: string;
  run: string;
  interval: { start: string; end: string };
  /** The published table's name. */
  table: string;
}

/** Replaces what an earlier attempt of the same run stored for the table. */
export async function storeResults(warehouse: Warehouse, load: CheckedLoad, results: readonly CheckResult[], checkedAt: Date): Promise<void> {
  const { pipeline, run, interval, table } = load;
  const rows = results.map((result): readonly SqlValue[] => [
    pipeline,
    interval.start,
    interval.end,
    run,
    table,
    result.name,
    result.kind,
    result.severity,
    result.passed,
    result.observed,
    result.expected,
    result.failing ?? null,
    JSON.stringify(result.samples),
    result.error ?? null,
    checkedAt.toISOString(),
  ]);
  await warehouse.replaceRows(CHECK_RESULTS, { pipeline, interval_start: interval.start, run, table_name: table }, rows);
}
