import type { Client } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';

/** A worker polls at least every minute; Temporal remembers pollers for five. */
const POLLER_IS_FRESH_MS = 90_000;
const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;

/** Identities of the workers that poll a task queue, none twice. A pipeline needs both kinds. */
export interface Pollers {
  workflows: readonly string[];
  activities: readonly string[];
}

export async function pollersOf(client: Client, taskQueue: string): Promise<Pollers> {
  const [workflows, activities] = await Promise.all([describeQueue(client, taskQueue, TASK_QUEUE_TYPE_WORKFLOW), describeQueue(client, taskQueue, TASK_QUEUE_TYPE_ACTIVITY)]);
  return { workflows, activities };
}

async function describeQueue(client: Client, taskQueue: string, taskQueueType: temporal.api.enums.v1.TaskQueueType): Promise<string[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({ namespace: client.options.namespace, taskQueue: { name: taskQueue }, taskQueueType });
  const fresh = (pollers ?? []).filter(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < POLLER_IS_FRESH_MS);
  return [...new Set(fresh.map(({ identity }) => identity ?? 'a worker without identity'))];
}
