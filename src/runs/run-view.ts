import type { DatasetRef } from '../datasets/dataset-ref.js';
import type { DataInterval } from '../durable/data-interval.js';

export type RunState = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'continued';

/** Of a step: `waiting` for a worker, `retrying` after a failed attempt. */
export type StepState = 'waiting' | 'running' | 'retrying' | 'held' | 'succeeded' | 'failed' | 'cancelled';

/** A failure as people are told of it. Times everywhere are ISO 8601 UTC. */
export interface Failure {
  /** A code of `src/errors.ts`, or the name of whatever error it was. */
  type: string;
  message: string;
}

/** One activity call of a run. */
export interface StepView {
  /** Stable and readable: `extract.extractSales`. */
  id: string;
  /** What stands before the last dot of the id. */
  group?: string;
  activity: string;
  state: StepState;
  /** The attempt that is running, or the last one; 0 while none has started. */
  attempts: number;
  scheduledAt: string;
  /** Of the last attempt. */
  startedAt?: string;
  endedAt?: string;
  /** Of the last attempt; up to now while it runs. */
  durationMs?: number;
  /** What it returned, or has reported so far. */
  rows?: number;
  nextAttemptAt?: string;
  error?: Failure;
  /** Identity of the worker that has it, or had it last. */
  worker?: string;
}

/** Everything that Temporal knows of a run. */
export interface RunView {
  workflowId: string;
  runId: string;
  workflow: string;
  /** Name in the catalog, or the workflow's own. */
  pipeline: string;
  taskQueue: string;
  state: RunState;
  startedAt: string;
  endedAt?: string;
  durationMs: number;
  interval?: Pick<DataInterval, 'label' | 'start' | 'end'>;
  steps: StepView[];
  failure?: Failure & { step?: string };
  /** The workflow's own code fails, and Temporal tries it again and again. */
  stuck?: Failure & { attempts: number };
  /** Since when the workflow has been waiting for a worker. */
  waitingForWorkerSince?: string;
  /** A cancellation was asked for and has not ended the run yet. */
  cancelRequested?: boolean;
  /** What the workflow returned. */
  result?: unknown;
  /** The rows that a step set aside, with reason and position. */
  quarantine?: DatasetRef;
}

/** The states in which nothing will change any more. */
export function hasEnded(run: Pick<RunView, 'state'>): boolean {
  return run.state !== 'running';
}

/** `ecommerce-daily-2010-12-01/0198…`: names one execution. */
export function runName({ workflowId, runId }: { workflowId: string; runId: string }): string {
  return `${workflowId}/${runId}`;
}
