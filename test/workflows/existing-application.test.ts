import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPERATOR_UPDATES, STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { SEARCH_ATTRIBUTES } from '../../src/steps/search-attributes.js';
import type { ApplicationActivities } from '../fixtures/existing-application-workflows.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const WORKFLOWS = fileURLToPath(new URL('../fixtures/existing-application-workflows.ts', import.meta.url));

/** Workflows and activities that import nothing of ours; three lines add the plugin to bundle, worker and client. */
describeWithServer('an existing Temporal application with the plugin', locateTemporal, () => {
  let temporal: TemporalServer;
  let client: Client;
  let bundles: { plain: WorkflowBundleWithSourceMap; plugin: WorkflowBundleWithSourceMap };
  let broken = false;
  const workers: { worker: Worker; running: Promise<void> }[] = [];

  const activities: ApplicationActivities = {
    reserve: async (order) => `reserved-${order}`,
    async charge(order) {
      if (broken) throw new Error('the card reader is down');
      return { receipt: `receipt-${order}` };
    },
    ship: async (order) => `parcel-${order}`,
    async release() {},
  };

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const logger = new DefaultLogger('ERROR');
    temporal = await startTemporal();
    client = new Client({ connection: temporal.env.connection, plugins: [new MillracePlugin()] });
    bundles = {
      plain: await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger }),
      plugin: await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger, plugins: [new MillracePlugin()] }),
    };
  });
  afterAll(async () => {
    for (const { worker } of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.all(workers.map(({ running }) => running));
    await temporal?.stop();
  });

  async function startWorker(taskQueue: string, bundle: 'plain' | 'plugin'): Promise<{ worker: Worker; running: Promise<void> }> {
    const plugins = bundle === 'plugin' ? [new MillracePlugin()] : [];
    const worker = await Worker.create({ connection: temporal.env.nativeConnection, taskQueue, workflowBundle: bundles[bundle], activities, plugins });
    const started = { worker, running: worker.run() };
    workers.push(started);
    return started;
  }

  const start = (workflow: string, taskQueue: string, args: unknown[], memo: Record<string, unknown> = {}): Promise<WorkflowHandle> =>
    client.workflow.start(workflow, { taskQueue, workflowId: `${workflow}-${randomUUID()}`, args, memo });
  const steps = (handle: WorkflowHandle): Promise<StepsAnswer> => handle.query<StepsAnswer>(STEPS_QUERY);
  const stateOf = async (handle: WorkflowHandle, id: string): Promise<string | undefined> => (await steps(handle)).steps.find((step) => step.id === id)?.state;
  const replay = async (handle: WorkflowHandle): Promise<void> => Worker.runReplayHistory({ workflowBundle: bundles.plugin }, await handle.fetchHistory(), handle.workflowId);

  it('answers the query `steps`, and shows the same table as the Web UI’s current details', async () => {
    await startWorker('shown', 'plugin');
    const handle = await start('fulfil', 'shown', ['o1']);
    expect(await handle.result()).toBe('reserved-o1 receipt-o1 parcel-o1/1 parcel-o1/2');
    const { state, steps: rows } = await steps(handle);
    expect(state).toBe('completed');
    expect(rows.map(({ id, state: of, kind }) => [id, of, kind])).toEqual([
      ['reserve', 'succeeded', 'activity'],
      ['charge', 'succeeded', 'activity'],
      ['ship', 'succeeded', 'activity'],
      ['ship#2', 'succeeded', 'activity'],
    ]);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('4 succeeded');
    expect(currentDetails).toContain('| `ship#2` | succeeded |');
    await replay(handle);
  });

  it('is found by pipeline and state, and the state is how it ended', async () => {
    await startWorker('found', 'plugin');
    const handle = await start('fulfil', 'found', ['o2']);
    await handle.result();
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.pipeline)).toBe('fulfil');
    expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.state)).toBe('completed');
    const listed = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query: `MillracePipeline = 'fulfil' AND MillraceState = 'completed'` })) found.push(workflowId);
      return found;
    };
    await expect.poll(listed, { timeout: 20_000 }).toContain(handle.workflowId);
  });

  it('holds a failed step when the client’s options say so, and goes on when the operator retries it', async () => {
    await startWorker('held', 'plugin');
    broken = true;
    const handle = await start('fulfil', 'held', ['o3'], { millrace: { onStepFailure: 'hold', holdFor: '1h' } });
    await expect.poll(() => stateOf(handle, 'charge'), { timeout: 20_000 }).toBe('held');
    expect((await handle.describe()).typedSearchAttributes.get(SEARCH_ATTRIBUTES.state)).toBe('held');
    broken = false;
    await handle.executeUpdate(OPERATOR_UPDATES.retry, { args: [{ step: 'charge', by: 'anna', why: 'reader repaired' }] });
    expect(await handle.result()).toBe('reserved-o3 receipt-o3 parcel-o3/1 parcel-o3/2');
    await replay(handle);
  });

  it('fails as before without options, with the application’s own error handling', async () => {
    await startWorker('unheld', 'plugin');
    broken = true;
    const handle = await start('fulfil', 'unheld', ['o4']);
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    broken = false;
    expect((await steps(handle)).steps.map(({ id, state }) => `${id} ${state}`)).toEqual(['reserve succeeded', 'charge failed', 'release succeeded']);
    await replay(handle);
  });

  it('may be added to a worker whose runs are under way: they end as they began', async () => {
    const plain = await startWorker('added', 'plain');
    const handle = await start('twoHalves', 'added', ['o5']);
    const scheduled = async (): Promise<number> => (await handle.fetchHistory()).events!.filter((event) => event.activityTaskCompletedEventAttributes).length;
    await expect.poll(scheduled, { timeout: 20_000 }).toBe(1);
    plain.worker.shutdown();
    await plain.running;
    await startWorker('added', 'plugin');
    await handle.signal('goOn');
    expect(await handle.result()).toBe('reserved-o5 parcel-o5');
    await replay(handle);
  });

  it('adds no workflow task to any step', async () => {
    await startWorker('bare', 'plain');
    await startWorker('dressed', 'plugin');
    const tasks = async (taskQueue: string): Promise<number> => {
      const handle = await start('fulfil', taskQueue, ['o6']);
      await handle.result();
      return (await handle.fetchHistory()).events!.filter((event) => event.workflowTaskCompletedEventAttributes).length;
    };
    // Both parcels may come back in one task or in two.
    expect(Math.abs((await tasks('dressed')) - (await tasks('bare')))).toBeLessThanOrEqual(1);
  });

  it('renders one table for a thousand steps, however many there are', async () => {
    await startWorker('many', 'plugin');
    const handle = await start('manyParcels', 'many', [1000]);
    expect(await handle.result()).toBe(1000);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('1000 succeeded');
    expect(currentDetails).toContain('and 900 more');
    expect((await steps(handle)).steps).toHaveLength(1000);
  });
});
