import { Context } from '@temporalio/activity';
import type { References } from '../../src/datasets/references.js';
import type { Dependencies } from '../dependencies.js';

/** What of some references is not there any more: addresses of datasets, names of staging tables. */
export interface Missing {
  datasets: string[];
  tables: string[];
}

/** Looks whether datasets and staging tables that a re-run wants to reuse still exist. Reads nothing of their rows. */
export function createFindMissing(deps: Dependencies) {
  return async function findMissing({ datasets, tables }: References): Promise<Missing> {
    const { cancellationSignal: signal } = Context.current();
    const missing: Missing = { datasets: [], tables: [] };
    for (const { uri } of datasets) {
      const lake = deps.lake();
      if ((await lake.head(lake.keyOf(uri), { signal })) === undefined) missing.datasets.push(uri);
    }
    for (const table of tables) {
      if ((await deps.warehouse().describe(table)) === undefined) missing.tables.push(table);
    }
    return missing;
  };
}
