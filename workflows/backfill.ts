import {
  ApplicationFailure,
  CancellationScope,
  ParentClosePolicy,
  TemporalFailure,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  startChild,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { BACKFILL_MEMO, total, type BackfillPlan, type BackfillRequest, type BackfillResult, type BackfillSummary, type BackfillTotals, type PlannedInterval } from '../src/durable/backfill.js';
import { backfillControl, type BackfillControl } from '../src/durable/backfill-control.js';
import { describeError } from '../src/durable/describe-error.js';
import { withStepScope } from '../src/durable/step-scope.js';
import type { ErrorCode } from '../src/errors.js';
import { OPEN_RUN, WAREHOUSE } from './policies.js';

const { planBackfill } = proxyActivities<Activities>(WAREHOUSE);
const { awaitRun } = proxyActivities<Activities>(OPEN_RUN);

/** Failed intervals whose message is kept, and labels that a message names. */
const MESSAGES_KEPT = 100;
const LABELS_NAMED = 10;
/** Characters. */
const MESSAGE_LIMIT = 300;

/**
 * Runs a pipeline for many intervals, some at a time. Each is a run like one that is started by hand; one that fails does not
 * stop the others. After a page of intervals it goes on as a new execution with a fresh plan.
 */
export async function backfill(request: BackfillRequest, before: BackfillTotals = beginning(request)): Promise<BackfillResult> {
  const control = backfillControl(request, before);
  remember(control);
  try {
    const plan = await planBackfill(request, before.after);
    control.planned(plan);
    for (const interval of plan.intervals) {
      await condition(() => control.mayStart());
      control.started(interval);
      void runInterval(interval, plan, control);
    }
    await condition(() => control.isIdle());
    if (plan.remaining > 0) await continueAsNew<typeof backfill>(request, { ...control.totals, after: plan.intervals.at(-1)!.start });
  } catch (error) {
    control.cancelling = isCancellation(error);
    // Temporal has cancelled the running intervals too: what they have begun is cleaned up before this ends.
    await CancellationScope.nonCancellable(() => condition(() => control.isIdle()));
    throw error;
  } finally {
    remember(control);
  }
  return resultOf(control);
}

function beginning({ parallel }: BackfillRequest): BackfillTotals {
  return { startedAt: workflowInfo().startTime.toISOString(), parallel, done: 0, failed: [], skipped: {} };
}

/** What a backfill would run, without running any of it. */
export async function backfillPlan(request: BackfillRequest): Promise<Pick<BackfillPlan, 'intervals' | 'skipped'>> {
  const intervals: PlannedInterval[] = [];
  const skipped: BackfillPlan['skipped'] = {};
  let remaining = Infinity;
  while (remaining > 0) {
    const page = await planBackfill(request, intervals.at(-1)?.start);
    intervals.push(...page.intervals);
    for (const [reason, count] of Object.entries(page.skipped)) skipped[reason as keyof typeof skipped] = (skipped[reason as keyof typeof skipped] ?? 0) + count;
    ({ remaining } = page);
  }
  return { intervals, skipped };
}

async function runInterval(interval: PlannedInterval, plan: BackfillPlan, control: BackfillControl): Promise<void> {
  try {
    // The interval stands in the step's id: `ecommerceDaily[2010-12-01]`.
    await withStepScope({ key: interval.label, mayHold: false }, () => (interval.openRun === undefined ? ownRun(interval, plan) : openRun(interval.openRun)));
    control.completed(interval);
  } catch (error) {
    if (isCancellation(error) && CancellationScope.current().consideredCancelled) return control.cancelled(interval);
    const { type, message } = describeError(error);
    const { label, workflowId } = interval;
    const keep = control.totals.failed.length < MESSAGES_KEPT;
    control.failed(interval, { label, workflowId: interval.openRun ?? workflowId, errorCode: type, ...(keep ? { message: message.slice(0, MESSAGE_LIMIT) } : {}) });
  }
}

async function ownRun({ label, workflowId, params }: PlannedInterval, { start }: BackfillPlan): Promise<void> {
  try {
    const run = await startChild(start.workflow, {
      workflowId,
      taskQueue: start.taskQueue,
      args: [params],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      // A backfill that is terminated leaves no run without its cleanup.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${start.workflow} ${label}, backfill`,
      memo: start.memo,
      ...(start.priorityKey === undefined ? {} : { priority: { priorityKey: start.priorityKey } }),
      ...(isSearchable(start) ? { typedSearchAttributes: start.attributes } : {}),
    });
    await run.result();
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
    await openRun(workflowId);
  }
}

/** Somebody else's run of the interval: its outcome is the interval's, and cancelling the backfill does not touch it. */
async function openRun(workflowId: string): Promise<void> {
  const state = await awaitRun(workflowId);
  if (state !== 'completed') throw ApplicationFailure.nonRetryable(`${workflowId}, which was running already, ended as ${state}`, 'RUN_NOT_COMPLETED' satisfies ErrorCode);
}

/** Whether the namespace knows our search attributes: then this workflow was started with them. */
function isSearchable({ attributes }: BackfillPlan['start']): boolean {
  const { typedSearchAttributes } = workflowInfo();
  return attributes.every(({ key }) => typedSearchAttributes.get(key) !== undefined);
}

/** The class is not exported to workflows. */
function isAlreadyStarted(error: unknown): boolean {
  return error instanceof TemporalFailure && error.name === 'WorkflowExecutionAlreadyStartedError';
}

/** For lists of backfills, which work without a worker. */
function remember({ request, totals }: BackfillControl): void {
  const summary: BackfillSummary = { request, startedAt: totals.startedAt, done: totals.done, failed: totals.failed.length, skipped: total(totals.skipped) };
  upsertMemo({ [BACKFILL_MEMO]: summary });
}

function resultOf({ request: { pipeline, from, to }, totals: { done, failed, skipped } }: BackfillControl): BackfillResult {
  const result = { pipeline, from, to, done, failed, skipped };
  if (failed.length === 0) return result;
  const named = failed.slice(0, LABELS_NAMED).map(({ label, errorCode }) => `${label} (${errorCode})`);
  const others = failed.length - named.length;
  throw ApplicationFailure.create({
    type: 'BACKFILL_INCOMPLETE' satisfies ErrorCode,
    nonRetryable: true,
    message:
      `${failed.length} of ${done + failed.length} intervals of ${pipeline} failed: ${named.join(', ')}${others > 0 ? ` and ${others} more` : ''}. ` +
      `Look at one with millrace status ${failed[0]!.workflowId}; when the cause is gone, run them again with millrace backfill ${pipeline} --from ${from} --to ${to} --only failed.`,
    details: [result],
  });
}
