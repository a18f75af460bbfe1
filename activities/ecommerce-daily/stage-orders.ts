import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { StagedTable } from '../../src/datasets/references.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { Dependencies } from '../dependencies.js';
import { stageDataset } from '../staging.js';
import { ORDERS } from './order-tables.js';

/** Write: loads the clean lines into this run's staging table, before anyone but the checks can see them. */
export function createStageOrders(deps: Dependencies) {
  return async function stageOrders(orders: DatasetRef, interval: DataInterval): Promise<StagedTable> {
    return stageDataset(deps, orders, ORDERS, interval);
  };
}
