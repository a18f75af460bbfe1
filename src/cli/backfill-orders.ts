import type { Client } from '@temporalio/client';
import { findBackfill } from '../backfills/backfills.js';
import { BACKFILL_UPDATES } from '../durable/backfill.js';
import { notFound } from './cli-error.js';
import { sendUpdate } from './operate.js';

/** The workflow id of the backfill that is meant, or an error that says how to find it. */
export async function knownBackfill(client: Client, name: string): Promise<string> {
  const found = await findBackfill(client, name);
  if (found === undefined) throw notFound(name === 'last' ? 'there is no backfill yet' : `there is no backfill ${name}`, 'see millrace backfill list');
  return found;
}

/** Gives an order to a backfill, from anywhere. */
export function orderBackfill(client: Client, workflowId: string, order: keyof typeof BACKFILL_UPDATES, argument: unknown): Promise<void> {
  return sendUpdate(client, { workflowId }, { update: BACKFILL_UPDATES[order], argument, see: `millrace backfill watch ${workflowId}` });
}
