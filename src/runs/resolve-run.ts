import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { findPipeline } from '../catalog.js';
import type { RunIds } from './follow-run.js';
import { findRunById, findRunOfInterval, listRuns } from './list-runs.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The execution behind what people call a run: `last`, a pipeline's name (its newest run, or that of `date`), a workflow id (its
 * newest execution), `workflow id/run id`, or a run id. `undefined` when there is none.
 */
export async function resolveRun(client: Client, name: string, date?: string): Promise<RunIds | undefined> {
  if (name === 'last') return (await listRuns(client, { limit: 1 }))[0];
  if (UUID.test(name)) return findRunById(client, name);
  const pipeline = findPipeline(name);
  if (pipeline !== undefined) {
    return date === undefined ? (await listRuns(client, { pipeline: name, limit: 1 }))[0] : findRunOfInterval(client, name, date);
  }
  const slash = name.lastIndexOf('/');
  const runId = name.slice(slash + 1);
  return slash > 0 && UUID.test(runId) ? existing(client, name.slice(0, slash), runId) : existing(client, name);
}

async function existing(client: Client, workflowId: string, runId?: string): Promise<RunIds | undefined> {
  try {
    const found = await client.workflow.getHandle(workflowId, runId).describe();
    return { workflowId, runId: found.runId };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
