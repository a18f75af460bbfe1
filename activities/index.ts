import { createAwaitRun } from './await-run.js';
import { createCheckOrders } from './check-orders.js';
import { createCheckSales } from './check-sales.js';
import { createCleanAndJoin } from './clean-and-join.js';
import type { Dependencies } from './dependencies.js';
import { createExportSales } from './export-sales.js';
import { createExtractClicks } from './extract-clicks.js';
import { createExtractCustomers } from './extract-customers.js';
import { createExtractProducts } from './extract-products.js';
import { createExtractSales } from './extract-sales.js';
import { createFindArrivals } from './find-arrivals.js';
import { createFindMissing } from './find-missing.js';
import { createLoadSales } from './load-sales.js';
import { createKafkaSignupsActivities } from './kafka-signups/index.js';
import { createMarkProcessed } from './mark-processed.js';
import { createNoteMetadata } from './note-metadata.js';
import { createPipelineMonitoringActivities } from './pipeline-monitoring/index.js';
import { createPlanBackfill } from './plan-backfill.js';
import { createPublishOrders } from './publish-orders.js';
import { createPublishSales } from './publish-sales.js';
import { createRemoveSalesStaging } from './remove-sales-staging.js';
import { createRemoveStaging } from './remove-staging.js';
import { createSendAlert } from './send-alert.js';
import { createSetFilesAside } from './set-files-aside.js';
import { createSetRejectsAside } from './set-rejects-aside.js';
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
    ...createKafkaSignupsActivities(deps),
    ...createPipelineMonitoringActivities(deps),
    findArrivals: createFindArrivals(deps),
    noteMetadata: createNoteMetadata(deps),
    transformFile: createTransformFile(deps),
    setFilesAside: createSetFilesAside(deps),
    setRejectsAside: createSetRejectsAside(deps),
    loadSales: createLoadSales(deps),
    checkSales: createCheckSales(deps),
    publishSales: createPublishSales(deps),
    exportSales: createExportSales(deps),
    markProcessed: createMarkProcessed(deps),
    removeSalesStaging: createRemoveSalesStaging(deps),
    sendAlert: createSendAlert(deps),
    findMissing: createFindMissing(deps),
    planBackfill: createPlanBackfill(deps),
    awaitRun: createAwaitRun(),
  };
}

export type Activities = ReturnType<typeof createActivities>;
