import { WorkflowExecutionAlreadyStartedError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';
import { ALERT_WORKFLOW, isTold, pipelineFacts, routesOf } from './alert-delivery.js';
import type { deliverAlert } from './deliver-alert.js';

/** A run as listing or describing it gives it. */
export type StuckRun = Pick<WorkflowExecutionInfo, 'type' | 'workflowId' | 'runId' | 'taskQueue' | 'startTime' | 'memo' | 'typedSearchAttributes'>;

/**
 * Tells people, once per run, that a run's code cannot go on: its worker sees it, the run itself cannot. `false` when they were
 * told before, or there is nobody to tell. `message` holds no secrets.
 */
export async function startStuckAlert(client: Client, run: StuckRun, cause: { errorCode: string; message: string }): Promise<boolean> {
  const event = { kind: 'stuck' as const, ...cause, at: new Date().toISOString() };
  const routes = routesOf(run.type, run.memo);
  if (!isTold(event, routes)) return false;
  const label = run.typedSearchAttributes.get(SEARCH_ATTRIBUTES.interval);
  const facts = { workflowId: run.workflowId, runId: run.runId, startedAt: run.startTime.toISOString(), ...(label === undefined ? {} : { interval: { label } }) };
  try {
    await client.workflow.start<typeof deliverAlert>(ALERT_WORKFLOW, {
      taskQueue: run.taskQueue,
      workflowId: `alert-stuck-${run.runId}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [{ namespace: client.options.namespace, run: { ...pipelineFacts(run.type), ...facts }, routes, events: [event] }],
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
