import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogReader } from '../../src/runs/run-logs.js';
import { readAttempts } from '../../src/verify/gate-files.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';

describeWithServer('a worker that stands still (SIGSTOP) in front of publishing and wakes up later', locateTemporal, () => {
  let stack: PipelineStack;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
  }, 120_000);
  afterAll(() => stack?.stop());

  const start = (workflowId: string, taskQueue: string) => stack.client.workflow.start('ecommerceDaily', { taskQueue, workflowId, args: [{ date: DATE }] });
  const ledger = async (): Promise<unknown> => (await stack.adapters().warehouse().query('SELECT run, generation FROM millrace_loads')).rows;

  it('cannot publish after a re-run of the interval has, and its run ends with STALE_RUN', async () => {
    const sleeper = await stack.worker('sleeper');
    await stack.gate.set('hold-older-publishOrders');
    const older = await start('older', 'sleeper');
    await stack.gate.seen('held-older-publishOrders');
    process.kill(sleeper.pid!, 'SIGSTOP');
    try {
      await stack.worker('awake');
      await (await start('newer', 'awake')).result();
      const published = [await publishedContent(stack.adapters()), await ledger()];

      await stack.gate.clear('hold-older-publishOrders');
      process.kill(sleeper.pid!, 'SIGCONT');
      await expect(older.result()).rejects.toMatchObject({ cause: { cause: { type: 'STALE_RUN', nonRetryable: true } } });
      expect([await publishedContent(stack.adapters()), await ledger()]).toEqual(published);
    } finally {
      process.kill(sleeper.pid!, 'SIGCONT');
    }
  }, 180_000);

  it('leaves the tables as the next attempt of its own step has published them', async () => {
    const warehouse = { WAREHOUSE: `duckdb://${stack.home}/two-attempts.duckdb` };
    const sleeper = await stack.worker('pair', warehouse);
    await stack.gate.set('hold-pair-publishOrders');
    const run = await start('pair', 'pair');
    await stack.gate.seen('held-pair-publishOrders');
    process.kill(sleeper.pid!, 'SIGSTOP');
    try {
      await stack.gate.clear('hold-pair-publishOrders');
      await stack.worker('pair', warehouse);
      await run.result();
      expect((await readAttempts(stack.gates, 'pair')).filter(({ step }) => step === 'publishOrders')).toHaveLength(2);
      const published = await publishedContent(stack.adapters(warehouse));

      process.kill(sleeper.pid!, 'SIGCONT');
      const log = createLogReader(stack.adapters().lake(), { workflowId: 'pair', runId: run.firstExecutionRunId }, { step: 'publishOrders', attempt: 1, level: 'debug' });
      await expect.poll(async () => (await log.next()).map(({ message }) => message), { timeout: 60_000, interval: 200 }).toContainEqual(expect.stringMatching(/^attempt 1 (finished|ended)/));
      expect(await publishedContent(stack.adapters(warehouse))).toBe(published);
    } finally {
      process.kill(sleeper.pid!, 'SIGCONT');
    }
  }, 180_000);
});
