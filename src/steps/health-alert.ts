import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { AlertEvent, HealthEvent } from '../alerts/alert.js';
import type { AlertRoute } from '../alerts/routing.js';
import { ALERT_WORKFLOW, isTold } from './alert-delivery.js';
import type { deliverAlert } from './deliver-alert.js';

/** News of a pipeline's health; `by` is the run that has looked. */
export interface HealthAlert {
  /** The same for every attempt to tell it. */
  id: string;
  pipeline: string;
  owner: string;
  routes: readonly AlertRoute[];
  events: readonly (HealthEvent & { at: string })[];
  by: { workflowId: string; runId: string; startedAt: string; taskQueue: string };
}

/** Tells people of a pipeline's health, once per id. `false` when they were told before, or there is nobody to tell. Messages hold no secrets. */
export async function startHealthAlert(client: Client, { id, pipeline, owner, routes, events, by }: HealthAlert): Promise<boolean> {
  if (!events.some((event: AlertEvent) => isTold(event, routes))) return false;
  const { taskQueue, ...run } = by;
  try {
    await client.workflow.start<typeof deliverAlert>(ALERT_WORKFLOW, {
      taskQueue,
      workflowId: `alert-health-${id}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [{ namespace: client.options.namespace, run: { pipeline, owner, incident: 'health', ...run }, routes, events }],
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
