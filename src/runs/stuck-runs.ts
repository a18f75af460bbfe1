import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import pMap from 'p-map';
import type { RunIds } from './follow-run.js';
import { createPayloadReader } from './payloads.js';
import type { Failure } from './run-view.js';

/** Why a run's own code cannot go on, and how often Temporal has tried it since it last could. */
export interface StuckCause extends Failure {
  attempts: number;
}

/** Two tries come at once, the third one seconds later: then it is no longer a worker that was killed. */
export const STUCK_ATTEMPTS = 3;
/** Answers of Temporal that are waited for at the same time. */
const CONCURRENCY = 8;
/** A failed workflow task is written to the history once, however often it is tried: it is among the last events. */
const LAST_EVENTS = 20;

/**
 * The cause where the newest workflow task of a run has failed and is tried for at least the `least`th time; else `undefined`.
 * One attempt may well be lost with the worker that it was on.
 */
export async function stuckCause(client: Client, { workflowId, runId }: RunIds, least = 2): Promise<StuckCause | undefined> {
  const request = { namespace: client.options.namespace, execution: { workflowId, runId } };
  const { pendingWorkflowTask } = await client.workflowService.describeWorkflowExecution(request);
  const attempts = pendingWorkflowTask?.attempt ?? 0;
  if (attempts < least) return undefined;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({ ...request, maximumPageSize: LAST_EVENTS });
  for (const event of history?.events ?? []) {
    if (event.workflowTaskCompletedEventAttributes) return undefined;
    const failure = createPayloadReader(client).failure(event.workflowTaskFailedEventAttributes?.failure);
    if (failure !== undefined) return { ...failure, attempts };
    if (event.workflowTaskTimedOutEventAttributes) return { type: 'WorkflowTaskTimedOut', message: 'the worker did not answer in time', attempts };
  }
  return undefined;
}

/** Those of the runs that are stuck, by run id. A run that has ended meanwhile is not. */
export async function stuckAmong(client: Client, runs: readonly RunIds[], least?: number): Promise<Map<string, StuckCause>> {
  const causes = await pMap(runs, async (run) => [run.runId, await stuckCause(client, run, least)] as const, { concurrency: CONCURRENCY });
  return new Map(causes.filter((entry): entry is readonly [string, StuckCause] => entry[1] !== undefined));
}

/** Open runs of a task queue, the newest first. */
export function openRuns(client: Client, taskQueue: string): AsyncIterable<WorkflowExecutionInfo> {
  return client.workflow.list({ query: `ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue.replaceAll("'", "\\'")}'` });
}
