import { PAGE_SIZE, type BackfillPlan, type BackfillRequest, type PlannedInterval, type SkipReason, type SkippedCounts } from '../durable/backfill.js';
import type { RunState } from '../runs/run-view.js';
import type { Interval } from './intervals.js';

/** What is known of an interval: the warehouse's ledger, and the runs that Temporal still has. */
export interface IntervalFacts {
  loaded: boolean;
  /** State of the newest run that has ended. */
  lastRun?: RunState | undefined;
  /** Workflow id of a run that has not. */
  openRun?: string | undefined;
}

const FAILURES: readonly RunState[] = ['failed', 'timed-out', 'terminated'];

/**
 * The next page of a backfill: which of the pipeline's intervals are run, why, and in which order. `after` is the start of the
 * last interval of the page before.
 */
export function planPage(
  request: BackfillRequest,
  intervals: readonly Interval[],
  factsOf: (interval: Interval) => IntervalFacts,
  { now, after, runOf }: { now: Date; after?: string | undefined; runOf: (interval: Interval) => Pick<PlannedInterval, 'workflowId' | 'params'> },
): Omit<BackfillPlan, 'start'> {
  const decisions = inOrder(request, intervals, after).map((interval) => {
    const facts = factsOf(interval);
    return { interval, facts, skip: reasonToSkip(request, interval, facts, now) };
  });
  const chosen = decisions.filter(({ skip }) => skip === undefined);
  const page = chosen.slice(0, request.pageSize ?? PAGE_SIZE);
  const remaining = chosen.length - page.length;
  // What is left out after the last one of a full page is counted with the next page.
  const seen = remaining > 0 ? decisions.slice(0, decisions.indexOf(page.at(-1)!)) : decisions;
  return {
    intervals: page.map(({ interval, facts }) => ({ ...interval, ...runOf(interval), why: why(facts), ...(facts.openRun === undefined ? {} : { openRun: facts.openRun }) })),
    remaining,
    skipped: countSkipped(seen),
  };
}

function countSkipped(decisions: readonly { skip: SkipReason | undefined }[]): SkippedCounts {
  const counts: SkippedCounts = {};
  for (const { skip } of decisions) if (skip !== undefined) counts[skip] = (counts[skip] ?? 0) + 1;
  return counts;
}

function inOrder({ newestFirst }: BackfillRequest, intervals: readonly Interval[], after: string | undefined): Interval[] {
  const ordered = newestFirst ? intervals.toReversed() : intervals;
  if (after === undefined) return [...ordered];
  return ordered.filter(({ start }) => (newestFirst ? start < after : start > after));
}

function reasonToSkip({ only }: BackfillRequest, { end }: Interval, { loaded, lastRun }: IntervalFacts, now: Date): SkipReason | undefined {
  if (Date.parse(end) > now.getTime()) return 'not-over';
  if (only === 'all') return undefined;
  if (loaded) return 'loaded';
  return only === 'missing' || hasFailed(lastRun) ? undefined : 'not-failed';
}

function why({ loaded, lastRun }: IntervalFacts): PlannedInterval['why'] {
  if (loaded) return 'loaded';
  return hasFailed(lastRun) ? 'failed' : 'missing';
}

function hasFailed(state: RunState | undefined): boolean {
  return state !== undefined && FAILURES.includes(state);
}
