import type { Client } from '@temporalio/client';
import type { Operator } from '../durable/operator.js';
import { DRAIN_UPDATE } from '../durable/stream.js';
import { sendUpdate } from './operate.js';

/** Lets a stream load what is there, and complete; whichever execution is open by then, as a stream continues as new. */
export function drainStream(client: Client, workflowId: string, order: Operator): Promise<void> {
  return sendUpdate(client, { workflowId }, { update: DRAIN_UPDATE, argument: order, see: `millrace status ${workflowId}`, unknown: `${workflowId} is no stream: it ends by itself` });
}
