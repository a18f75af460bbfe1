import type { Client } from '@temporalio/client';
import { CATALOG } from '../../catalog.js';
import { listRuns } from '../../runs/list-runs.js';
import { stuckAmong } from '../../runs/stuck-runs.js';
import { oneLine } from '../output/format.js';
import { fail, ok, warn, type Finding } from './finding.js';

/** The newest open runs that are asked; more are left to the workers, who look at all of them. */
const RUNS = 200;
const NAMED = 5;

/** Runs whose own code cannot go on, although Temporal calls them running. */
export async function checkStuckRuns(client: Client): Promise<Finding[]> {
  const open = await listRuns(client, { state: 'running', limit: RUNS });
  const causes = await stuckAmong(client, open);
  if (causes.size === 0) return [ok('stuck runs', open.length === 0 ? 'no run is open' : `none of ${open.length} open ${open.length === 1 ? 'run' : 'runs'} of ${CATALOG.length} pipelines`)];
  const stuck = open.filter(({ runId }) => causes.has(runId));
  const shown = stuck.slice(0, NAMED).map(({ workflowId, runId }) => {
    const { type, message, attempts } = causes.get(runId)!;
    const finding = attempts > 2 ? fail : warn;
    return finding('stuck runs', `${workflowId}: tried ${attempts} times: ${type}: ${oneLine(message)}`, 'correct the workflow and restart the worker: docs/stuck-runs.md');
  });
  return stuck.length > NAMED ? [...shown, fail('stuck runs', `and ${stuck.length - NAMED} more`, 'millrace runs --state running')] : shown;
}
