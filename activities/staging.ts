import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';
import type { StagedTable } from '../src/datasets/references.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import type { Outcome } from '../src/durable/with-cleanup.js';
import type { TableSpec } from '../src/warehouse/warehouse.js';
import { localDataset, runPrefix, withScratchFolder } from './datasets.js';
import type { Dependencies } from './dependencies.js';
import { stepToken } from './step-token.js';

/** One staging table per run: two runs of an interval never load into the same one. */
export function stagingTable(target: TableSpec, run: string): string {
  return `stg_${target.name}_${run.replaceAll('-', '_')}`;
}

/** Write: loads a dataset into this run's staging table of `target`, afresh on every attempt. */
export async function stageDataset(deps: Dependencies, dataset: DatasetRef, target: TableSpec, interval: DataInterval): Promise<StagedTable> {
  const { cancellationSignal: signal, log } = Context.current();
  const [warehouse, lake] = [deps.warehouse(), deps.lake()];
  const table = stagingTable(target, interval.run);
  const { rows } = await withScratchFolder(deps.limits, async (folder) =>
    warehouse.stage(table, target, [await localDataset(lake, dataset, folder, signal)], { signal, token: stepToken() }),
  );
  log.info(`${rows} rows staged in ${table} of ${warehouse.description}`);
  return { table, rows, from: dataset };
}

/**
 * Removes staging tables and staged files. After a failed run they stay, for a re-run to reuse; a run that has completed removes
 * its own and those of the runs that it re-ran; a cancelled one only its own. The raw and the quarantine layer always stay.
 */
export async function removeRunStaging(deps: Dependencies, target: TableSpec, interval: DataInterval, outcome: Outcome): Promise<{ files: number }> {
  const { cancellationSignal: signal, log } = Context.current();
  const runs = runsToRemove(interval, outcome);
  if (runs.length > 0) await deps.warehouse().dropStaging(runs.map((run) => stagingTable(target, run)));
  let files = 0;
  for (const run of runs) files += await deps.lake().deletePrefix(runPrefix('staging', interval, run), { signal });
  log.info(runs.length === 0 ? 'staged rows are kept for a re-run' : `staging of ${runs.length} runs removed, ${files} files`);
  return { files };
}

function runsToRemove({ run, reuses = [] }: DataInterval, outcome: Outcome): string[] {
  if (outcome === 'failed') return [];
  return outcome === 'completed' ? [run, ...reuses] : [run];
}
