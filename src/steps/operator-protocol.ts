import type { Operator } from '../durable/operator.js';
import type { StepEntry } from '../durable/step-table.js';

/**
 * What an operator's tool and a run say to each other: names and shapes of the query and the updates that the plugin adds to
 * every workflow. Sandbox-safe: the CLI, any other client and the interceptors read it.
 */
export const STEPS_QUERY = 'steps';

export const OPERATOR_UPDATES = {
  retry: 'millrace.retry',
  skip: 'millrace.skip',
  fail: 'millrace.fail',
  pause: 'millrace.pause',
  resume: 'millrace.resume',
  approve: 'millrace.approve',
  reject: 'millrace.reject',
  /** Tells a run that a re-run takes over: it ends as cancelled, and its cleanup keeps what the re-run reuses. */
  supersede: 'millrace.supersede',
} as const;

export type { Operator };

export interface StepOrder extends Operator {
  /** A step's id. */
  step: string;
}

export interface SkipOrder extends StepOrder {
  why: string;
  /** What the step is taken to have returned; absent: nothing. */
  result?: unknown;
}

/** What `approve` and `reject` take. */
export interface Decision extends Operator {
  /** Of the approval. */
  name: string;
}

/** The answer to the query `steps`. */
export interface StepsAnswer {
  /** What goes on (`held` and `waiting-for-approval` need a person), or how the run has ended. */
  state: 'running' | 'held' | 'paused' | 'waiting-for-approval' | 'completed' | 'failed' | 'cancelled';
  paused?: Operator & { since: string };
  /** The run that this one re-runs. */
  rerunOf?: { workflowId: string; runId: string };
  steps: StepEntry[];
}
