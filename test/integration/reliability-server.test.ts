import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.js';
import { freePort } from '../../src/stack/ports.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../src/steps/search-attributes.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';

describeWithServer('a Temporal server that is killed with SIGKILL during a run, and started again on its file', locateTemporal, () => {
  let stack: PipelineStack;
  let undisturbed: string;
  let server: TemporalServer;
  let connection: Connection;
  let restart: () => Promise<TemporalServer>;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
    const port = await freePort();
    restart = () => startTemporalServer({ executable: locateTemporal(), dataDir: join(stack.home, 'server'), port, searchAttributes: SEARCH_ATTRIBUTE_NAMES, log: () => {} });
    server = await restart();
    connection = await Connection.connect({ address: server.address });
    await stack.worker('calm', {}, server);
    await new Client({ connection }).workflow.execute('ecommerceDaily', { taskQueue: 'calm', workflowId: 'calm', args: [{ date: DATE }] });
    undisturbed = await publishedContent(stack.adapters());
  }, 180_000);
  afterAll(async () => {
    await stack?.stop();
    await connection?.close();
    await server?.stop();
  });

  it.each(['extract.extractSales', 'publishOrders'])(
    'while %s runs: the run ends by itself, with the same tables',
    async (step) => {
      const workflowId = `killed-during-${step}`;
      const warehouse = { WAREHOUSE: `duckdb://${stack.home}/${workflowId}.duckdb` };
      await stack.worker(workflowId, warehouse, server);
      await stack.gate.set(`hold-${workflowId}-${step}`);
      const handle = await new Client({ connection }).workflow.start('ecommerceDaily', { taskQueue: workflowId, workflowId, args: [{ date: DATE }] });
      await stack.gate.seen(`held-${workflowId}-${step}`);

      process.kill(server.pid, 'SIGKILL');
      expect(await server.ended).toBe('SIGKILL');
      // The step does its work, and has nobody to tell.
      await stack.gate.clear(`hold-${workflowId}-${step}`);
      await delay(2000);
      server = await restart();

      await vi.waitFor(async () => expect((await handle.describe()).status.name).toBe('COMPLETED'), { timeout: 120_000, interval: 500 });
      expect(await publishedContent(stack.adapters(warehouse))).toBe(undisturbed);
    },
    200_000,
  );
});
