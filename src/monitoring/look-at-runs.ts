import type { Client } from '@temporalio/client';
import type { Pipeline } from '../catalog.js';
import { listRuns, STATUS_OF_STATE } from '../runs/list-runs.js';
import type { RunState } from '../runs/run-view.js';
import { STUCK_ATTEMPTS, stuckAmong } from '../runs/stuck-runs.js';
import { SEARCH_ATTRIBUTES } from '../steps/search-attributes.js';
import type { DurationHealth, LastRun, RunCounts } from './health.js';
import { MONITORING } from './incidents.js';
import { COMPARED_RUNS, judgeDuration } from './judge-duration.js';

/** Open runs whose own tasks are looked at; workers watch all of them. */
const STUCK_AMONG = 200;

/** How the runs of a pipeline that ended within the window have ended: counted by the server, none of them is read. */
export async function countRuns(client: Client, { workflow }: Pipeline, { start, end }: { start: string; end: string }): Promise<RunCounts> {
  const { groups } = await client.workflow.count(`WorkflowType = '${workflow}' AND CloseTime >= '${start}' AND CloseTime < '${end}' GROUP BY ExecutionStatus`);
  const counts = new Map(groups.map(({ count, groupValues }) => [String(groupValues[0]), count]));
  const of = (state: RunState): number => counts.get(STATUS_OF_STATE[state]) ?? 0;
  return { succeeded: of('completed'), failed: of('failed'), timedOut: of('timed-out'), cancelled: of('cancelled'), terminated: of('terminated') };
}

/** The newest run against those before it that succeeded; `undefined` where there is none. Reads one page of either. */
export async function lookAtDuration(client: Client, { name }: Pipeline): Promise<DurationHealth | undefined> {
  // The newest open run of the monitoring is the one that looks.
  const openRuns = name === MONITORING ? [] : listRuns(client, { pipeline: name, state: 'running', limit: 1 });
  const [[open], completed] = await Promise.all([openRuns, listRuns(client, { pipeline: name, state: 'completed', limit: COMPARED_RUNS + 1 })]);
  const seconds = completed.map(({ durationMs }) => durationMs / 1000);
  if (open !== undefined) return judgeDuration(open.durationMs / 1000, true, seconds);
  const [last, ...before] = seconds;
  return last === undefined ? undefined : judgeDuration(last, false, before);
}

/** Open runs, and those of them that are held or stuck. */
export async function lookAtOpenRuns(client: Client, { name, workflow }: Pipeline): Promise<{ open: number; stuck: number }> {
  const { count: open } = await client.workflow.count(`WorkflowType = '${workflow}' AND ExecutionStatus = 'Running'`);
  if (open === 0) return { open, stuck: 0 };
  const newest = await listRuns(client, { pipeline: name, state: 'running', limit: STUCK_AMONG });
  return { open, stuck: (await stuckAmong(client, newest, STUCK_ATTEMPTS)).size };
}

/** Fails where the namespace does not know our search attributes. */
export async function countHeldRuns(client: Client, { workflow }: Pipeline): Promise<number> {
  return (await client.workflow.count(`WorkflowType = '${workflow}' AND ExecutionStatus = 'Running' AND ${SEARCH_ATTRIBUTES.state.name} = 'held'`)).count;
}

/** The run of a pipeline that ended last, unless an operator ended it; `undefined` where there is none. */
export async function lookAtLastRun(client: Client, { name }: Pipeline): Promise<LastRun | undefined> {
  const states = ['completed', 'failed', 'timed-out'] as const;
  const newest = await Promise.all(states.map(async (state) => (await listRuns(client, { pipeline: name, state, limit: 1 })).map(({ workflowId, endedAt = '' }) => ({ workflowId, state, endedAt }))));
  const [last] = newest.flat().toSorted((a, b) => b.endedAt.localeCompare(a.endedAt));
  return last === undefined ? undefined : { workflowId: last.workflowId, state: last.state };
}
