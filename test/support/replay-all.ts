import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { Worker, type ReplayWorkerOptions } from '@temporalio/worker';

const MOST_MS_OF_ONE = 60_000;

/**
 * Replays every run that visibility lists, children and earlier runs of the same id included, and says how many there were.
 * Rejects for a run that the code would not make again, and for one whose replay does not end, by its name.
 */
export async function replayAll(client: Client, options: ReplayWorkerOptions, query = ''): Promise<number> {
  // Read before anything is replayed: the SDK's replay stops for ever, now and then, when histories are fetched while it goes on.
  const histories: { workflowId: string; history: Awaited<ReturnType<WorkflowHandle['fetchHistory']>> }[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    histories.push({ workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() });
  }
  const replays = Worker.runReplayHistories(options, histories)[Symbol.asyncIterator]();
  for (const { workflowId } of histories) {
    const replay = await Promise.race([replays.next(), delay(MOST_MS_OF_ONE, undefined, { ref: false })]);
    if (replay === undefined) throw new Error(`the replay of ${workflowId} has not ended after ${MOST_MS_OF_ONE / 1000} s`);
    if (replay.done === true) throw new Error(`the replay ended before ${workflowId}`);
    if (replay.value.error !== undefined) throw replay.value.error;
  }
  await replays.return?.();
  return histories.length;
}
