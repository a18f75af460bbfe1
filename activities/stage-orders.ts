import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';
import type { StagedTable } from '../src/datasets/references.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import { localDataset, withScratchFolder } from './datasets.js';
import type { Dependencies } from './dependencies.js';
import { ORDERS } from './order-tables.js';

/** Order lines in a staging table, before anyone but the checks can see them. */
export type StagedOrders = StagedTable;

/** One staging table per run: two runs of a day never load into the same one. */
export function ordersStagingTable(run: string): string {
  return `stg_orders_${run.replaceAll('-', '_')}`;
}

/** Write: loads the clean lines into this run's staging table, afresh on every attempt. */
export function createStageOrders(deps: Dependencies) {
  return async function stageOrders(orders: DatasetRef, interval: DataInterval): Promise<StagedOrders> {
    const { cancellationSignal: signal, log } = Context.current();
    const [warehouse, lake] = [deps.warehouse(), deps.lake()];
    const table = ordersStagingTable(interval.run);
    const { rows } = await withScratchFolder(deps.limits, async (folder) =>
      warehouse.stage(table, ORDERS, [await localDataset(lake, orders, folder, signal)], { signal }),
    );
    log.info(`${rows} lines staged in ${table} of ${warehouse.description}`);
    return { table, rows, from: orders };
  };
}
