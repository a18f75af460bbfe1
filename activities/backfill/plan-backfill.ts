import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { intervalsOf, timezoneOf } from '../../src/backfills/intervals.js';
import { planPage } from '../../src/backfills/plan.js';
import { findPipeline, type Pipeline } from '../../src/catalog.js';
import type { BackfillPlan, BackfillRequest } from '../../src/durable/backfill.js';
import { intervalParams } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import { runsOf } from '../../src/runs/list-runs.js';
import type { RunState } from '../../src/runs/run-view.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from '../../src/steps/run-options.js';
import { SEARCH_ATTRIBUTES } from '../../src/steps/search-attributes.js';
import { loadedIntervals } from '../../src/warehouse/ledger.js';
import type { Dependencies } from '../dependencies.js';

const ENDED: readonly RunState[] = ['completed', 'failed', 'cancelled', 'terminated', 'timed-out'];

/**
 * The next page of a backfill, from the warehouse's ledger and the runs that Temporal has. `after` is the start of the last
 * interval of the page before.
 */
export function createPlanBackfill(deps: Pick<Dependencies, 'warehouse'>) {
  return async function planBackfill(request: BackfillRequest, after?: string): Promise<BackfillPlan> {
    const { client, cancellationSignal: signal, log } = Context.current();
    const pipeline = findPipeline(request.pipeline);
    if (pipeline === undefined) throw new MillraceError('BAD_PARAMS', `This worker has no pipeline ${request.pipeline}: see millrace list.`);
    const intervals = await intervalsOf(pipeline, request);

    const loaded = pipeline.publishes.length === 0 ? undefined : await loadedIntervals(deps.warehouse(), pipeline.name, intervals, { signal });
    if (loaded === undefined && request.only === 'missing') {
      throw new MillraceError('BAD_PARAMS', `${pipeline.name} publishes no tables, so that nobody knows which intervals are missing: use --only failed or --only all.`);
    }
    const openRuns = await newestRuns(client, pipeline, ['running']);
    const lastRuns = request.only === 'failed' ? await newestRuns(client, pipeline, ENDED, new Set(intervals.map(({ label }) => label))) : undefined;

    const plan = planPage(
      request,
      intervals,
      (interval) => ({ loaded: loaded?.has(interval.start) ?? false, lastRun: lastRuns?.get(interval.label)?.state, openRun: openRuns.get(interval.label)?.workflowId }),
      {
        now: new Date(),
        after,
        runOf: (interval) => ({ workflowId: `${pipeline.name}-${interval.label}`, params: { ...intervalParams(interval, timezoneOf(pipeline)), ...request.params } }),
      },
    );
    log.info(`${plan.intervals.length} intervals of ${pipeline.name} to run now, ${plan.remaining} after them`);
    return { start: howToStart(pipeline, request), ...plan };
  };
}

/** A backfill's steps go behind those of other runs, where a worker or a pool has to choose. */
const DEFAULT_PRIORITY = 4;

/** What a client of ours gives to a run that it starts, beside the parameters. */
function howToStart({ name, workflow, taskQueue, options: usual }: Pipeline, request: BackfillRequest): BackfillPlan['start'] {
  const options: RunOptions = { priority: DEFAULT_PRIORITY, ...usual, ...request.options };
  const attributes = [
    { key: SEARCH_ATTRIBUTES.pipeline, value: name },
    { key: SEARCH_ATTRIBUTES.state, value: 'running' },
  ];
  return { workflow, taskQueue, attributes, memo: { [RUN_OPTIONS_MEMO]: options }, ...(options.priority === undefined ? {} : { priorityKey: options.priority }) };
}

/** By the interval's label; reading ends when all of `labels` have been seen. */
async function newestRuns(client: Client, pipeline: Pipeline, states: readonly RunState[], labels?: ReadonlySet<string>): Promise<Map<string, { workflowId: string; state: RunState }>> {
  const newest = new Map<string, { workflowId: string; state: RunState }>();
  const unseen = new Set(labels);
  for await (const { interval, workflowId, state } of runsOf(client, pipeline, states)) {
    if (interval === undefined || newest.has(interval)) continue;
    newest.set(interval, { workflowId, state });
    if (unseen.delete(interval) && unseen.size === 0) break;
  }
  return newest;
}
