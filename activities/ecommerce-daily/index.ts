import type { Dependencies } from '../dependencies.js';
import { createCheckOrders } from './check-orders.js';
import { createCleanAndJoin } from './clean-and-join.js';
import { createExtractClicks } from './extract-clicks.js';
import { createExtractCustomers } from './extract-customers.js';
import { createExtractProducts } from './extract-products.js';
import { createExtractSales } from './extract-sales.js';
import { createPublishOrders } from './publish-orders.js';
import { createRemoveStaging } from './remove-staging.js';
import { createStageOrders } from './stage-orders.js';

/** The steps of `ecommerce-daily`. */
export function createEcommerceDailyActivities(deps: Dependencies) {
  return {
    extractSales: createExtractSales(deps),
    extractCustomers: createExtractCustomers(deps),
    extractProducts: createExtractProducts(deps),
    extractClicks: createExtractClicks(deps),
    cleanAndJoin: createCleanAndJoin(deps),
    stageOrders: createStageOrders(deps),
    checkOrders: createCheckOrders(deps),
    publishOrders: createPublishOrders(deps),
    removeStaging: createRemoveStaging(deps),
  };
}
