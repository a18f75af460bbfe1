import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import { dataInterval } from '../../src/durable/data-interval.js';
import { EXTRACT } from '../../workflows/policies.js';

/** One extract step on the workers of another task queue; it is measured, so that a failure is no reason to try again. */
export async function extractOnce(date: string, taskQueue: string): Promise<DatasetRef> {
  const { extractSales } = proxyActivities<Activities>({ ...EXTRACT, taskQueue, retry: { maximumAttempts: 1 } });
  return extractSales(dataInterval({ date }));
}
