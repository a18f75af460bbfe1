import { Context } from '@temporalio/activity';
import type { DataInterval } from '../src/durable/data-interval.js';
import type { Outcome } from '../src/durable/with-cleanup.js';
import { runPrefix } from './datasets.js';
import type { Dependencies } from './dependencies.js';
import { ordersStagingTable } from './stage-orders.js';

/**
 * Removes this run's staging table and, after a run that completed or was cancelled, its staged files. After a failed run the
 * files stay, so that what failed can be looked at. The raw and the quarantine layer always stay.
 */
export function createRemoveStaging(deps: Dependencies) {
  return async function removeStaging(interval: DataInterval, outcome: Outcome): Promise<{ files: number }> {
    const { cancellationSignal: signal, log } = Context.current();
    await deps.warehouse().dropStaging([ordersStagingTable(interval)]);
    const files = outcome === 'failed' ? 0 : await deps.lake().deletePrefix(runPrefix('staging', interval), { signal });
    log.info(`staging table dropped, ${files} staged files removed`);
    return { files };
  };
}
