import { pipelineOfWorkflow } from '../catalog.js';
import type { DatasetRef } from '../datasets/dataset-ref.js';
import { isInterval } from '../steps/interval-of-run.js';
import { iso, type HistoryEvent } from './event-times.js';
import { applyOrder } from './operator-orders.js';
import type { PayloadReader } from './payloads.js';
import { quarantineOf, rowsOf } from '../datasets/rows-of.js';
import type { Failure, RunState, RunView, StepState } from './run-view.js';

/** A step as the history has it; what is pending is added by `viewOfRun`. */
export interface StepRecord {
  id: string;
  activity: string;
  scheduledAt: string;
  state: StepState;
  attempts: number;
  startedAt?: string | undefined;
  endedAt?: string | undefined;
  rows?: number | undefined;
  error?: Failure | undefined;
  worker?: string | undefined;
  /** By an operator, who may have ended its attempt to do so. */
  skipped?: { at: string; message: string };
}

/** What the events read so far amount to. */
export interface RunRecord {
  workflow: string;
  taskQueue: string;
  startedAt: string;
  state: RunState;
  endedAt?: string | undefined;
  /** The workflow's first argument. */
  params?: unknown;
  interval?: RunView['interval'];
  /** By the id of the event that scheduled it, in that order. */
  steps: Map<string, StepRecord>;
  failure?: RunView['failure'];
  /** Of the newest workflow task, where it failed and no later one has completed. */
  taskFailure?: Failure | undefined;
  cancelRequested: boolean;
  paused?: RunView['paused'];
  continuedAs?: string | undefined;
  result?: unknown;
  quarantine?: DatasetRef | undefined;
}

export function emptyRecord(): RunRecord {
  return { workflow: '', taskQueue: '', startedAt: '', state: 'running', steps: new Map(), cancelRequested: false };
}

/** Takes one event of the history into the record. Needs nothing of the workflow's code, and no worker. */
export async function applyEvent(run: RunRecord, event: HistoryEvent, read: PayloadReader): Promise<void> {
  await applyStepEvent(run, event, read);
  await applyRunEvent(run, event, read);
}

async function applyStepEvent(run: RunRecord, event: HistoryEvent, read: PayloadReader): Promise<void> {
  const at = iso(event.eventTime)!;
  if (event.activityTaskScheduledEventAttributes) {
    const { activityId, activityType, input } = event.activityTaskScheduledEventAttributes;
    run.steps.set(String(event.eventId), { id: activityId ?? '', activity: activityType?.name ?? '', scheduledAt: at, state: 'waiting', attempts: 0 });
    run.interval ??= (await read.values(input)).find(isInterval);
    return;
  }
  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    // Written only when the attempt ends (or is the first one that eager execution handed out).
    update(run, started.scheduledEventId, { state: 'running', attempts: started.attempt ?? 1, startedAt: at, worker: started.identity ?? undefined });
    return;
  }
  const completed = event.activityTaskCompletedEventAttributes;
  if (completed) {
    const [result] = await read.values(completed.result);
    run.quarantine = quarantineOf(result) ?? run.quarantine;
    update(run, completed.scheduledEventId, { state: 'succeeded', endedAt: at, rows: rowsOf(result), error: undefined });
    return;
  }
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    update(run, failed.scheduledEventId, { state: 'failed', endedAt: at, error: read.failure(failed.failure) });
    return;
  }
  const cancelled = event.activityTaskCanceledEventAttributes;
  if (cancelled) update(run, cancelled.scheduledEventId, { state: 'cancelled', endedAt: at });
}

async function applyRunEvent(run: RunRecord, event: HistoryEvent, read: PayloadReader): Promise<void> {
  const at = iso(event.eventTime)!;
  const started = event.workflowExecutionStartedEventAttributes;
  if (started) {
    run.workflow = started.workflowType?.name ?? '';
    run.taskQueue = started.taskQueue?.name ?? '';
    run.startedAt = at;
    [run.params] = await read.values(started.input);
  } else if (event.workflowTaskFailedEventAttributes) {
    run.taskFailure = read.failure(event.workflowTaskFailedEventAttributes.failure);
  } else if (event.workflowTaskTimedOutEventAttributes) {
    run.taskFailure = { type: 'WorkflowTaskTimedOut', message: 'the worker did not answer in time' };
  } else if (event.workflowTaskCompletedEventAttributes) {
    run.taskFailure = undefined;
  } else if (event.workflowExecutionCancelRequestedEventAttributes) {
    run.cancelRequested = true;
  } else if (event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input) {
    await applyOrder(run, event.workflowExecutionUpdateAcceptedEventAttributes.acceptedRequest.input, at, read);
  } else if (event.workflowExecutionCompletedEventAttributes) {
    end(run, 'completed', at);
    [run.result] = await read.values(event.workflowExecutionCompletedEventAttributes.result);
  } else if (event.workflowExecutionFailedEventAttributes) {
    const { failure } = event.workflowExecutionFailedEventAttributes;
    const step = failure?.activityFailureInfo?.activityId;
    end(run, 'failed', at, { ...(read.failure(failure) ?? { type: 'unknown', message: '' }), ...(step == null ? {} : { step }) });
  } else if (event.workflowExecutionTimedOutEventAttributes) {
    end(run, 'timed-out', at, { type: 'WorkflowTimedOut', message: 'the run took longer than its workflow timeout' });
  } else if (event.workflowExecutionCanceledEventAttributes) {
    end(run, 'cancelled', at);
  } else if (event.workflowExecutionTerminatedEventAttributes) {
    const { reason } = event.workflowExecutionTerminatedEventAttributes;
    end(run, 'terminated', at, { type: 'Terminated', message: reason == null || reason === '' ? 'terminated by an operator' : reason });
  } else if (event.workflowExecutionContinuedAsNewEventAttributes) {
    end(run, 'continued', at);
    run.continuedAs = event.workflowExecutionContinuedAsNewEventAttributes.newExecutionRunId ?? undefined;
  }
}

function end(run: RunRecord, state: RunState, at: string, failure?: RunView['failure']): void {
  run.state = state;
  run.endedAt = at;
  run.failure = failure;
  // Nobody waits for these steps any more, whatever their workers still do.
  for (const step of run.steps.values()) if (step.endedAt === undefined) Object.assign(step, { state: 'cancelled', endedAt: at });
}

function update(run: RunRecord, scheduledEventId: unknown, change: Partial<StepRecord>): void {
  const step = run.steps.get(String(scheduledEventId));
  if (step !== undefined) Object.assign(step, change);
}

/** The pipeline's name in the catalog; a workflow that is not in it keeps its own name. */
export function pipelineOf(workflow: string): string {
  return pipelineOfWorkflow(workflow)?.name ?? workflow;
}
