import { LEDGER } from '../warehouse/ledger.js';
import type { Warehouse } from '../warehouse/warehouse.js';

export interface PublishedCountsQuery {
  pipeline: string;
  /** The published table's name. */
  table: string;
  /** Start of the interval under check: only earlier intervals count, so that a re-run compares with the same ones. */
  before: string;
  runs: number;
}

/** Rows that the last intervals before this one published into the table, the latest first, as the ledger has them. */
export async function publishedCounts(warehouse: Warehouse, wanted: PublishedCountsQuery, options: { signal: AbortSignal }): Promise<readonly number[]> {
  if (wanted.runs === 0 || !(await warehouse.describe(LEDGER.name))) return [];
  const { dialect } = warehouse;
  const { rows } = await warehouse.query(
    `SELECT ${dialect.identifier('rows')} FROM ${dialect.identifier(LEDGER.name)} ` +
      `WHERE pipeline = ${dialect.literal(wanted.pipeline, 'text')} AND interval_start < ${dialect.literal(wanted.before, 'timestamp')} ` +
      `ORDER BY interval_start DESC LIMIT ${wanted.runs}`,
    options,
  );
  return rows.flatMap(([published]) => {
    const counts = JSON.parse(String(published)) as Record<string, number>;
    return counts[wanted.table] ?? [];
  });
}
