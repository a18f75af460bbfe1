import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import type { HistoryEvent } from '../runs/event-times.js';
import { createPayloadReader, type PayloadReader } from '../runs/payloads.js';
import type { RunIds } from '../runs/follow-run.js';
import { OPERATOR_UPDATES, type SkipOrder } from '../steps/operator-protocol.js';
import { CLEANUP_HEADER, RERUN_HEADER, SEED_SIGNAL, STEP_HEADER, type RerunHeader, type SeedPart } from '../steps/rerun-protocol.js';

/** A step of a run that is to be re-run, as its history has it. */
export interface PastStep {
  id: string;
  activity: string;
  /** `reused`: that run had it from the one before. `open`: it has not ended. */
  state: 'succeeded' | 'skipped' | 'reused' | 'failed' | 'cancelled' | 'open';
  /** Its place in the order of events; a reused step comes before all others. */
  scheduled: number;
  ended?: number;
  result?: unknown;
  /** Part of a cleanup: never reused. */
  cleanup: boolean;
}

/** What is needed of a run to start it anew. */
export interface PastRun {
  ids: RunIds;
  workflow: string;
  taskQueue: string;
  args: unknown[];
  memo: Record<string, unknown>;
  /** When it, or the first run of its chain, was due. */
  nominal: string;
  /** Where its own finished steps came from; absent for a run from the beginning. */
  origin?: RerunHeader;
  steps: PastStep[];
  isOpen: boolean;
}

/** Reads all of it from the history: no worker is needed, and nothing of today's code. */
export async function readPastRun(client: Client, ids: RunIds): Promise<PastRun> {
  const handle = client.workflow.getHandle(ids.workflowId, ids.runId);
  const [{ events = [] }, description] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  const read = createPayloadReader(client);
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const header = started?.header?.fields?.[RERUN_HEADER];
  const origin = header == null ? undefined : defaultPayloadConverter.fromPayload<RerunHeader>(header);
  const due = description.searchAttributes['TemporalScheduledStartTime']?.[0];
  return {
    ids,
    workflow: description.type,
    taskQueue: description.taskQueue,
    args: await read.values(started?.input),
    memo: description.memo ?? {},
    nominal: origin?.nominal ?? (due instanceof Date ? due : description.startTime).toISOString(),
    ...(origin === undefined ? {} : { origin }),
    steps: await stepsOf(events ?? [], read),
    isOpen: description.status.name === 'RUNNING',
  };
}

async function stepsOf(events: readonly HistoryEvent[], read: PayloadReader): Promise<PastStep[]> {
  const steps = new Map<string, PastStep>();
  /** By the id of the event that scheduled it. */
  const byEvent = new Map<string, PastStep>();
  const skips: (SkipOrder & { event: number })[] = [];

  const schedule = (event: HistoryEvent, id: string, activity: string, headers: Headers): void => {
    const again = steps.get(id);
    const step: PastStep = { id, activity, state: 'open', scheduled: again?.scheduled ?? Number(event.eventId), cleanup: CLEANUP_HEADER in headers };
    steps.set(id, step);
    byEvent.set(String(event.eventId), step);
  };
  const end = (event: HistoryEvent, scheduledEventId: unknown, state: PastStep['state'], result?: unknown): void => {
    const step = byEvent.get(String(scheduledEventId));
    if (step !== undefined) Object.assign(step, { state, ended: Number(event.eventId), result });
  };

  for (const event of events) {
    const activity = event.activityTaskScheduledEventAttributes;
    if (activity) schedule(event, activity.activityId ?? '', activity.activityType?.name ?? '', activity.header?.fields ?? {});
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) end(event, completed.scheduledEventId, 'succeeded', (await read.values(completed.result))[0]);
    const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
    if (failed) end(event, failed.scheduledEventId, 'failed');
    const cancelled = event.activityTaskCanceledEventAttributes;
    if (cancelled) end(event, cancelled.scheduledEventId, 'cancelled');

    const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
    const childStep = child?.header?.fields?.[STEP_HEADER];
    if (childStep != null) schedule(event, defaultPayloadConverter.fromPayload<string>(childStep), child?.workflowType?.name ?? '', child?.header?.fields ?? {});
    const childCompleted = event.childWorkflowExecutionCompletedEventAttributes;
    if (childCompleted) end(event, childCompleted.initiatedEventId, 'succeeded', (await read.values(childCompleted.result))[0]);
    const childFailed =
      event.childWorkflowExecutionFailedEventAttributes ?? event.childWorkflowExecutionTimedOutEventAttributes ?? event.childWorkflowExecutionTerminatedEventAttributes ?? event.startChildWorkflowExecutionFailedEventAttributes;
    if (childFailed) end(event, childFailed.initiatedEventId, 'failed');
    const childCancelled = event.childWorkflowExecutionCanceledEventAttributes;
    if (childCancelled) end(event, childCancelled.initiatedEventId, 'cancelled');

    const order = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
    if (order?.name === OPERATOR_UPDATES.skip) {
      const [skip] = (await read.values(order.args)) as [SkipOrder?];
      if (skip !== undefined) skips.push({ ...skip, event: Number(event.eventId) });
    }
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === SEED_SIGNAL) {
      const [part] = (await read.values(signal.input)) as [SeedPart?];
      for (const [id, { value }] of Object.entries(part?.results ?? {})) steps.set(id, { id, activity: '', state: 'reused', scheduled: 0, ended: 0, result: value, cleanup: false });
    }
  }
  for (const { step: id, result, event } of skips) {
    const step = steps.get(id);
    if (step !== undefined && step.state !== 'succeeded') Object.assign(step, { state: 'skipped', result, ended: Math.max(step.ended ?? 0, event) });
  }
  return [...steps.values()];
}
