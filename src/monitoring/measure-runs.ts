import type { Client } from '@temporalio/client';
import pMap from 'p-map';
import { CATALOG } from '../catalog.js';
import type { MetricPoint } from '../metrics/metric-sink.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { readRun, type RunIds } from '../runs/follow-run.js';
import { batchesOf } from './batches.js';
import type { Quarter } from './quarters.js';
import { runPoints } from './run-points.js';

/** Histories that are read side by side. */
const CONCURRENCY = 4;

/** Measures the runs of the catalog that have ended within a quarter and were not measured yet; ids of all batches of the quarter. */
export async function measureQuarter(client: Client, store: ObjectStore, quarter: Quarter, signal: AbortSignal): Promise<string[]> {
  const closed = await closedRuns(client, quarter);
  const measure = async (runIds: readonly string[]): Promise<MetricPoint[]> => {
    const views = await pMap(runIds, (runId) => readRun(client, closed.get(runId)!), { concurrency: CONCURRENCY, signal });
    return views.flatMap(runPoints);
  };
  return batchesOf(store, quarter, [...closed.keys()].sort(), measure, signal);
}

/** By run id. Asked for by the time of their end, so that a busy namespace is not read from its beginning. */
async function closedRuns(client: Client, { start, end }: Quarter): Promise<Map<string, RunIds>> {
  const types = CATALOG.map(({ workflow }) => `'${workflow}'`).join(', ');
  const query = `WorkflowType IN (${types}) AND CloseTime >= '${start}' AND CloseTime < '${end}' AND ExecutionStatus != 'ContinuedAsNew'`;
  const runs = new Map<string, RunIds>();
  for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: 1000 })) runs.set(runId, { workflowId, runId });
  return runs;
}
