import type { DataInterval } from '../src/durable/data-interval.js';
import type { PublishRequest, Warehouse } from '../src/warehouse/warehouse.js';
import { formatMoney } from './money.js';

/** Whose publication it is: what the ledger knows it by, and what fences out older runs of the interval. */
export function publishedBy(interval: DataInterval): Pick<PublishRequest, 'pipeline' | 'interval' | 'generation' | 'run'> {
  return { pipeline: interval.pipeline, interval, generation: interval.generation, run: interval.run };
}

export interface SalesTotals {
  published: number;
  /** How many of them are returns. */
  returns: number;
  /** sum(quantity × unit_price) over them, exact: decimal as text. */
  revenue: string;
}

/** Of the lines of a published table that `where`, a whole clause, chooses: so what a run reports is what its readers see. */
export async function salesTotals(warehouse: Warehouse, table: string, where: string, signal: AbortSignal): Promise<SalesTotals> {
  const { rows } = await warehouse.query(
    `SELECT count(*), coalesce(sum(CASE WHEN is_return THEN 1 ELSE 0 END), 0), coalesce(sum(line_total), 0) FROM ${warehouse.dialect.identifier(table)} ${where}`,
    { signal },
  );
  const [published, returns, revenue] = rows[0]!;
  return { published: Number(published), returns: Number(returns), revenue: formatMoney(String(revenue)) };
}
