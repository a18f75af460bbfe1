import { randomUUID } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { TimeoutFailure } from '@temporalio/common';
import { intervalsOf } from '../backfills/intervals.js';
import type { Pipeline } from '../catalog.js';
import {
  BACKFILL_MEMO,
  BACKFILL_PLAN_WORKFLOW,
  BACKFILL_SELECTIONS,
  BACKFILL_WORKFLOW,
  MOST_PARALLEL,
  backfillId,
  type BackfillPlan,
  type BackfillRequest,
  type BackfillSummary,
} from '../durable/backfill.js';
import { describeError } from '../durable/describe-error.js';
import { isMillraceError } from '../errors.js';
import type { RunOptions } from '../steps/run-options.js';
import type { Cli } from './cli.js';
import { CliError, usageError } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';
import { nearest, positiveInteger } from './find-run.js';
import { prepareDemonstration } from './prepare-demonstration.js';
import { parseParams } from './start-run.js';

/** A plan asks the warehouse and the server; without a worker it would wait for ever. */
const PLAN_WITHIN = '2m';

/** What was typed. */
export interface BackfillAsked {
  from: string;
  to: string;
  parallel: string;
  only: string;
  newestFirst: boolean;
  param: readonly string[];
}

/** Everything is checked here, before Temporal hears of it; the worker checks the days again. `options` are those of its runs. */
export async function backfillRequest(pipeline: Pipeline, asked: Partial<BackfillAsked>, options: RunOptions = {}): Promise<BackfillRequest> {
  const { from, to } = asked;
  if (from === undefined || to === undefined) throw usageError('--from and --to are needed', `millrace backfill ${pipeline.name} --from 2010-12-01 --to 2010-12-23`);
  await intervalsOf(pipeline, { from, to });
  const only = BACKFILL_SELECTIONS.find((known) => known === asked.only);
  if (only === undefined) throw usageError(`--only ${asked.only} is unknown`, `use ${nearest(asked.only ?? '', BACKFILL_SELECTIONS) ?? BACKFILL_SELECTIONS.join(', ')}`);
  const params = parseParams(pipeline, asked.param ?? []);
  return {
    pipeline: pipeline.name,
    from,
    to,
    only,
    newestFirst: asked.newestFirst === true,
    parallel: parallelOf('--parallel', asked.parallel),
    ...(Object.keys(params).length === 0 ? {} : { params }),
    ...(Object.keys(options).length === 0 ? {} : { options: { ...options } }),
  };
}

export function parallelOf(option: string, value: unknown): number {
  const parallel = positiveInteger(option, value);
  if (parallel > MOST_PARALLEL) throw usageError(`${option} ${parallel} is too many`, `give at most ${MOST_PARALLEL}`);
  return parallel;
}

/** What the worker would run, and why. Starts nothing else. */
export async function planBackfill(client: Client, pipeline: Pipeline, request: BackfillRequest): Promise<Pick<BackfillPlan, 'intervals' | 'skipped'>> {
  try {
    return (await client.workflow.execute(BACKFILL_PLAN_WORKFLOW, {
      workflowId: `plan-${backfillId(request)}-${randomUUID()}`,
      taskQueue: pipeline.taskQueue,
      args: [request],
      workflowExecutionTimeout: PLAN_WITHIN,
    })) as BackfillPlan;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof TimeoutFailure) throw new CliError(EXIT_CODES.CONNECTION, `no worker has made a plan within ${PLAN_WITHIN}`, 'see millrace doctor', { cause: error });
    throw new CliError(EXIT_CODES.FAILED, `the worker cannot make a plan: ${describeError(error).message}`, 'see millrace connections check', { cause: error });
  }
}

/** The embedded demonstration has only the days that somebody asked for; a day that it cannot have fails with its own run. */
export async function prepareDays(cli: Cli, pipeline: Pipeline, request: BackfillRequest): Promise<void> {
  const missing: string[] = [];
  for (const interval of await intervalsOf(pipeline, request)) {
    try {
      await prepareDemonstration(cli, pipeline, interval);
    } catch (error) {
      if (!isMillraceError(error) || error.code !== 'SOURCE_MISSING') throw error;
      missing.push(interval.label);
    }
  }
  if (missing.length > 0) cli.screen.remark(`the demonstration has no data of ${missing.join(', ')}`);
}

/** Starts the backfill; of one range only one can be open at a time. Returns its workflow id. */
export async function startBackfill(client: Client, pipeline: Pipeline, request: BackfillRequest): Promise<string> {
  const workflowId = backfillId(request);
  const summary: BackfillSummary = { request, startedAt: new Date().toISOString(), done: 0, failed: 0, skipped: 0 };
  try {
    await client.workflow.start(BACKFILL_WORKFLOW, {
      workflowId,
      taskQueue: pipeline.taskQueue,
      args: [request],
      memo: { [BACKFILL_MEMO]: summary },
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      staticSummary: `backfill of ${pipeline.name}, ${request.from} to ${request.to}`,
    });
    return workflowId;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new CliError(EXIT_CODES.CONFLICT, `${workflowId} is running already`, `millrace backfill watch ${workflowId}, or millrace backfill cancel ${workflowId}`, { cause: error });
  }
}
