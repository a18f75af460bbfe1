import type { DataInterval } from '../../src/durable/data-interval.js';
import type { HealthReport } from '../../src/monitoring/health.js';
import { storeHealth } from '../../src/monitoring/health-tables.js';
import type { Dependencies } from '../dependencies.js';

/** Keeps what was seen in the warehouse, where anybody can ask for it. */
export function createStoreHealth(deps: Pick<Dependencies, 'warehouse'>) {
  return async function storeHealthOf(report: HealthReport, { start, end }: DataInterval): Promise<{ rows: number }> {
    return storeHealth(deps.warehouse(), report, { start, end });
  };
}
