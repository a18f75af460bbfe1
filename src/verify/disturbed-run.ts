import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { TerminatedFailure } from '@temporalio/common';
import { describeError } from '../runs/payloads.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from '../steps/run-options.js';
import { armKill } from './gate-files.js';
import type { PlannedKill } from './plan-kills.js';
import type { Stage } from './stage.js';
import type { TablePrint } from './table-prints.js';

export interface RunRequest {
  client: Client;
  workflow: string;
  params: unknown;
  workflowId: string;
  stage: Stage;
  kills: readonly PlannedKill[];
  /** A run that takes longer is terminated, in milliseconds. */
  limitMs: number;
  /** Ends the run, and rejects. */
  signal: AbortSignal;
}

export interface RunEnd {
  state: 'completed' | 'failed' | 'not-ended';
  failure?: string;
}

export interface RunOutcome extends RunEnd {
  prints: Record<string, TablePrint>;
}

/** Nobody is told of these runs, and nobody is there to end a hold. */
const OPTIONS: RunOptions = { onStepFailure: 'fail', alerts: [{ channel: 'log', atLeast: 'info' }] };

/** Runs the pipeline once on a stage of its own, with these kills. */
export async function runDisturbed({ client, workflow, params, workflowId, stage, kills, limitMs, signal }: RunRequest): Promise<RunOutcome> {
  for (const kill of kills) await armKill(stage.gates, workflowId, kill);
  const worker = await stage.startWorker();
  try {
    const handle = await client.workflow.start(workflow, { workflowId, taskQueue: stage.taskQueue, args: [params], memo: { [RUN_OPTIONS_MEMO]: OPTIONS } });
    const end = await endOf(handle, limitMs, signal);
    // Its last worker may still have the warehouse open.
    await worker.stop();
    return { ...end, prints: await stage.prints() };
  } finally {
    await worker.stop();
  }
}

async function endOf(handle: WorkflowHandle, limitMs: number, signal: AbortSignal): Promise<RunEnd> {
  const over = new AbortController();
  const terminated = delay(limitMs, undefined, { signal: AbortSignal.any([signal, over.signal]) })
    .catch(() => undefined)
    .then(() => (over.signal.aborted ? undefined : handle.terminate('millrace verify does not wait for it any longer')))
    // It has ended in this very moment.
    .catch(() => undefined);
  try {
    await handle.result();
    return { state: 'completed' };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof TerminatedFailure) return { state: 'not-ended' };
    const { type, message } = describeError(error);
    return { state: 'failed', failure: `${type}: ${message}` };
  } finally {
    over.abort();
    await terminated;
  }
}
