import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { CATALOG, findPipeline, type Pipeline } from '../catalog.js';
import { intervalBounds } from '../durable/data-interval.js';
import { defined } from './event-times.js';
import { pipelineOf } from './run-reducer.js';
import { SEARCH_ATTRIBUTES } from '../steps/search-attributes.js';
import type { RunState, Standstill } from './run-view.js';
import { asStandstill, isStandstill } from './standstill.js';

/** Our names of Temporal's execution statuses. */
export const STATUS_OF_STATE = {
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Canceled',
  terminated: 'Terminated',
  'timed-out': 'TimedOut',
  continued: 'ContinuedAsNew',
} as const satisfies Record<RunState, string>;

export interface RunSummary {
  workflowId: string;
  runId: string;
  pipeline: string;
  state: RunState;
  /** Why it does not simply run; only where the namespace knows our search attributes. */
  standstill?: Standstill;
  /** Label of the interval, where the ids say it. */
  interval?: string;
  startedAt: string;
  endedAt?: string;
  durationMs: number;
  /** Whether a schedule started it. */
  scheduled: boolean;
}

export interface RunFilter {
  /** A pipeline of the catalog, or any workflow type; absent: every pipeline of the catalog. */
  pipeline?: string;
  state?: RunState | Standstill;
  limit: number;
}

/** Runs, the newest first, as far as the namespace keeps them. A standstill can be asked for where the namespace knows our search attributes. */
export async function listRuns(client: Client, filter: RunFilter): Promise<RunSummary[]> {
  const types = filter.pipeline === undefined ? CATALOG.map(({ workflow }) => workflow) : [findPipeline(filter.pipeline)?.workflow ?? filter.pipeline];
  const conditions = [`WorkflowType IN (${types.map(quoted).join(', ')})`];
  const { state } = filter;
  if (state !== undefined && isStandstill(state)) conditions.push(`ExecutionStatus = 'Running'`, `${SEARCH_ATTRIBUTES.state.name} = ${quoted(state)}`);
  else if (state !== undefined) conditions.push(`ExecutionStatus = ${quoted(STATUS_OF_STATE[state])}`);
  return take(client, conditions.join(' AND '), filter.limit);
}

/** The run of an interval, by its label (`2010-12-01`): started by hand or by the schedule, whichever came last. */
export async function findRunOfInterval(client: Client, pipeline: string, label: string): Promise<RunSummary | undefined> {
  const workflow = findPipeline(pipeline)?.workflow ?? pipeline;
  const [manual] = await take(client, `WorkflowId = ${quoted(`${pipeline}-${label}`)}`, 1);
  const scheduled = await take(client, `WorkflowType = ${quoted(workflow)} AND WorkflowId STARTS_WITH ${quoted(`${pipeline}-scheduled`)}`, 1000);
  const due = scheduled.find(({ interval }) => interval === label);
  if (manual === undefined || due === undefined) return manual ?? due;
  return manual.startedAt > due.startedAt ? manual : due;
}

/** Every run of a pipeline, the newest first, read page by page as far as it is asked for. */
export async function* runsOf(client: Client, pipeline: Pipeline, states?: readonly RunState[]): AsyncGenerator<RunSummary> {
  const conditions = [`WorkflowType = ${quoted(pipeline.workflow)}`];
  if (states !== undefined) conditions.push(`ExecutionStatus IN (${states.map((state) => quoted(STATUS_OF_STATE[state])).join(', ')})`);
  for await (const info of client.workflow.list({ query: conditions.join(' AND '), pageSize: 1000 })) yield summaryOf(info);
}

export async function findRunById(client: Client, runId: string): Promise<RunSummary | undefined> {
  return (await take(client, `RunId = ${quoted(runId)}`, 1))[0];
}

async function take(client: Client, query: string, limit: number): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  for await (const info of client.workflow.list({ query, pageSize: Math.min(limit, 1000) })) {
    found.push(summaryOf(info));
    if (found.length === limit) break;
  }
  return found;
}

function summaryOf(info: WorkflowExecutionInfo): RunSummary {
  const pipeline = pipelineOf(info.type);
  const nominal = info.searchAttributes['TemporalScheduledStartTime']?.[0];
  const state = stateOf(info.status.name);
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    pipeline,
    state,
    startedAt: info.startTime.toISOString(),
    durationMs: (info.closeTime ?? new Date()).getTime() - info.startTime.getTime(),
    scheduled: nominal instanceof Date,
    ...defined({ standstill: state === 'running' ? asStandstill(info.typedSearchAttributes.get(SEARCH_ATTRIBUTES.state)) : undefined, endedAt: info.closeTime?.toISOString(), interval: labelOf(pipeline, info.workflowId, nominal) }),
  };
}

function labelOf(pipeline: string, workflowId: string, nominal: unknown): string | undefined {
  if (nominal instanceof Date) return intervalBounds(findPipeline(pipeline)?.schedule ?? {}, nominal).label;
  const rest = workflowId.startsWith(`${pipeline}-`) ? workflowId.slice(pipeline.length + 1) : '';
  return /^\d{4}-\d\d-\d\d/.test(rest) ? rest : undefined;
}

/** Of a status of Temporal's. */
export function stateOf(status: string): RunState {
  const names: Record<string, RunState> = { COMPLETED: 'completed', FAILED: 'failed', CANCELLED: 'cancelled', CANCELED: 'cancelled', TERMINATED: 'terminated', TIMED_OUT: 'timed-out', CONTINUED_AS_NEW: 'continued' };
  return names[status] ?? 'running';
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
