import { proxyActivities, uuid4 } from '@temporalio/workflow';
import type { CheckSummary } from '../activities/check-staged.js';
import type { SalesExport } from '../activities/s3-etl/export-sales.js';
import type { Activities } from '../activities/index.js';
import type { SalesSummary } from '../activities/s3-etl/publish-sales.js';
import type { RejectSummary } from '../activities/s3-etl/set-rejects-aside.js';
import type { Readiness } from '../src/arrivals/arrivals.js';
import { dataInterval, type DataInterval, type IntervalParams } from '../src/durable/data-interval.js';
import { mapSteps } from '../src/durable/map-steps.js';
import { sensors, waitFor } from '../src/durable/wait-for.js';
import { withCleanup } from '../src/durable/with-cleanup.js';
import { ARRIVAL, CLEANUP, EXTRACT, FILES_AT_A_TIME, FUNCTION, TRANSFORM, WAREHOUSE } from './policies.js';

const { findArrivals } = sensors<Activities>(ARRIVAL);
const { noteMetadata } = proxyActivities<Activities>(EXTRACT);
const { transformFile } = proxyActivities<Activities>(FUNCTION);
const { setRejectsAside } = proxyActivities<Activities>(TRANSFORM);
const { loadSales, checkSales, publishSales, exportSales, markProcessed } = proxyActivities<Activities>(WAREHOUSE);
const { removeSalesStaging } = proxyActivities<Activities>(CLEANUP);

const byKey = { key: ({ key }: { key: string }) => key, concurrency: FILES_AT_A_TIME };

export interface S3EtlParams extends IntervalParams {
  /** Wildcards of fnmatch; default `incoming/data_*.csv`. */
  pattern?: string;
  /** What must be there before the files are taken; default: one of them. */
  ready?: Readiness;
  /** Files in one run; default 200. The others are left to the next one. */
  limit?: number;
}

export interface S3EtlResult extends RejectSummary, SalesSummary {
  interval: DataInterval;
  /** Rows are those of the file: published and quarantined ones. */
  files: { key: string; etag: string; rows: number }[];
  /** Files that are left to the next run. */
  left: number;
  checks: CheckSummary[];
  exported: SalesExport | null;
}

/** Files that arrive in S3 go through a Lambda function into Redshift; the team can see how many lines of each, and why not the others. */
export async function s3Etl({ pattern = 'incoming/data_*.csv', ready = {}, limit = 200, ...params }: S3EtlParams = {}): Promise<S3EtlResult> {
  const interval = dataInterval(params);

  return withCleanup((outcome) => removeSalesStaging(interval, outcome), async () => {
    const arrivals = await waitFor('arrival', () => findArrivals({ pattern, ready, limit }, interval));
    const notes = await mapSteps(arrivals.files, (file) => noteMetadata(file), byKey);
    const files = await mapSteps(
      notes,
      async ({ rows, ...file }) => ({ file, noted: rows, result: await transformFile(file, uuid4(), interval, params.timezone) }),
      byKey,
    );
    const rejects = await setRejectsAside(files, interval);
    const staged = await loadSales(files, uuid4(), interval);
    const checks = await checkSales(staged, files, interval);
    const published = await publishSales(staged, files, uuid4(), interval);
    const exported = await exportSales(uuid4(), interval);
    await markProcessed(files.map(({ file, result }) => ({ file, rows: result.rows.written })), interval);
    return { interval, files: notes.map(({ key, etag, rows }) => ({ key, etag, rows })), left: arrivals.left, ...rejects, ...published, checks, exported };
  });
}
