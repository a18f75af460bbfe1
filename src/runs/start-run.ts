import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { Pipeline } from '../catalog.js';
import { intervalBounds, type IntervalParams } from '../durable/data-interval.js';
import type { RunIds } from './follow-run.js';

/** A run of this pipeline and interval is open: it must end or be cancelled first. */
export class RunIsOpen extends Error {
  override readonly name = 'RunIsOpen';
  constructor(readonly workflowId: string) {
    super(`${workflowId} is running already`);
  }
}

/** The workflow id of a run that somebody starts by hand: one open run per pipeline and interval. */
export function manualRunId(pipeline: string, params: IntervalParams, now: Date): string {
  return `${pipeline}-${intervalBounds(params, now).label}`;
}

/** Starts a run and returns at once; `RunIsOpen` while another one of the same interval is running. */
export async function startRun(client: Client, pipeline: Pipeline, params: IntervalParams & Record<string, unknown>, now = new Date()): Promise<RunIds> {
  const workflowId = manualRunId(pipeline.name, params, now);
  try {
    const handle = await client.workflow.start(pipeline.workflow, {
      workflowId,
      taskQueue: pipeline.taskQueue,
      args: [params],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: pipeline.description,
    });
    return { workflowId, runId: handle.firstExecutionRunId };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw new RunIsOpen(workflowId);
    throw error;
  }
}
