import { ActivityFailure, ApplicationFailure, CancelledFailure, condition, isCancellation } from '@temporalio/workflow';
import { rowsOf } from '../datasets/rows-of.js';
import { msToNumber } from '../durable/duration.js';
import { emitRunEvent } from '../durable/run-events.js';
import { addStep, moveStep, type StepEntry } from '../durable/step-table.js';
import { warningsIn } from './check-warnings.js';
import { describeError } from '../durable/describe-error.js';
import type { SkipOrder, StepOrder } from './operator-protocol.js';
import type { RunControl } from './run-control.js';
import type { HoldOptions } from './read-run-options.js';
import type { Seed } from './seed.js';

/** What an operator wants of a step that has not ended. */
export type Order = ({ kind: 'retry' | 'fail' } & StepOrder) | ({ kind: 'skip' } & SkipOrder);

export interface StepCall {
  id: string;
  activity: string;
  /** `false` for steps whose failure is an answer (a sensor that may time out): they are never held. */
  mayHold: boolean;
  /** Schedules the activity; called again for every retry by an operator. */
  attempt: (row: StepEntry) => Promise<unknown>;
  /** Cancels what `attempt` has begun last. */
  cancel: () => void;
}

/** A step between its first scheduling and its end. */
export interface OpenStep {
  row: StepEntry;
  call: StepCall;
  order?: Order | undefined;
  wasHeld: boolean;
}

export interface StepRunner {
  run(call: StepCall): Promise<unknown>;
  open: ReadonlyMap<string, OpenStep>;
  /** Carries out an order on an open step: at once where it is held, else when its attempt has been cancelled. */
  obey(step: OpenStep, order: Order): void;
}

interface Parts {
  hold: HoldOptions;
  control: RunControl;
  seed: Seed;
  /** Told after every change that the run's own state depends on. */
  changed: () => void;
}

/**
 * Runs steps as an operator expects: pause before they start, reuse of what an earlier run has finished, hold after a final
 * failure; retry, skip and fail by hand. As long as nothing of this is asked for, a step is scheduled at the same moment as
 * without it.
 */
export function createStepRunner({ hold, control, seed, changed }: Parts): StepRunner {
  const open = new Map<string, OpenStep>();

  // Every promise that is made in the sandbox costs a stack trace, so that the usual way makes as few as it can.
  function run(call: StepCall): Promise<unknown> {
    const row = addStep({ id: call.id, activity: call.activity, kind: 'activity', state: 'running' });
    if (seed.has(call.id)) {
      const result = seed.result(call.id);
      moveStep(row, 'reused', rowsFact(result));
      return Promise.resolve(result);
    }
    const step: OpenStep = { row, call, wasHeld: false };
    open.set(call.id, step);
    return attempt(step, undefined);
  }

  /** One scheduling of the activity, and whatever follows from how it ends. */
  function attempt(step: OpenStep, sentOn: Order | undefined): Promise<unknown> {
    step.order = undefined;
    return (control.isClosed() ? attemptWhenOpened(step) : step.call.attempt(step.row)).then(
      (result) => {
        open.delete(step.call.id);
        return succeed(step, result, sentOn);
      },
      (error: unknown) => afterFailure(step, error),
    );
  }

  async function afterFailure(step: OpenStep, error: unknown): Promise<unknown> {
    const order = step.order ?? (holds(step, error) ? await held(step, error) : undefined);
    if (order?.kind === 'retry') {
      moveStep(step.row, 'running', { message: saidBy('sent on', order) });
      return attempt(step, order);
    }
    open.delete(step.call.id);
    if (order?.kind === 'skip') return skip(step, order);
    throw fail(step, error, order);
  }

  async function attemptWhenOpened(step: OpenStep): Promise<unknown> {
    const { row, call } = step;
    moveStep(row, 'waiting', { message: 'the run is paused' });
    await control.opened(() => step.order !== undefined);
    if (step.order !== undefined) throw new CancelledFailure('an operator has decided');
    moveStep(row, 'running');
    return call.attempt(row);
  }

  const holds = ({ call }: OpenStep, error: unknown): boolean =>
    hold.onStepFailure === 'hold' && call.mayHold && error instanceof ActivityFailure && !isCancellation(error) && !control.isCancelled();

  /** Waits for the operator; `undefined` when nobody came in time. */
  async function held(step: OpenStep, error: unknown): Promise<Order | undefined> {
    const { row } = step;
    const cause = describeError(error);
    const bound = msToNumber(hold.holdFor);
    const until = new Date(Date.now() + bound).toISOString();
    step.wasHeld = true;
    moveStep(row, 'held', { error: cause, heldUntil: until });
    changed();
    emitRunEvent({ kind: 'held', step: row.id, errorCode: cause.type, message: cause.message, until });
    try {
      await condition(() => step.order !== undefined, bound, { summary: `${row.id} is held` });
      return step.order;
    } catch (cancellation) {
      open.delete(row.id);
      throw fail(step, cancellation, undefined);
    } finally {
      if (row.state === 'held') moveStep(row, 'waiting', { error: cause });
      changed();
    }
  }

  return {
    run,
    open,
    obey(step, order) {
      step.order = order;
      if (step.row.state !== 'held') step.call.cancel();
    },
  };
}

function succeed(step: OpenStep, result: unknown, sentOn: Order | undefined): unknown {
  moveStep(step.row, 'succeeded', { ...rowsFact(result), ...(sentOn === undefined ? {} : { message: saidBy('sent on', sentOn) }) });
  if (step.wasHeld && sentOn !== undefined) emitRunEvent({ kind: 'recovered', step: step.row.id, how: 'retried', ...operatorOf(sentOn) });
  const checks = warningsIn(result);
  if (checks.length > 0) emitRunEvent({ kind: 'check-warning', step: step.row.id, checks });
  return result;
}

function skip({ row, wasHeld }: OpenStep, order: Order & { kind: 'skip' }): unknown {
  moveStep(row, 'skipped', { ...rowsFact(order.result), message: saidBy('skipped', order) });
  if (wasHeld) emitRunEvent({ kind: 'recovered', step: row.id, how: 'skipped', ...operatorOf(order) });
  return order.result;
}

/** The error with which the step ends: its own, or the operator's where its attempt was only cancelled to obey. */
function fail({ row, call }: OpenStep, error: unknown, order: Order | undefined): unknown {
  if (order === undefined || !isCancellation(error)) {
    moveStep(row, isCancellation(error) ? 'cancelled' : 'failed', { error: describeError(error), ...(order === undefined ? {} : { message: saidBy('ended', order) }) });
    return error;
  }
  const cause = ApplicationFailure.nonRetryable(saidBy('ended', order), 'ENDED_BY_OPERATOR');
  moveStep(row, 'failed', { error: describeError(cause) });
  return new ActivityFailure('ended by an operator', call.activity, call.id, 'NON_RETRYABLE_FAILURE', undefined, cause);
}

function saidBy(what: string, { by, why }: StepOrder): string {
  return `${what} by ${by}${why === undefined ? '' : `: ${why}`}`;
}

function operatorOf({ by, why }: StepOrder): { by: string; why?: string } {
  return { by, ...(why === undefined ? {} : { why }) };
}

function rowsFact(result: unknown): { rows?: number } {
  const rows = rowsOf(result);
  return rows === undefined ? {} : { rows };
}
