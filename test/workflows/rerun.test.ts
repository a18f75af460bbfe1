import { fileURLToPath } from 'node:url';
import { Client, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { readPastRun, type PastRun } from '../../src/reruns/past-steps.js';
import { planRerun } from '../../src/reruns/plan-rerun.js';
import { supersedeRun } from '../../src/reruns/rerun.js';
import { startRerun } from '../../src/reruns/start-rerun.js';
import { OPERATOR_UPDATES, STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { SEARCH_ATTRIBUTES } from '../../src/steps/search-attributes.js';
import type { RerunTestActivities } from '../fixtures/rerun-workflows.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const QUEUE = 'rerun';

describeWithServer('a re-run', locateTemporal, () => {
  let temporal: TemporalServer;
  let client: Client;
  let bundles: Record<'old' | 'today', WorkflowBundleWithSourceMap>;
  let worker: { stop(): Promise<void> } | undefined;
  const calls: string[] = [];
  let publishFails = false;

  const activities: RerunTestActivities = {
    async extract(source) {
      calls.push(`extract ${source}`);
      return { rows: source === 'left' ? 3 : 4 };
    },
    async join(left, right, label) {
      calls.push(`join ${label}`);
      if (left.rows < 0) throw ApplicationFailure.nonRetryable('a dataset has no rows below zero', 'TRANSFORM_FAILED');
      return left.rows + right.rows;
    },
    async publish(total) {
      calls.push('publish');
      if (publishFails) throw ApplicationFailure.nonRetryable('the warehouse says no', 'WAREHOUSE_REJECTED');
      return total;
    },
    tidy: async (outcome, reuses) => void calls.push(`tidy ${outcome} ${reuses.length}`),
    async wide(index, characters) {
      calls.push(`wide ${index}`);
      return 'x'.repeat(characters);
    },
  };

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
    temporal = await startTemporal();
    client = new Client({ connection: temporal.env.connection, plugins: [new MillracePlugin()] });
    const bundle = (faulty: boolean): Promise<WorkflowBundleWithSourceMap> =>
      bundleWorkflowCode({
        workflowsPath: fileURLToPath(new URL('../fixtures/rerun-workflows.ts', import.meta.url)),
        plugins: [new MillracePlugin()],
        logger: new DefaultLogger('ERROR'),
        webpackConfigHook: (config) => ({ ...config, optimization: { ...config.optimization }, plugins: [...(config.plugins ?? []), defineFaulty(faulty)] }),
      });
    bundles = { old: await bundle(true), today: await bundle(false) };
  });
  afterAll(async () => {
    await worker?.stop();
    await temporal?.stop();
  });
  beforeEach(() => {
    calls.length = 0;
    publishFails = false;
  });

  /** Replaces the worker by one with this code. */
  async function deploy(code: 'old' | 'today'): Promise<void> {
    await worker?.stop();
    const next = await Worker.create({ connection: temporal.env.nativeConnection, taskQueue: QUEUE, workflowBundle: bundles[code], activities, plugins: [new MillracePlugin()] });
    const running = next.run();
    worker = {
      async stop() {
        next.shutdown();
        await running;
      },
    };
  }
  const start = async (workflow: string, workflowId: string, args: unknown[], options: Record<string, unknown> = {}): Promise<WorkflowHandle> => {
    const { firstExecutionRunId } = await client.workflow.start(workflow, { taskQueue: QUEUE, workflowId, args, memo: { millrace: options } });
    return client.workflow.getHandle(workflowId, firstExecutionRunId);
  };
  const past = async (handle: WorkflowHandle): Promise<PastRun> => readPastRun(client, { workflowId: handle.workflowId, runId: (await handle.describe()).runId });
  const rerun = async (run: PastRun, from?: string): Promise<WorkflowHandle> => {
    const { reused } = planRerun(run.steps, run.steps.find(({ id }) => id === from));
    const { workflowId, runId } = await startRerun(client, run, reused);
    return client.workflow.getHandle(workflowId, runId);
  };
  const failed = async (handle: WorkflowHandle): Promise<void> => {
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  };
  const answer = (handle: WorkflowHandle): Promise<StepsAnswer> => handle.query<StepsAnswer>(STEPS_QUERY);
  const states = async (handle: WorkflowHandle): Promise<string[]> => (await answer(handle)).steps.map(({ id, state }) => `${id} ${state}`);

  it('runs today’s code with what the old code has finished', async () => {
    await deploy('old');
    const old = await start('report', 'repaired', [{ date: '2010-12-01' }]);
    await failed(old);
    expect(calls).toEqual(expect.arrayContaining(['extract left', 'extract right', 'join 2010-12-01', 'tidy failed 0']));
    await deploy('today');
    calls.length = 0;
    const handle = await rerun(await past(old));
    expect(await handle.result()).toBe(7);
    expect(calls).toEqual(['join 2010-12-01', 'publish', 'tidy completed 1']);
    expect(await states(handle)).toEqual(['extract.extract reused', 'extract.inner.extract reused', 'join succeeded', 'publish succeeded', 'tidy succeeded']);
    expect(await answer(handle)).toMatchObject({ state: 'completed', rerunOf: { workflowId: 'repaired', runId: (await past(old)).ids.runId } });
    expect((await handle.describe()).typedSearchAttributes.get(SEARCH_ATTRIBUTES.state)).toBe('completed');
    await Worker.runReplayHistory({ workflowBundle: bundles.today }, await handle.fetchHistory(), handle.workflowId);
  });

  it('is about the interval of the first run, whenever it is run again', async () => {
    await deploy('today');
    publishFails = true;
    const first = await start('report', 'yesterday', [{}]);
    await failed(first);
    const [, label] = calls.find((call) => call.startsWith('join'))!.split(' ');
    const run = await past(first);
    publishFails = false;
    calls.length = 0;
    const handle = await rerun({ ...run, nominal: new Date(Date.parse(run.nominal) - 3 * 86_400_000).toISOString() }, 'join');
    await handle.result();
    const days = (Date.parse(label!) - Date.parse(calls[0]!.split(' ')[1]!)) / 86_400_000;
    expect(days).toBe(3);
  });

  it('can be run again itself: then it names the whole chain, and reuses what came from before', async () => {
    await deploy('today');
    publishFails = true;
    const first = await start('report', 'chain', [{ date: '2010-12-02' }]);
    await failed(first);
    const second = await rerun(await past(first));
    await failed(second);
    publishFails = false;
    calls.length = 0;
    const third = await rerun(await past(second));
    expect(await third.result()).toBe(7);
    expect(calls).toEqual(['publish', 'tidy completed 2']);
    expect((await past(third)).origin?.runs).toHaveLength(2);
  });

  it('keeps a result that an operator has given', async () => {
    await deploy('old');
    publishFails = true;
    const first = await start('report', 'given', [{ date: '2010-12-03' }], { onStepFailure: 'hold' });
    await expect.poll(async () => (await answer(first)).state, { timeout: 20_000 }).toBe('held');
    await first.executeUpdate(OPERATOR_UPDATES.skip, { args: [{ step: 'join', by: 'anna', why: 'counted', result: 99 }] });
    await expect.poll(() => states(first), { timeout: 20_000 }).toContain('publish held');
    await first.executeUpdate(OPERATOR_UPDATES.fail, { args: [{ step: 'publish', by: 'anna' }] });
    await failed(first);
    publishFails = false;
    await deploy('today');
    const second = await rerun(await past(first));
    expect(await second.result()).toBe(99);
  });

  it('takes over from a run that is held: the old one ends as cancelled, and its cleanup keeps what is reused', async () => {
    await deploy('old');
    const held = await start('report', 'taken-over', [{ date: '2010-12-04' }], { onStepFailure: 'hold' });
    await expect.poll(async () => (await answer(held)).state, { timeout: 20_000 }).toBe('held');
    const run = await past(held);
    expect(run.isOpen).toBe(true);
    await supersedeRun(client, run, { by: 'anna' });
    expect((await held.describe()).status.name).toBe('CANCELLED');
    expect(calls).toContain('tidy failed 0');
    await deploy('today');
    const handle = await rerun(run);
    expect(await handle.result()).toBe(7);
  });

  it('hands over results that are more than one message together', async () => {
    await deploy('old');
    const first = await start('wideResults', 'wide', [14, 200_000]);
    await failed(first);
    await deploy('today');
    calls.length = 0;
    const handle = await rerun(await past(first));
    expect(await handle.result()).toBe(14 * 200_000);
    expect(calls).toEqual([]);
    expect((await handle.fetchHistory()).events!.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(7);
    await Worker.runReplayHistory({ workflowBundle: bundles.today }, await handle.fetchHistory(), handle.workflowId);
  });
});

/** webpack's DefinePlugin, without a dependency on webpack: replaces the name in the fixture. */
function defineFaulty(faulty: boolean): { apply(compiler: { webpack: { DefinePlugin: new (values: Record<string, string>) => { apply(compiler: unknown): void } } }): void } {
  return { apply: (compiler) => new compiler.webpack.DefinePlugin({ FAULTY: JSON.stringify(faulty) }).apply(compiler) };
}
