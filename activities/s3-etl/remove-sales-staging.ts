import type { DataInterval } from '../../src/durable/data-interval.js';
import type { Outcome } from '../../src/durable/with-cleanup.js';
import type { Dependencies } from '../dependencies.js';
import { removeRunStaging } from '../staging.js';
import { TRANSFORMED_SALES } from './sales-tables.js';

/** Removes what the run no longer needs: its staging table, and what the transform function has written for it. */
export function createRemoveSalesStaging(deps: Dependencies) {
  return async function removeSalesStaging(interval: DataInterval, outcome: Outcome): Promise<{ files: number }> {
    return removeRunStaging(deps, TRANSFORMED_SALES, interval, outcome);
  };
}
