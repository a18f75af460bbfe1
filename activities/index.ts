import { createAwaitRun } from './await-run.js';
import { createCheckOrders } from './check-orders.js';
import { createCleanAndJoin } from './clean-and-join.js';
import type { Dependencies } from './dependencies.js';
import { createExtractClicks } from './extract-clicks.js';
import { createExtractCustomers } from './extract-customers.js';
import { createExtractProducts } from './extract-products.js';
import { createExtractSales } from './extract-sales.js';
import { createFindArrivals } from './find-arrivals.js';
import { createFindMissing } from './find-missing.js';
import { createMarkProcessed } from './mark-processed.js';
import { createNoteMetadata } from './note-metadata.js';
import { createPlanBackfill } from './plan-backfill.js';
import { createPublishOrders } from './publish-orders.js';
import { createRemoveStaging } from './remove-staging.js';
import { createSendAlert } from './send-alert.js';
import { createStageOrders } from './stage-orders.js';
import { createTransformFile } from './transform-file.js';

/** Every activity that a worker offers, over the ports that it is given. */
export function createActivities(deps: Dependencies) {
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
    findArrivals: createFindArrivals(deps),
    noteMetadata: createNoteMetadata(deps),
    transformFile: createTransformFile(deps),
    markProcessed: createMarkProcessed(deps),
    sendAlert: createSendAlert(deps),
    findMissing: createFindMissing(deps),
    planBackfill: createPlanBackfill(deps),
    awaitRun: createAwaitRun(),
  };
}

export type Activities = ReturnType<typeof createActivities>;
