import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createFindArrivals } from '../../activities/s3-etl/find-arrivals.js';
import { announce } from '../../lambda/arrival/announce.js';
import { parseRules, type ArrivalRule } from '../../lambda/arrival/rules.js';
import { bundleFunction } from '../../scripts/lambda/bundle.js';
import type { Arrivals } from '../../src/arrivals/arrivals.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { startLambdaServer } from '../servers/lambda/server.js';
import { locateTemporal } from '../servers/temporal.js';
import { dependenciesOf } from '../support/activity-dependencies.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { createFunction, lambdaClient } from '../support/lambda-functions.js';
import { describeWithServer } from '../support/with-server.js';

const SOON = { timeout: 25_000 };

describeWithServer('arriving files, on a Temporal server', locateTemporal, () => {
  let folder: string;
  let store: ObjectStore;
  let runs: BlockRuns;
  let client: Client;
  let where: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-arrivals-'));
    store = createLocalDirectoryStore({ root: join(folder, 'raw') });
    const warehouse = createDuckDBWarehouse({ path: join(folder, 'warehouse.duckdb'), limits: { memoryLimit: '128MB', threads: 1, scratchDir: folder } });
    const deps = dependenciesOf({ incoming: () => store, lake: () => store, warehouse: () => warehouse });
    runs = await startBlockRuns({ fixture: 'arrival-workflows.ts', activities: { findArrivals: createFindArrivals(deps) } });
    client = runs.temporal.env.client;
  });
  afterAll(async () => {
    await runs?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(({ task }) => {
    where = `incoming-${task.id}`;
  });

  const pattern = (): string => `${where}/data_*.csv`;
  const arrived = (name = 'data_1.csv', at = new Date()): unknown => ({
    'detail-type': 'Object Created',
    source: 'aws.s3',
    time: at.toISOString(),
    detail: { bucket: { name: 'raw' }, object: { key: `${where}/${name}`, etag: 'e', size: 1 } },
  });
  const rules = (start?: Partial<ArrivalRule['start']>): ArrivalRule[] =>
    parseRules(
      JSON.stringify([
        { bucket: 'raw', pattern: pattern(), workflow: 'awaitArrivals', wait: 'arrival', ...(start ? { start: { taskQueue: 'blocks', workflowId: where, params: { pattern: pattern(), every: '1h' }, ...start } } : {}) },
      ]),
    );
  const waiting = async (handle: WorkflowHandle): Promise<void> => {
    await expect.poll(async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastFailure?.message, SOON).toContain('nothing matches');
  };
  const keys = async (handle: WorkflowHandle): Promise<string[]> => ((await handle.result()) as Arrivals).files.map(({ key }) => key.slice(where.length + 1));

  it('are taken when nothing has changed for the quiet period, look after look, all of them', async () => {
    const handle = await runs.start('awaitArrivals', { pattern: pattern(), every: '200ms', ready: { quietSeconds: 3 } });
    for (let file = 1; file <= 4; file += 1) {
      await store.put(`${where}/data_${file}.csv`, 'x');
      // Seen by a look: else it would not be one after the other.
      await expect.poll(async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastFailure?.message, { ...SOON, interval: 50 }).toContain(`${file} files are there`);
    }
    await store.delete(`${where}/data_1.csv`);
    expect(await keys(handle)).toEqual(['data_2.csv', 'data_3.csv', 'data_4.csv']);
  });

  it('end the wait at once when a notification tells of them, however seldom it looks', async () => {
    const handle = await runs.start('awaitArrivals', { pattern: pattern(), every: '1h' });
    await waiting(handle);
    await store.put(`${where}/data_1.csv`, 'x');
    expect(await announce(client, rules(), arrived())).toMatchObject([{ workflow: 'awaitArrivals', told: [handle.workflowId] }]);
    expect(await keys(handle)).toEqual(['data_1.csv']);
  });

  it('take no harm from notifications that come twice, early, for other files, or after the run', async () => {
    const handle = await runs.start('awaitArrivals', { pattern: pattern(), every: '1h' });
    await waiting(handle);
    await announce(client, rules(), arrived());
    await announce(client, rules(), arrived('other.txt'));
    expect(await announce(client, rules(), { ...(arrived() as object), detail: { bucket: { name: 'other' }, object: { key: `${where}/data_1.csv` } } })).toEqual([]);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await store.put(`${where}/data_1.csv`, 'x');
    await Promise.all([1, 2, 3].map(() => announce(client, rules(), arrived())));
    expect(await keys(handle)).toEqual(['data_1.csv']);
    await expect.poll(() => announce(client, rules(), arrived()), SOON).toMatchObject([{ told: [] }]);
  });

  it('start one run where none is open, however often and whenever the same notification comes', async () => {
    const at = new Date(Date.now() - 60_000);
    await store.put(`${where}/data_1.csv`, 'x');
    const announcements = (await Promise.all([1, 2, 3].map(() => announce(client, rules({}), arrived('data_1.csv', at))))).flat();
    expect(announcements.some(({ started }) => started === where)).toBe(true);
    expect(await keys(client.workflow.getHandle(where))).toEqual(['data_1.csv']);
    await expect.poll(() => countRuns(), SOON).toBe(1);
    // Late: the run that was there has seen it.
    await expect.poll(() => announce(client, rules({}), arrived('data_1.csv', at)), SOON).toEqual([expect.not.objectContaining({ started: expect.anything() as unknown })]);
    expect(await countRuns()).toBe(1);
    // A new one.
    expect(await announce(client, rules({}), arrived('data_1.csv'))).toMatchObject([{ started: where }]);
    await client.workflow.getHandle(where).result();
    await expect.poll(() => countRuns(), SOON).toBe(2);
  });

  async function countRuns(): Promise<number> {
    return (await client.workflow.count(`WorkflowId = '${where}'`)).count;
  }

  it('are told by the deployed function, as its zip on Lambda', async () => {
    const server = await startLambdaServer();
    const lambda = lambdaClient(server);
    try {
      const environment = { TEMPORAL_ADDRESS: runs.temporal.address, TEMPORAL_NAMESPACE: runs.temporal.namespace, MILLRACE_ARRIVALS: JSON.stringify(rules()) };
      await createFunction(lambda, 'arrival', { zip: (await bundleFunction('arrival')).zip, environment });
      const handle = await runs.start('awaitArrivals', { pattern: pattern(), every: '1h' });
      await waiting(handle);
      await store.put(`${where}/data_1.csv`, 'x');
      await lambda.send(new InvokeCommand({ FunctionName: 'arrival', InvocationType: 'Event', Payload: JSON.stringify(arrived()) }));
      expect(await keys(handle)).toEqual(['data_1.csv']);
      const refused = await lambda.send(new InvokeCommand({ FunctionName: 'arrival', Payload: JSON.stringify({ hello: 'world' }) }));
      expect(refused.FunctionError).toBe('Unhandled');
      expect(Buffer.from(refused.Payload!).toString()).toContain('the event is no S3 notification');
    } finally {
      lambda.destroy();
      await server.stop();
    }
  });
});
