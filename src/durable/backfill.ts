import type { ChildWorkflowOptions } from '@temporalio/workflow';

/**
 * What a backfill is asked, and what it says of itself: shared by its workflow, the activity that plans it and the CLI.
 * Sandbox-safe.
 */
export interface BackfillRequest {
  /** Name in the catalog. */
  pipeline: string;
  /** First and last calendar day in the time zone of the pipeline's schedule, both included. */
  from: string;
  to: string;
  only: BackfillSelection;
  newestFirst: boolean;
  /** How many intervals run at a time. */
  parallel: number;
  /** What every run is given beside its interval. */
  params?: Record<string, unknown>;
  /** Run options of every run (`memo.millrace`), over the catalog's. */
  options?: Record<string, unknown>;
  /** Intervals after which the workflow continues as new; default `PAGE_SIZE`. */
  pageSize?: number;
}

/**
 * `missing`: the warehouse's ledger has no load of the interval. `failed`: missing, and its newest run has failed, timed out or
 * was terminated. `all`: loaded ones too.
 */
export type BackfillSelection = 'missing' | 'failed' | 'all';
export const BACKFILL_SELECTIONS = ['missing', 'failed', 'all'] as const satisfies readonly BackfillSelection[];

/** Keeps the history of one execution at a few thousand events, and a page of the plan far below the limit of a result. */
export const PAGE_SIZE = 200;
/** A plan has at most so many intervals: more than a year of hours. */
export const MOST_INTERVALS = 10_000;
export const MOST_PARALLEL = 50;

export interface PlannedInterval {
  label: string;
  /** ISO 8601 UTC, half-open. */
  start: string;
  end: string;
  /** Why it is run: it was never loaded, its newest run did not complete, or everything was asked for. */
  why: 'missing' | 'failed' | 'loaded';
  /** Of the run, which is the one of a run that is started by hand. */
  workflowId: string;
  /** Its only argument. */
  params: Record<string, unknown>;
  /** A run of the interval that is open: it is waited for instead. */
  openRun?: string;
}

type SearchAttributePairs = Extract<NonNullable<ChildWorkflowOptions['typedSearchAttributes']>, unknown[]>;

/** Why intervals of the range are left out. */
export type SkipReason = 'loaded' | 'not-failed' | 'not-over';
export type SkippedCounts = Partial<Record<SkipReason, number>>;

/** The next intervals to run, in their order. */
export interface BackfillPlan {
  /** How their runs are started. */
  start: { workflow: string; taskQueue: string; memo: Record<string, unknown>; priorityKey?: number; attributes: SearchAttributePairs };
  intervals: PlannedInterval[];
  /** To run after these. */
  remaining: number;
  /** Left out between the intervals before and the last one of these, or the end of the range. */
  skipped: SkippedCounts;
}

export interface FailedInterval {
  label: string;
  workflowId: string;
  errorCode: string;
  /** Of the first hundred only: a source that is down for a year of hours says the same each time. */
  message?: string;
}

/** What an operator says of an order. */
export interface BackfillOrder {
  /** `anna@host` */
  by: string;
  why?: string;
}

/** What one execution hands to the next. */
export interface BackfillTotals {
  /** Of the first execution. */
  startedAt: string;
  parallel: number;
  paused?: BackfillOrder & { since: string };
  /** Start of the last interval that was dealt with. */
  after?: string;
  done: number;
  failed: FailedInterval[];
  skipped: SkippedCounts;
}

/** The answer to the query `progress`. */
export interface BackfillProgress extends Omit<BackfillTotals, 'after'> {
  request: BackfillRequest;
  /** `planning` is the time before the worker has said what there is to do. */
  state: 'planning' | 'running' | 'paused' | 'cancelling' | 'ended';
  /** Not started yet. */
  waiting: number;
  running: { label: string; workflowId: string; since: string }[];
}

export interface BackfillResult {
  pipeline: string;
  from: string;
  to: string;
  done: number;
  failed: FailedInterval[];
  skipped: SkippedCounts;
}

/** In the memo of a backfill under `backfill`: what a list of backfills shows when no worker answers. */
export interface BackfillSummary {
  request: BackfillRequest;
  startedAt: string;
  done: number;
  failed: number;
  skipped: number;
}

export const BACKFILL_WORKFLOW = 'backfill';
export const BACKFILL_PLAN_WORKFLOW = 'backfillPlan';
export const BACKFILL_MEMO = 'backfill';
export const BACKFILL_PROGRESS = 'progress';

export const BACKFILL_UPDATES = {
  /** Takes a `BackfillOrder`. */
  pause: 'backfill.pause',
  resume: 'backfill.resume',
  /** Takes a number. */
  parallel: 'backfill.parallel',
} as const;

export function backfillId({ pipeline, from, to }: Pick<BackfillRequest, 'pipeline' | 'from' | 'to'>): string {
  return `backfill-${pipeline}-${from}-${to}`;
}

export function total(counts: SkippedCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
