import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findProjectRoot } from '../../src/project-root.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const run = promisify(execFile);

const WORKFLOWS = `
import { proxyActivities } from '@temporalio/workflow';
import { taskGroup } from 'millrace/workflow';
const { charge } = proxyActivities({ startToCloseTimeout: '1m' });
export const fulfil = (order) => taskGroup('payment', () => charge(order));
`;

/** The snippet of the documentation, with what an application has around it. */
const mainOf = (snippet: string): string => `
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { STEPS_QUERY } from 'millrace';
Runtime.install({ logger: new DefaultLogger('ERROR') });
const address = process.env.TEMPORAL_ADDRESS;
const taskQueue = 'fulfilment';
const workflowsPath = fileURLToPath(new URL('./workflows.mjs', import.meta.url));
const activities = { charge: async (order) => 'paid ' + order };
${snippet
  .replace("import { MillracePlugin } from 'millrace';", "import { MillracePlugin } from 'millrace';\nconst connections = { worker: await NativeConnection.connect({ address }), client: await Connection.connect({ address }) };")
  .replace('Worker.create({ connection,', 'Worker.create({ connection: connections.worker,')
  .replace('new Client({ connection,', 'new Client({ connection: connections.client,')}
await worker.runUntil(async () => {
  const handle = await client.workflow.start('fulfil', { taskQueue, workflowId: 'order-1', args: ['o1'] });
  const result = await handle.result();
  console.log(JSON.stringify({ result, steps: (await handle.query(STEPS_QUERY)).steps.map(({ id, state }) => [id, state]) }));
});
process.exit(0);
`;

describeWithServer('the package', locateTemporal, () => {
  const root = findProjectRoot();
  let temporal: TemporalServer;
  let folder: string;

  beforeAll(async () => {
    temporal = await startTemporal();
    folder = await mkdtemp(join(tmpdir(), 'application-'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(root, 'node_modules', '@temporalio'), join(folder, 'node_modules', '@temporalio'));
    await symlink(root, join(folder, 'node_modules', 'millrace'));
  });
  afterAll(async () => {
    await temporal?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is added to another application by the lines of docs/add-to-existing-temporal-app.md', async () => {
    const documentation = await readFile(join(root, 'docs', 'add-to-existing-temporal-app.md'), 'utf8');
    const [, snippet] = /```ts\n([\s\S]*?)```/.exec(documentation)!;
    await writeFile(join(folder, 'workflows.mjs'), WORKFLOWS);
    await writeFile(join(folder, 'main.mjs'), mainOf(snippet!));
    const { stdout } = await run(process.execPath, ['main.mjs'], { cwd: folder, env: { PATH: process.env['PATH'], TEMPORAL_ADDRESS: temporal.address } });
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({ result: 'paid o1', steps: [['payment.charge', 'succeeded']] });
  }, 120_000);
});
