import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRun } from '../../src/runs/follow-run.js';
import type { RunView } from '../../src/runs/run-view.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

describeWithServer('the step plugin', locateTemporal, () => {
  let temporal: TemporalServer;
  let worker: Worker;
  let running: Promise<void>;
  const ended: string[] = [];

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    temporal = await startTemporal();
    worker = await Worker.create({
      connection: temporal.env.nativeConnection,
      taskQueue: 'plugin',
      workflowsPath: fileURLToPath(new URL('../fixtures/plugin-workflows.ts', import.meta.url)),
      activities: {
        large: async (bytes: number) => 'x'.repeat(bytes),
        work: async (name: string) => name,
        fail: async (message: string) => {
          throw new Error(message);
        },
        untilCancelled: async () => {
          await Context.current().cancelled.finally(() => ended.push('step'));
        },
        tidy: async (outcome: string) => void ended.push(`cleanup after ${outcome}`),
      },
      plugins: [new MillracePlugin({ redact: (text) => text })],
      maxHeartbeatThrottleInterval: '200ms',
    });
    running = worker.run();
  });
  afterAll(async () => {
    worker?.shutdown();
    await running;
    await temporal?.stop();
  });

  const start = (workflow: string, ...args: unknown[]): Promise<WorkflowHandle> =>
    temporal.env.client.workflow.start(workflow, { taskQueue: 'plugin', workflowId: `${workflow}-${JSON.stringify(args)}`, args });
  const view = async (handle: WorkflowHandle): Promise<RunView> =>
    readRun(temporal.env.client, { workflowId: handle.workflowId, runId: (await handle.describe()).runId });

  it('gives the steps of a workflow that knows nothing of it readable ids', async () => {
    const handle = await start('foreign');
    expect(await handle.result()).toEqual(['a', 'b', 'c', 'd']);
    expect((await view(handle)).steps.map(({ id }) => id)).toEqual(['work', 'work#2', 'work#3', 'work#4']);
  });

  it('names steps by their nested task groups', async () => {
    const handle = await start('nestedGroups');
    await handle.result();
    expect((await view(handle)).steps.map(({ id }) => id)).toEqual(['outer.work', 'outer.inner.work', 'outer.inner.work#2', 'work']);
  });

  it('fails a step whose result is too large at once, with its name, instead of retrying it', async () => {
    const handle = await start('returnsTooMuch');
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    const { failure, steps } = await view(handle);
    expect(failure).toMatchObject({ step: 'large', type: 'RESULT_TOO_LARGE', message: expect.stringMatching(/^Step large returned 301 KiB/) as string });
    expect(steps).toMatchObject([{ id: 'large', attempts: 1 }]);
  });

  it('alerts nobody of a workflow that is not in the catalog', async () => {
    const handle = await start('foreignFailure');
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    const { events } = await handle.fetchHistory();
    expect(events!.some((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)).toBe(false);
  });

  it('cancels the other steps of a group when one fails, and cleans up only when they have ended', async () => {
    const handle = await start('failingGroup');
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect((await view(handle)).failure).toMatchObject({ step: 'group.fail', message: 'the cause' });
    expect(ended).toEqual(['step', 'cleanup after failed']);
  });

  it('keeps the error of a run whose cleanup fails too, and fails a run of which only the cleanup failed', async () => {
    const both = await start('failingCleanup', true);
    await expect(both.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect((await view(both)).failure).toMatchObject({ type: 'Body', message: 'the body failed' });
    const cleanupOnly = await start('failingCleanup', false);
    await expect(cleanupOnly.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect((await view(cleanupOnly)).failure).toMatchObject({ step: 'fail', message: 'cleanup failed' });
  });
});
