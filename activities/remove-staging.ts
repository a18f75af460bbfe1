import { Context } from '@temporalio/activity';
import type { DataInterval } from '../src/durable/data-interval.js';
import type { Outcome } from '../src/durable/with-cleanup.js';
import { runPrefix } from './datasets.js';
import type { Dependencies } from './dependencies.js';
import { ordersStagingTable } from './stage-orders.js';

/**
 * Removes staging tables and staged files. After a failed run they stay, for a re-run to reuse; a run that has completed removes
 * its own and those of the runs that it re-ran; a cancelled one only its own. The raw and the quarantine layer always stay.
 */
export function createRemoveStaging(deps: Dependencies) {
  return async function removeStaging(interval: DataInterval, outcome: Outcome): Promise<{ files: number }> {
    const { cancellationSignal: signal, log } = Context.current();
    const runs = runsToRemove(interval, outcome);
    if (runs.length > 0) await deps.warehouse().dropStaging(runs.map(ordersStagingTable));
    let files = 0;
    for (const run of runs) files += await deps.lake().deletePrefix(runPrefix('staging', interval, run), { signal });
    log.info(runs.length === 0 ? 'staged rows are kept for a re-run' : `staging of ${runs.length} runs removed, ${files} files`);
    return { files };
  };
}

function runsToRemove({ run, reuses = [] }: DataInterval, outcome: Outcome): string[] {
  if (outcome === 'failed') return [];
  return outcome === 'completed' ? [run, ...reuses] : [run];
}
