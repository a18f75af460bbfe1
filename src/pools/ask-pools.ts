import { WithStartWorkflowOperation, WorkflowIdConflictPolicy, WorkflowNotFoundError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client';
import { POOLS } from '../catalog.js';
import { POOL_QUERY, POOL_WORKFLOW, SET_SIZE_UPDATE, poolOfWorkflow, poolWorkflowId, type PoolView, type SizeOrder } from '../steps/pool-protocol.js';
import type { pool } from '../steps/pool.js';
import { newPool } from '../steps/pool-state.js';

type PoolWorkflow = typeof pool;

/** A worker that has the pool in its cache answers within milliseconds. */
const ANSWER_WITHIN_MS = 5000;

export interface ListedPool {
  pool: string;
  /** `unused`: in the catalog, and no step has needed it yet. `silent`: no worker answers for it. */
  state: 'open' | 'unused' | 'silent';
  /** Where it is known: that of the pool itself, else the catalog's. */
  size: number | undefined;
  view?: PoolView;
}

/** The pools of the catalog and all others of the namespace, by name. */
export async function listPools(client: Client): Promise<ListedPool[]> {
  const names = new Set(Object.keys(POOLS));
  for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = '${POOL_WORKFLOW}' AND ExecutionStatus = 'Running'` })) {
    const name = poolOfWorkflow(workflowId);
    if (name !== undefined) names.add(name);
  }
  return Promise.all([...names].toSorted().map((name) => askPool(client, name)));
}

async function askPool(client: Client, pool: string): Promise<ListedPool> {
  try {
    const view = await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, () => client.workflow.getHandle(poolWorkflowId(pool)).query<PoolView>(POOL_QUERY));
    return { pool, state: 'open', size: view.size, view };
  } catch (error) {
    return { pool, state: error instanceof WorkflowNotFoundError ? 'unused' : 'silent', size: POOLS[pool] };
  }
}

/**
 * Sets the size of a pool, and makes the pool where there is none: `taskQueue` is that of workers whose bundle holds its workflow.
 * `undefined` when no worker has answered.
 */
export async function setPoolSize(client: Client, pool: string, order: SizeOrder, taskQueue: string): Promise<PoolView | undefined> {
  const startWorkflowOperation = new WithStartWorkflowOperation<PoolWorkflow>(POOL_WORKFLOW, {
    workflowId: poolWorkflowId(pool),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    taskQueue,
    args: [newPool(pool, POOLS[pool] ?? order.size)],
    staticSummary: `pool ${pool}`,
  });
  try {
    return await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
      client.workflow.executeUpdateWithStart<PoolWorkflow, PoolView, [SizeOrder]>(SET_SIZE_UPDATE, { args: [order], startWorkflowOperation }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return undefined;
    throw error;
  }
}
