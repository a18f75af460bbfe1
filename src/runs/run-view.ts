import type { DatasetRef } from '../datasets/dataset-ref.js';
import type { DataInterval } from '../durable/data-interval.js';
import type { StepKind, StepState } from '../durable/step-table.js';
import type { StepsAnswer } from '../steps/operator-protocol.js';

export type RunState = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'continued';

export type { StepState };

/** Why an open run does not simply run. */
export type Standstill = Exclude<StepsAnswer['state'], 'running'>;

/** A failure as people are told of it. Times everywhere are ISO 8601 UTC. */
export interface Failure {
  /** A code of `src/errors.ts`, or the name of whatever error it was. */
  type: string;
  message: string;
}

/** One step of a run: an activity, or what the run itself counts as one. */
export interface StepView {
  /** Stable and readable: `extract.extractSales`. */
  id: string;
  /** The task groups around it: `extract`. */
  group?: string;
  activity: string;
  /** Absent where only the history was there to be asked. */
  kind?: StepKind;
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
  /** One line: why it waits, or who skipped it and why. */
  message?: string;
  /** While it is held: when the run gives up waiting. */
  heldUntil?: string;
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
  standstill?: Standstill;
  /** Who has paused it, when and why. */
  paused?: StepsAnswer['paused'];
  /** The run that this one re-runs. */
  rerunOf?: StepsAnswer['rerunOf'];
  failure?: Failure & { step?: string };
  /** The workflow's own code fails, and Temporal tries it again and again. */
  stuck?: Failure & { attempts: number };
  /** Since when the workflow has been waiting for a worker. */
  waitingForWorkerSince?: string;
  /** A cancellation was asked for and has not ended the run yet. */
  cancelRequested?: boolean;
  /** Run id of the execution that has taken over, of one that has continued as new. */
  continuedAs?: string;
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
