import { Context } from '@temporalio/activity';
import { stateOf } from '../../src/runs/list-runs.js';
import type { RunState } from '../../src/runs/run-view.js';
import { notYet } from '../../src/steps/not-yet.js';

/**
 * How the newest run with this workflow id has ended. While it is open an attempt fails, so that waiting holds no slot: the
 * policy of the call says how often is looked.
 */
export function createAwaitRun() {
  return async function awaitRun(workflowId: string): Promise<RunState> {
    const { status } = await Context.current().client.workflow.getHandle(workflowId).describe();
    const state = stateOf(status.name);
    if (state !== 'running' && state !== 'continued') return state;
    throw notYet(`${workflowId} is still running`);
  };
}
