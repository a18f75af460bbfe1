import proto, { type temporal } from '@temporalio/proto';
import { intervalBounds } from '../durable/data-interval.js';
import { SEARCH_ATTRIBUTES } from '../steps/search-attributes.js';
import type { StepsAnswer } from '../steps/operator-protocol.js';
import { defined, iso, millis } from './event-times.js';
import { groupOf } from './find-step.js';
import { joinSteps } from './join-steps.js';
import type { PayloadReader } from './payloads.js';
import { rowsOf } from '../datasets/rows-of.js';
import { pipelineOf, type RunRecord, type StepRecord } from './run-reducer.js';
import type { RunView, Standstill, StepView } from './run-view.js';
import { asStandstill } from './standstill.js';

type Description = temporal.api.workflowservice.v1.IDescribeWorkflowExecutionResponse;
type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

const { PENDING_ACTIVITY_STATE_STARTED, PENDING_ACTIVITY_STATE_CANCEL_REQUESTED, PENDING_ACTIVITY_STATE_PAUSED, PENDING_ACTIVITY_STATE_PAUSE_REQUESTED } =
  proto.temporal.api.enums.v1.PendingActivityState;
const RUNNING: readonly unknown[] = [PENDING_ACTIVITY_STATE_STARTED, PENDING_ACTIVITY_STATE_CANCEL_REQUESTED, PENDING_ACTIVITY_STATE_PAUSE_REQUESTED];

/** What is known of a run beside its history. */
export interface Beside {
  description: Description;
  /** Absent where no worker has answered. */
  answer?: StepsAnswer | undefined;
}

/** The history's record joined with what Temporal holds of the steps that are pending now, and with the run's own answer. */
export async function viewOfRun(ids: { workflowId: string; runId: string }, run: RunRecord, { description, answer }: Beside, read: PayloadReader, now: number): Promise<RunView> {
  const pending = new Map((description.pendingActivities ?? []).map((activity) => [activity.activityId, activity]));
  const steps = await Promise.all(newestOfEachId(run).map((step) => viewOfStep(step, run.state === 'running' ? pending.get(step.id) : undefined, read, now)));
  const indexed = description.workflowExecutionInfo?.searchAttributes?.indexedFields ?? {};
  const nominal = indexed['TemporalScheduledStartTime'];
  const task = run.state === 'running' ? description.pendingWorkflowTask : undefined;
  const attempts = task?.attempt ?? 1;
  return {
    ...ids,
    workflow: run.workflow,
    pipeline: pipelineOf(run.workflow),
    taskQueue: run.taskQueue,
    state: run.state,
    startedAt: run.startedAt,
    durationMs: (run.endedAt === undefined ? now : Date.parse(run.endedAt)) - Date.parse(run.startedAt),
    steps: answer === undefined ? steps : joinSteps(steps, answer.steps, now),
    ...defined({
      endedAt: run.endedAt,
      interval: await intervalOf(run, nominal, read),
      standstill: run.state === 'running' ? (answer === undefined ? await standstillOf(run, indexed[SEARCH_ATTRIBUTES.state.name], read) : asStandstill(answer.state)) : undefined,
      paused: run.state === 'running' ? run.paused : undefined,
      rerunOf: answer?.rerunOf,
      failure: run.failure,
      stuck: task != null && run.taskFailure !== undefined && attempts > 1 ? { ...run.taskFailure, attempts } : undefined,
      waitingForWorkerSince: task != null && task.startedTime == null ? iso(task.originalScheduledTime ?? task.scheduledTime) : undefined,
      cancelRequested: run.cancelRequested && run.state === 'running' ? true : undefined,
      continuedAs: run.continuedAs,
      result: run.result,
      quarantine: run.quarantine,
    }),
  };
}

/** An operator's retry schedules an activity of the same id again: one row, from when it was first scheduled. */
function newestOfEachId(run: RunRecord): StepRecord[] {
  const byId = new Map<string, StepRecord>();
  for (const step of run.steps.values()) byId.set(step.id, { ...step, scheduledAt: byId.get(step.id)?.scheduledAt ?? step.scheduledAt });
  return [...byId.values()];
}

/** Without a worker: as the run last wrote it where its search attributes are registered, else by the orders it has taken. */
async function standstillOf(run: RunRecord, state: temporal.api.common.v1.IPayload | undefined, read: PayloadReader): Promise<Standstill | undefined> {
  const [value] = state === undefined ? [] : await read.values({ payloads: [state] });
  return asStandstill([value].flat()[0]) ?? (run.paused === undefined ? undefined : 'paused');
}

async function viewOfStep(step: StepRecord, pending: PendingActivity | undefined, read: PayloadReader, now: number): Promise<StepView> {
  const { attempts, state, startedAt, endedAt, rows, error, worker, skipped } = step;
  const current = pending === undefined ? {} : await viewOfPending(pending, read);
  const byOperator = skipped === undefined || state === 'succeeded' ? {} : { state: 'skipped' as const, message: skipped.message, endedAt: skipped.at };
  const view = { attempts, state, startedAt, endedAt, rows, error, worker, ...current, ...byOperator };
  const until = view.endedAt === undefined ? (view.state === 'running' ? now : undefined) : Date.parse(view.endedAt);
  const durationMs = view.startedAt === undefined || until === undefined ? undefined : Math.max(0, until - Date.parse(view.startedAt));
  return {
    id: step.id,
    activity: step.activity,
    scheduledAt: step.scheduledAt,
    ...defined({ group: groupOf(step.id), durationMs }),
    ...defined(view),
  };
}

async function viewOfPending(pending: PendingActivity, read: PayloadReader): Promise<Partial<StepView>> {
  const [progress] = await read.values(pending.heartbeatDetails);
  const runs = RUNNING.includes(pending.state);
  const held = pending.state === PENDING_ACTIVITY_STATE_PAUSED || pending.paused === true;
  const attempt = pending.attempt ?? 1;
  const failedBefore = pending.lastFailure != null || attempt > 1;
  const next = pending.nextAttemptScheduleTime ?? pending.scheduledTime;
  return defined({
    state: runs ? ('running' as const) : held ? ('held' as const) : failedBefore ? ('retrying' as const) : ('waiting' as const),
    // A step that waits for its next attempt counts those that it has had.
    attempts: runs ? attempt : attempt - 1,
    startedAt: iso(pending.lastStartedTime),
    rows: rowsOf(progress),
    error: read.failure(pending.lastFailure),
    worker: pending.lastWorkerIdentity == null || pending.lastWorkerIdentity === '' ? undefined : pending.lastWorkerIdentity,
    nextAttemptAt: !runs && failedBefore && millis(next) !== undefined ? iso(next) : undefined,
  });
}

/** As the steps were told; before the first step, from the run's parameters and its nominal time. */
async function intervalOf(run: RunRecord, nominal: temporal.api.common.v1.IPayload | undefined, read: PayloadReader): Promise<RunView['interval']> {
  if (run.interval !== undefined) return { label: run.interval.label, start: run.interval.start, end: run.interval.end };
  if (pipelineOf(run.workflow) === run.workflow) return undefined;
  try {
    const [time] = nominal === undefined ? [] : await read.values({ payloads: [nominal] });
    return intervalBounds(run.params ?? {}, new Date(typeof time === 'string' ? time : run.startedAt));
  } catch {
    // The run was started with parameters that choose none, and ends with that message.
    return undefined;
  }
}
