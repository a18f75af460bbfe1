import type { Dependencies } from '../dependencies.js';
import { createCheckSales } from './check-sales.js';
import { createExportSales } from './export-sales.js';
import { createFindArrivals } from './find-arrivals.js';
import { createLoadSales } from './load-sales.js';
import { createMarkProcessed } from './mark-processed.js';
import { createNoteMetadata } from './note-metadata.js';
import { createPublishSales } from './publish-sales.js';
import { createRemoveSalesStaging } from './remove-sales-staging.js';
import { createSetFilesAside } from './set-files-aside.js';
import { createSetRejectsAside } from './set-rejects-aside.js';
import { createTransformFile } from './transform-file.js';

/** The steps of `s3-etl`, `s3-etl-modular` and `s3-etl-fault-tolerant`. */
export function createS3EtlActivities(deps: Dependencies) {
  return {
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
  };
}
