import { ApplicationFailure, defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';
import {
  BACKFILL_PROGRESS,
  BACKFILL_UPDATES,
  MOST_PARALLEL,
  type BackfillOrder,
  type BackfillPlan,
  type BackfillProgress,
  type BackfillRequest,
  type BackfillTotals,
  type FailedInterval,
  type PlannedInterval,
  type SkipReason,
} from './backfill.js';

const progressQuery = defineQuery<BackfillProgress>(BACKFILL_PROGRESS);
const pauseUpdate = defineUpdate<void, [BackfillOrder]>(BACKFILL_UPDATES.pause);
const resumeUpdate = defineUpdate<void, [BackfillOrder]>(BACKFILL_UPDATES.resume);
const parallelUpdate = defineUpdate<void, [number]>(BACKFILL_UPDATES.parallel);

/** Where a backfill is: kept by its workflow, changed by its operator. */
export interface BackfillControl {
  readonly request: BackfillRequest;
  readonly totals: BackfillTotals;
  cancelling: boolean;
  planned(plan: BackfillPlan): void;
  /** Whether the next interval may start: not paused, and a place is free. */
  mayStart(): boolean;
  started(interval: PlannedInterval): void;
  completed(interval: PlannedInterval): void;
  failed(interval: PlannedInterval, failure: FailedInterval): void;
  /** Ended because the backfill was cancelled: neither done nor failed. */
  cancelled(interval: PlannedInterval): void;
  isIdle(): boolean;
}

/** Registers the query and the updates; `before` is what an earlier execution has done. */
export function backfillControl(request: BackfillRequest, before: BackfillTotals): BackfillControl {
  const totals: BackfillTotals = { ...before, failed: [...before.failed], skipped: { ...before.skipped } };
  const running = new Map<string, BackfillProgress['running'][number]>();
  let waiting: number | undefined;

  const control: BackfillControl = {
    request,
    totals,
    cancelling: false,
    planned(plan) {
      waiting = plan.intervals.length + plan.remaining;
      for (const [reason, count] of Object.entries(plan.skipped) as [SkipReason, number][]) totals.skipped[reason] = (totals.skipped[reason] ?? 0) + count;
    },
    mayStart: () => totals.paused === undefined && running.size < totals.parallel,
    started({ label, workflowId, openRun }) {
      waiting = (waiting ?? 0) - 1;
      running.set(label, { label, workflowId: openRun ?? workflowId, since: new Date().toISOString() });
    },
    completed({ label }) {
      running.delete(label);
      totals.done += 1;
    },
    failed({ label }, failure) {
      running.delete(label);
      totals.failed.push(failure);
    },
    cancelled({ label }) {
      running.delete(label);
    },
    isIdle: () => running.size === 0,
  };

  setHandler(progressQuery, () => {
    const { after: _, ...counts } = totals;
    return { request, ...counts, state: stateNow(), waiting: waiting ?? 0, running: [...running.values()] };
  });
  setHandler(pauseUpdate, (order) => void (totals.paused = { ...order, since: new Date().toISOString() }), {
    validator: (_order) => refuseIf(totals.paused !== undefined, `the backfill has been paused already, by ${totals.paused?.by} at ${totals.paused?.since}: resume or cancel it`),
  });
  setHandler(resumeUpdate, (_order) => void delete totals.paused, {
    validator: (_order) => refuseIf(totals.paused === undefined, `the backfill is not paused: it runs ${running.size} intervals, and ${waiting ?? 0} wait`),
  });
  setHandler(parallelUpdate, (parallel) => void (totals.parallel = parallel), {
    validator: (parallel) => refuseIf(!Number.isInteger(parallel) || parallel < 1 || parallel > MOST_PARALLEL, `parallel ${parallel} is not a whole number from 1 to ${MOST_PARALLEL}`),
  });
  return control;

  function stateNow(): BackfillProgress['state'] {
    if (control.cancelling) return 'cancelling';
    if (totals.paused !== undefined) return 'paused';
    if (waiting === undefined) return 'planning';
    return waiting === 0 && running.size === 0 ? 'ended' : 'running';
  }
}

function refuseIf(wrong: boolean, message: string): void {
  if (wrong) throw ApplicationFailure.nonRetryable(message, 'REFUSED');
}
