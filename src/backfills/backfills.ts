import { WorkflowFailedError, WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { findPipeline } from '../catalog.js';
import {
  BACKFILL_MEMO,
  BACKFILL_PROGRESS,
  BACKFILL_WORKFLOW,
  total,
  type BackfillProgress,
  type BackfillRequest,
  type BackfillResult,
  type BackfillSummary,
  type FailedInterval,
} from '../durable/backfill.js';
import { describeError } from '../durable/describe-error.js';
import { stateOf } from '../runs/list-runs.js';
import type { RunState } from '../runs/run-view.js';

/** A backfill as its operator sees it. Times are ISO 8601 UTC. */
export interface BackfillView {
  workflowId: string;
  state: RunState | Exclude<BackfillProgress['state'], 'ended'>;
  request: BackfillRequest;
  startedAt: string;
  endedAt?: string;
  done: number;
  failed: number;
  skipped: number;
  /** While it goes on and a worker answers. */
  live?: BackfillProgress;
  /** Once it has ended: the intervals that failed. */
  failures?: FailedInterval[];
  /** Why it ended, where no interval was the reason. */
  error?: { type: string; message: string };
}

/** A worker answers within moments; a backfill is shown without its live part rather than late. */
const ANSWER_WITHIN_MS = 2_000;

/** Backfills, the newest first, as far as the namespace keeps them. */
export async function listBackfills(client: Client, limit: number, pipeline?: string): Promise<BackfillView[]> {
  const views: Promise<BackfillView>[] = [];
  for await (const info of backfillsOf(client, pipeline)) {
    const view = summaryView(info);
    views.push(view.state === 'running' ? withProgress(client, view) : Promise.resolve(view));
    if (views.length === limit) break;
  }
  return Promise.all(views);
}

/** The workflow id behind a backfill's name: itself, a pipeline (its newest one), or `last`. */
export async function findBackfill(client: Client, name: string): Promise<string | undefined> {
  if (name === 'last' || findPipeline(name) !== undefined) {
    for await (const { workflowId } of backfillsOf(client, name === 'last' ? undefined : name)) return workflowId;
    return undefined;
  }
  const found = await client.workflow.getHandle(name).describe().catch(unlessMissing);
  return found?.type === BACKFILL_WORKFLOW ? name : undefined;
}

/** The newest backfill with this workflow id; a continued one is the same backfill. */
export async function readBackfill(client: Client, workflowId: string): Promise<BackfillView> {
  const description = await client.workflow.getHandle(workflowId).describe();
  const view = summaryView(description);
  return view.state === 'running' ? withProgress(client, view) : withOutcome(client, view, description.runId);
}

async function* backfillsOf(client: Client, pipeline: string | undefined): AsyncGenerator<WorkflowExecutionInfo> {
  const query = `WorkflowType = '${BACKFILL_WORKFLOW}' AND ExecutionStatus != 'ContinuedAsNew'`;
  for await (const info of client.workflow.list({ query })) {
    if (pipeline === undefined || summaryOf(info)?.request.pipeline === pipeline) yield info;
  }
}

type Execution = Pick<WorkflowExecutionInfo, 'workflowId' | 'memo' | 'status' | 'startTime' | 'closeTime'>;

function summaryOf({ memo }: Pick<WorkflowExecutionInfo, 'memo'>): BackfillSummary | undefined {
  return memo?.[BACKFILL_MEMO] as BackfillSummary | undefined;
}

function summaryView(info: Execution): BackfillView {
  const { request, startedAt, done, failed, skipped } = summaryOf(info) ?? unknownSummary(info);
  return {
    workflowId: info.workflowId,
    state: stateOf(info.status.name),
    request,
    startedAt,
    ...(info.closeTime === undefined ? {} : { endedAt: info.closeTime.toISOString() }),
    done,
    failed,
    skipped,
  };
}

/** A client that is not ours may have started it without a memo. */
function unknownSummary(info: Execution): BackfillSummary {
  const request: BackfillRequest = { pipeline: '', from: '', to: '', only: 'missing', newestFirst: false, parallel: 1 };
  return { request, startedAt: info.startTime.toISOString(), done: 0, failed: 0, skipped: 0 };
}

async function withProgress(client: Client, view: BackfillView): Promise<BackfillView> {
  const live = await askProgress(client, view.workflowId);
  if (live === undefined) return view;
  return { ...view, state: live.state === 'ended' ? 'running' : live.state, done: live.done, failed: live.failed.length, skipped: total(live.skipped), live };
}

/** `undefined` when no worker answers in time. */
function askProgress(client: Client, workflowId: string, runId?: string): Promise<BackfillProgress | undefined> {
  const ask = (): Promise<BackfillProgress> => client.workflow.getHandle(workflowId, runId).query<BackfillProgress>(BACKFILL_PROGRESS);
  return client.withDeadline(Date.now() + ANSWER_WITHIN_MS, ask).catch(() => undefined);
}

async function withOutcome(client: Client, view: BackfillView, runId: string): Promise<BackfillView> {
  if (view.state === 'completed') return { ...view, failures: [] };
  const failure = await failureOf(client, view.workflowId, runId);
  if (failure instanceof ApplicationFailure && failure.type === 'BACKFILL_INCOMPLETE') return { ...view, failures: (failure.details as [BackfillResult])[0].failed };
  const progress = await askProgress(client, view.workflowId, runId);
  return {
    ...view,
    ...(progress === undefined ? {} : { failures: progress.failed }),
    ...(view.state === 'failed' ? { error: describeError(failure) } : {}),
  };
}

async function failureOf(client: Client, workflowId: string, runId: string): Promise<Error | undefined> {
  try {
    await client.workflow.getHandle(workflowId, runId).result();
    return undefined;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return error.cause;
  }
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
