import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { openRuns, STUCK_ATTEMPTS, stuckAmong, type StuckCause } from './stuck-runs.js';

export interface StuckWatchOptions {
  client: Client;
  taskQueue: string;
  /** Called once for each stuck run by this watch; other workers have watches of their own. */
  onStuck: (run: WorkflowExecutionInfo, cause: StuckCause) => Promise<void>;
  /** The watch itself went wrong; it goes on. */
  onTrouble: (error: unknown) => void;
  everyMs?: number;
}

/** A stuck run is to be told within a minute. */
const EVERY_MS = 20_000;
/** Open runs that one look asks for; the next look goes on behind them. */
const RUNS_PER_LOOK = 500;
const STOP_MS = 1000;

/**
 * Looks, for as long as a worker lives, for open runs of its task queue whose own code cannot go on. Such a run is `Running` to
 * Temporal and cannot tell anybody itself.
 */
export function watchStuckRuns({ client, taskQueue, onStuck, onTrouble, everyMs = EVERY_MS }: StuckWatchOptions): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const told = new Set<string>();
  let runs: AsyncIterator<WorkflowExecutionInfo> | undefined;

  const look = async (): Promise<void> => {
    runs ??= openRuns(client, taskQueue)[Symbol.asyncIterator]();
    const { taken, done } = await take(runs, RUNS_PER_LOOK);
    if (done) runs = undefined;
    const fresh = taken.filter(({ runId }) => !told.has(runId));
    const causes = await stuckAmong(client, fresh, STUCK_ATTEMPTS);
    for (const run of fresh.filter(({ runId }) => causes.has(runId))) {
      await onStuck(run, causes.get(run.runId)!);
      told.add(run.runId);
    }
  };

  const watching = (async () => {
    while (!stopped.signal.aborted) {
      await look().catch((error: unknown) => {
        runs = undefined;
        if (!stopped.signal.aborted) onTrouble(error);
      });
      await delay(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();

  return {
    async stop() {
      stopped.abort();
      // A server that does not answer keeps no worker from ending.
      await Promise.race([watching, delay(STOP_MS, undefined, { ref: false })]);
    },
  };
}

async function take<T>(items: AsyncIterator<T>, most: number): Promise<{ taken: T[]; done: boolean }> {
  const taken: T[] = [];
  while (taken.length < most) {
    const next = await items.next();
    if (next.done === true) return { taken, done: true };
    taken.push(next.value);
  }
  return { taken, done: false };
}
