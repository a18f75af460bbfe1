import type { DataInterval } from '../../src/durable/data-interval.js';
import type { Outcome } from '../../src/durable/with-cleanup.js';
import type { Dependencies } from '../dependencies.js';
import { removeRunStaging } from '../staging.js';
import { ORDERS } from './order-tables.js';

/** Removes what the run no longer needs of its staged orders. */
export function createRemoveStaging(deps: Dependencies) {
  return async function removeStaging(interval: DataInterval, outcome: Outcome): Promise<{ files: number }> {
    return removeRunStaging(deps, ORDERS, interval, outcome);
  };
}
