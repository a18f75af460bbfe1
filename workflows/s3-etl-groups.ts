import { proxyActivities, uuid4, type ActivityOptions } from '@temporalio/workflow';
import type { CheckSummary } from '../activities/check-staged.js';
import type { SalesExport } from '../activities/s3-etl/export-sales.js';
import type { Activities } from '../activities/index.js';
import type { FileMetadata } from '../activities/s3-etl/note-metadata.js';
import type { SalesSummary } from '../activities/s3-etl/publish-sales.js';
import type { RejectSummary } from '../activities/s3-etl/set-rejects-aside.js';
import type { TransformedFile } from '../activities/s3-etl/transformed-file.js';
import type { ArrivalRequest } from '../src/arrivals/arrivals.js';
import type { StagedTable } from '../src/datasets/references.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import { mapSteps } from '../src/durable/map-steps.js';
import { taskGroup } from '../src/durable/step-scope.js';
import { sensors, waitFor } from '../src/durable/wait-for.js';
import { ARRIVAL, EXTRACT, FILES_AT_A_TIME, FUNCTION, TRANSFORM, WAREHOUSE } from './policies.js';

/** How the steps of the groups are tried. */
export interface GroupPolicies {
  files: ActivityOptions;
  functions: ActivityOptions;
  transforms: ActivityOptions;
  warehouse: ActivityOptions;
}

const USUAL: GroupPolicies = { files: EXTRACT, functions: FUNCTION, transforms: TRANSFORM, warehouse: WAREHOUSE };

const byKey = { key: ({ key }: { key: string }) => key, concurrency: FILES_AT_A_TIME };

/** Task groups of arriving files, for any pipeline that has some: what one group returns the next one takes. */
export function fileGroups(policies: GroupPolicies = USUAL) {
  const { findArrivals } = sensors<Activities>(ARRIVAL);
  const { noteMetadata } = proxyActivities<Activities>(policies.files);
  const { transformFile } = proxyActivities<Activities>(policies.functions);
  const { setRejectsAside } = proxyActivities<Activities>(policies.transforms);
  const { loadSales, checkSales, publishSales, exportSales, markProcessed } = proxyActivities<Activities>(policies.warehouse);

  return {
    /** Waits for files that no earlier run has processed, and notes what they are. A notification ends the wait `ingest.arrival`. */
    ingest(request: ArrivalRequest, interval: DataInterval): Promise<{ notes: FileMetadata[]; left: number }> {
      return taskGroup('ingest', async () => {
        const { files, left } = await waitFor('arrival', () => findArrivals(request, interval));
        return { notes: await mapSteps(files, (file) => noteMetadata(file), byKey), left };
      });
    },

    /** Makes clean rows of every file, some files at a time. */
    transform(notes: readonly FileMetadata[], interval: DataInterval, timezone?: string): Promise<TransformedFile[]> {
      const one = async ({ rows, ...file }: FileMetadata): Promise<TransformedFile> => ({ file, noted: rows, result: await transformFile(file, uuid4(), interval, timezone) });
      return taskGroup('transform', () => mapSteps(notes, one, byKey));
    },

    /** Brings the clean rows to the warehouse, where nobody sees them yet, and sets the others aside. */
    load(files: TransformedFile[], interval: DataInterval): Promise<{ staged: StagedTable; rejects: RejectSummary }> {
      return taskGroup('load', async () => {
        const [staged, rejects] = await Promise.all([loadSales(files, uuid4(), interval), setRejectsAside(files, interval)]);
        return { staged, rejects };
      });
    },

    /** Checks what was loaded: nothing is published unless every check of severity ERROR has passed. */
    validate(staged: StagedTable, files: TransformedFile[], interval: DataInterval): Promise<CheckSummary[]> {
      return taskGroup('validate', () => checkSales(staged, files, interval));
    },

    /** Lets everybody see it, exports the summary, and notes that the files are done with. */
    publish(staged: StagedTable, files: TransformedFile[], interval: DataInterval): Promise<SalesSummary & { exported: SalesExport | null }> {
      return taskGroup('publish', async () => {
        const published = await publishSales(staged, files, uuid4(), interval);
        const exported = await exportSales(uuid4(), interval);
        await markProcessed(files.map(({ file, result }) => ({ file, rows: result.rows.written })), interval);
        return { ...published, exported };
      });
    },
  };
}
