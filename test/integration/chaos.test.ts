import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomFor, type Random } from '../../src/demo/random.js';
import type { WorkerProcess } from '../../workers/worker-process.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

/** `MILLRACE_CHAOS_SEED` repeats what was done to the workers, and when. */
const SEED = process.env['MILLRACE_CHAOS_SEED'] ?? String(Date.now() % 1_000_000);
/** How long workers are troubled, in milliseconds; the runs then have peace to end. */
const CHAOS_MS = Number(process.env['MILLRACE_CHAOS_MS'] ?? 25_000);

const DATES = ['2026-01-28', '2026-01-29', '2026-01-30', '2026-01-31'];

interface Trouble {
  afterMs: number;
  worker: number;
  /** Kill it, or let it stand still for so long: shorter and longer than a heartbeat timeout. */
  pauseMs?: number;
}

function planTroubles(random: Random): Trouble[] {
  const troubles: Trouble[] = [];
  for (let total = 0; total < CHAOS_MS; ) {
    const afterMs = random.int(200, 4000);
    total += afterMs;
    troubles.push({ afterMs, worker: random.int(0, 1), ...(random.chance(400) ? { pauseMs: random.int(100, 9000) } : {}) });
  }
  return troubles;
}

describeWithServer('many runs whose workers are killed and paused at random', locateTemporal, () => {
  let stack: PipelineStack;
  const calm = (): Record<string, string> => ({ WAREHOUSE: `duckdb://${stack.home}/calm.duckdb` });

  beforeAll(async () => {
    process.stdout.write(`chaos: MILLRACE_CHAOS_SEED=${SEED} repeats it\n`);
    stack = await startPipelineStack({ preload: DATES });
    const worker = await stack.worker('calm', calm());
    for (const date of DATES) await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'calm', workflowId: `calm-${date}`, args: [{ date }] });
    await worker.stop();
  }, 240_000);
  afterAll(() => stack?.stop());

  it(`leave the same tables as undisturbed ones (seed ${SEED})`, async () => {
    const workers = [await stack.worker('chaos'), await stack.worker('chaos')];
    const paused = new Set<Promise<void>>();

    const disturb = async (): Promise<void> => {
      for (const { afterMs, worker, pauseMs } of planTroubles(randomFor(`chaos/${SEED}`))) {
        await delay(afterMs);
        const { pid } = workers[worker]!;
        if (pauseMs === undefined) signal(pid, 'SIGKILL');
        else paused.add(pause(pid, pauseMs));
      }
      await Promise.all(paused);
    };
    /** As an operator would: a run that has used up its attempts is started again. */
    const runUntilCompleted = async (date: string): Promise<number> => {
      for (let tries = 1; ; tries += 1) {
        try {
          await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'chaos', workflowId: `chaos-${date}`, args: [{ date }] });
          return tries;
        } catch (error) {
          if (!(error instanceof WorkflowFailedError)) throw error;
        }
      }
    };
    const troubles = disturb();
    const tries: number[] = [];
    // New runs of every day, also of days that are published already, for as long as there is chaos.
    const lanes = DATES.map(async (date) => {
      const end = Date.now() + CHAOS_MS;
      do tries.push(await runUntilCompleted(date));
      while (Date.now() < end);
    });
    await Promise.all([troubles, ...lanes]);

    expect(tries.length).toBeGreaterThanOrEqual(DATES.length);
    expect(await publishedContent(stack.adapters())).toBe(await publishedContent(stack.adapters(calm())));
    const { rows } = await stack.adapters().warehouse().query('SELECT count(*), count(DISTINCT interval_start) FROM millrace_loads');
    expect(rows[0]!.map(Number)).toEqual([DATES.length, DATES.length]);
  }, CHAOS_MS + 300_000);
});

/** A worker that was killed a moment ago is not there. */
function signal(pid: WorkerProcess['pid'], name: NodeJS.Signals): void {
  try {
    process.kill(pid!, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function pause(pid: WorkerProcess['pid'], milliseconds: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  await delay(milliseconds);
  signal(pid, 'SIGCONT');
}
