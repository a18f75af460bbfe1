import { hostname, userInfo } from 'node:os';
import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { readRun, type RunIds } from '../runs/follow-run.js';
import { hasEnded, type RunView } from '../runs/run-view.js';
import { stepsNamed } from '../runs/find-step.js';
import { OPERATOR_UPDATES, type Operator } from '../steps/operator-protocol.js';
import { CliError, messageOf, notFound, usageError } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';
import { findRun, nearest } from './find-run.js';

/** A worker answers within moments; one that has to replay a long run first, within seconds. */
const ANSWER_WITHIN_MS = 10_000;

/** Who gives an order, as the run's history keeps it: `anna@host`. */
export function operator(why: unknown): Operator {
  return { by: `${userName()}@${hostname()}`, ...(typeof why === 'string' ? { why } : {}) };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number without a name.
    return process.env['USER'] ?? 'unknown';
  }
}

/** The run that an order is for, as it is now; one that has ended takes no orders. */
export async function openRun(client: Client, name: string, date: unknown): Promise<RunView> {
  const run = await readRun(client, await findRun(client, name, date), { ask: true });
  if (hasEnded(run)) throw new CliError(EXIT_CODES.CONFLICT, `${run.workflowId} has ended: ${run.state}`, run.state === 'completed' ? `see millrace status ${run.workflowId}` : `run it anew from where it broke: millrace rerun ${run.workflowId}`);
  return run;
}

/** The one step that is meant, by its id or the end of it. */
export function oneStep<T extends { id: string; activity: string }>({ workflowId, steps }: { workflowId: string; steps: readonly T[] }, wanted: string): T {
  const [step, ...others] = stepsNamed(steps, wanted);
  if (step === undefined) {
    const near = nearest(wanted, steps.flatMap(({ id, activity }) => [id, activity]));
    throw notFound(`the run has no step ${wanted}`, near === undefined ? `see millrace status ${workflowId}` : `did you mean ${near}?`);
  }
  if (others.length > 0) throw usageError(`${wanted} is the end of ${[step, ...others].map(({ id }) => id).join(', ')}`, 'give more of the one that you mean');
  return step;
}

/** Gives an order to a run, from anywhere. */
export function giveOrder(client: Client, ids: RunIds, order: keyof typeof OPERATOR_UPDATES, details: Operator): Promise<void> {
  return sendUpdate(client, ids, { update: OPERATOR_UPDATES[order], argument: details, see: `millrace status ${ids.workflowId}` });
}

/**
 * An update that the workflow's worker checks and carries out. `CONFLICT` with what is possible where it refuses, `NO_ANSWER` where
 * no worker answers; `see` is the command that shows how things stand, `unknown` what it means that the workflow has no such update.
 */
export async function sendUpdate(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId?: string },
  { update, argument, see, unknown = `${workflowId} takes no orders: it was started without the Millrace plugin` }: { update: string; argument: unknown; see: string; unknown?: string },
): Promise<void> {
  try {
    const handle = client.workflow.getHandle(workflowId, runId);
    await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, () => handle.executeUpdate(update, { args: [argument] }));
  } catch (error) {
    throw toRefusal(error, workflowId, `see ${see}`, unknown) ?? error;
  }
}

function toRefusal(error: unknown, workflowId: string, remedy: string, unknown: string): CliError | undefined {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return new CliError(EXIT_CODES.NO_ANSWER, `no worker has answered for ${workflowId} within ${ANSWER_WITHIN_MS / 1000} s; one that comes soon may still carry the order out`, 'see millrace doctor', { cause: error });
  }
  if (error instanceof WorkflowNotFoundError) return new CliError(EXIT_CODES.CONFLICT, `${workflowId} has ended`, remedy, { cause: error });
  if (!(error instanceof WorkflowUpdateFailedError)) return undefined;
  const { cause } = error;
  const message = messageOf(cause);
  if (message.startsWith('No registered handler for update')) {
    return new CliError(EXIT_CODES.CONFLICT, unknown, 'see docs/operations.md', { cause: error });
  }
  const isUnknown = cause instanceof ApplicationFailure && cause.type === 'NO_SUCH_STEP';
  return new CliError(isUnknown ? EXIT_CODES.NOT_FOUND : EXIT_CODES.CONFLICT, message, remedy, { cause: error });
}
