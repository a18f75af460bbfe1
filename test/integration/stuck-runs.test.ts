import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Finding } from '../../src/cli/doctor/finding.js';
import type { RunSummary } from '../../src/runs/list-runs.js';
import type { RunView } from '../../src/runs/run-view.js';
import type { WorkerProcess } from '../../workers/worker-process.js';
import { millrace } from '../support/millrace-command.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const QUEUE = 'stuck';
const WITHIN_MS = 60_000;

describeWithServer('a run whose own code cannot go on', locateTemporal, () => {
  let stack: PipelineStack;
  let env: Record<string, string>;
  /** Has the queue of the run that began with other code. */
  let today: WorkerProcess;

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    stack = await startPipelineStack({ preload: [] });
    env = { TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_NAMESPACE: stack.temporal.namespace, MILLRACE_HOME: stack.home };
  }, 120_000);
  afterAll(() => stack?.stop());

  const json = async (...args: string[]): Promise<unknown> => JSON.parse((await millrace([...args, '--json'], env)).stdout);
  /** Bodies of the mails about a run. */
  const mailsAbout = async (runId: string): Promise<string[]> => {
    const mails = await Promise.all(stack.mails.map(async ({ file }) => simpleParser(await readFile(file))));
    return mails.filter(({ text }) => text?.includes(runId)).map(({ subject, text }) => `${subject}\n${text}`);
  };

  /** A plain TypeError: Temporal takes it for a bug of the code, and tries the workflow task for ever. */
  const startWithPlainError = async (): Promise<string> => {
    await stack.worker(QUEUE);
    await stack.worker(QUEUE);
    const handle = await stack.client.workflow.start('ecommerceDaily', { taskQueue: QUEUE, workflowId: 'plain-error', args: [null] });
    return handle.firstExecutionRunId;
  };

  const olderWorker = (): Promise<Worker> =>
    Worker.create({
      connection: stack.temporal.env.nativeConnection,
      taskQueue: 'deployed',
      workflowsPath: fileURLToPath(new URL('../fixtures/older-pipeline.ts', import.meta.url)),
      activities: { extractOrders: async () => {} },
    });

  /** The run began with code that called another step first; then today's workers take its queue over. */
  const startWithOtherCode = async (): Promise<string> => {
    const before = await olderWorker();
    const handle = await before.runUntil(async () => {
      const started = await stack.client.workflow.start('ecommerceDaily', { taskQueue: 'deployed', workflowId: 'other-code', args: [{}] });
      await vi.waitFor(async () => {
        const { events } = await started.fetchHistory();
        expect(events!.some((event) => event.timerStartedEventAttributes)).toBe(true);
      }, 20_000);
      return started;
    });
    today = await stack.worker('deployed');
    return handle.firstExecutionRunId;
  };

  it.each([
    ['a plain Error', 'plain-error', startWithPlainError, /TypeError|Cannot read properties of null/],
    ['code that does something else than it did', 'other-code', startWithOtherCode, /[Nn]ondeterminism|determinis/],
  ])(
    '%s is shown with its cause within a minute, and told once',
    async (_, workflowId, start, cause) => {
      const runId = await start();
      const since = Date.now();

      await vi.waitFor(async () => expect(((await json('status', workflowId)) as RunView).stuck?.message).toMatch(cause), { timeout: WITHIN_MS, interval: 1000 });
      await vi.waitFor(async () => expect(await mailsAbout(runId)).toHaveLength(1), { timeout: WITHIN_MS - (Date.now() - since), interval: 500 });
      expect((await mailsAbout(runId))[0]).toMatch(cause);
      expect((await mailsAbout(runId))[0]).toContain('stuck');

      const runs = (await json('runs')) as (RunSummary & { stuck?: { message: string } })[];
      expect(runs.find((run) => run.runId === runId)!.stuck!.message).toMatch(cause);
      expect(((await json('runs', '--stuck')) as RunSummary[]).map((run) => run.runId)).toContain(runId);
      const findings = ((await json('doctor')) as Finding[]).filter(({ subject }) => subject === 'stuck runs');
      expect(findings.find(({ message }) => message.startsWith(workflowId))!.message).toMatch(cause);

      // Every worker looks, and looks again.
      const told = stack.client.workflow.list({ query: `WorkflowType = 'deliverAlert' AND WorkflowId = 'alert-stuck-${runId}'` });
      let alerts = 0;
      for await (const _alert of told) alerts += 1;
      expect(alerts).toBe(1);
    },
    180_000,
  );

  it('goes on by itself when a worker with the right code comes', async () => {
    await today.stop();
    const before = await olderWorker();
    await before.runUntil(stack.client.workflow.getHandle('other-code').result());
    expect((await json('status', 'other-code')) as RunView).toMatchObject({ state: 'completed' });
  }, 180_000);
});
