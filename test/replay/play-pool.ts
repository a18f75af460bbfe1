import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { setPoolSize } from '../../src/pools/ask-pools.js';
import {
  ACQUIRE_SIGNAL,
  POOL_QUERY,
  RELEASE_SIGNAL,
  RENEW_UPDATE,
  poolWorkflowId,
  type PoolView,
  type Renewal,
  type RenewalAnswer,
  type SlotRequest,
} from '../../src/steps/pool-protocol.js';

/** A pool that grants, renews, waits for a lease, passes over a run that is gone, and is given another size. */
export async function playPool(client: Client, taskQueue: string): Promise<WorkflowHandle> {
  const order = { size: 1, by: 'anna@host' };
  await setPoolSize(client, 'asking', order, taskQueue);
  await setPoolSize(client, 'api', order, taskQueue);
  const pool = client.workflow.getHandle(poolWorkflowId('api'));
  const run = client.workflow.getHandle(poolWorkflowId('asking'));
  const { runId } = await run.describe();
  const ask = async (step: string, workflowId: string): Promise<void> => {
    await pool.signal<[SlotRequest]>(ACQUIRE_SIGNAL, { request: step, workflowId, runId, step, priority: 3 });
  };
  const holder = async (step: string): Promise<number> => {
    for (;;) {
      const held = (await pool.query<PoolView>(POOL_QUERY)).holders.find((candidate) => candidate.step === step);
      if (held !== undefined) return held.token;
      await delay(50);
    }
  };
  await ask('first', run.workflowId);
  const token = await holder('first');
  await pool.executeUpdate<RenewalAnswer, [Renewal]>(RENEW_UPDATE, { args: [{ held: [{ token, attempt: 1 }], ended: [] }] });
  await ask('gone', 'no-such-run');
  await ask('second', run.workflowId);
  await pool.signal<[string]>(RELEASE_SIGNAL, 'first');
  await holder('second');
  await ask('third', run.workflowId);
  await setPoolSize(client, 'api', { ...order, size: 2 }, taskQueue);
  await holder('third');
  return pool;
}
