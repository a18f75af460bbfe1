import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import { localDataset, withScratchFolder } from './datasets.js';
import type { Dependencies } from './dependencies.js';
import { ORDERS } from './order-tables.js';

/** Order lines in a staging table of this run, before anyone but the checks can see them. */
export interface StagedOrders {
  table: string;
  rows: number;
  from: DatasetRef;
}

/** One staging table per run: two runs of a day never load into the same one. */
export function ordersStagingTable(interval: DataInterval): string {
  return `stg_orders_${interval.run.replaceAll('-', '_')}`;
}

/** Write: loads the clean lines into this run's staging table, afresh on every attempt. */
export function createStageOrders(deps: Dependencies) {
  return async function stageOrders(orders: DatasetRef, interval: DataInterval): Promise<StagedOrders> {
    const { cancellationSignal: signal, log } = Context.current();
    const [warehouse, lake] = [deps.warehouse(), deps.lake()];
    const table = ordersStagingTable(interval);
    const { rows } = await withScratchFolder(deps.limits, async (folder) =>
      warehouse.stage(table, ORDERS, [await localDataset(lake, orders, folder, signal)], { signal }),
    );
    log.info(`${rows} lines staged in ${table} of ${warehouse.description}`);
    return { table, rows, from: orders };
  };
}
