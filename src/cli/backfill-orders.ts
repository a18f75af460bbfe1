import { hostname, userInfo } from 'node:os';
import { WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client';
import { findBackfill } from '../backfills/backfills.js';
import { BACKFILL_UPDATES, type BackfillOrder } from '../durable/backfill.js';
import { CliError, messageOf, notFound } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';

/** A worker answers within moments; one that has to replay first, within seconds. */
const ANSWER_WITHIN_MS = 10_000;

/** Who gives an order, as the history keeps it: `anna@host`. */
export function operator(why: unknown): BackfillOrder {
  return { by: `${userInfo().username}@${hostname()}`, ...(typeof why === 'string' ? { why } : {}) };
}

/** The workflow id of the backfill that is meant, or an error that says how to find it. */
export async function knownBackfill(client: Client, name: string): Promise<string> {
  const found = await findBackfill(client, name);
  if (found === undefined) throw notFound(name === 'last' ? 'there is no backfill yet' : `there is no backfill ${name}`, 'see millrace backfill list');
  return found;
}

/** Gives an order to a backfill: its worker checks it and carries it out. */
export async function orderBackfill(client: Client, workflowId: string, order: keyof typeof BACKFILL_UPDATES, argument: unknown): Promise<void> {
  try {
    await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, () => client.workflow.getHandle(workflowId).executeUpdate(BACKFILL_UPDATES[order], { args: [argument] }));
  } catch (error) {
    const see = `see millrace backfill watch ${workflowId}`;
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw new CliError(EXIT_CODES.CONFLICT, `no worker has answered for ${workflowId} within ${ANSWER_WITHIN_MS / 1000} s`, 'see millrace doctor; then give the order again', { cause: error });
    if (error instanceof WorkflowNotFoundError) throw new CliError(EXIT_CODES.CONFLICT, `${workflowId} has ended`, see, { cause: error });
    if (error instanceof WorkflowUpdateFailedError) throw new CliError(EXIT_CODES.CONFLICT, messageOf(error.cause), see, { cause: error });
    throw error;
  }
}
