import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EcommerceDailyResult } from '../../workflows/ecommerce-daily.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateRedshift, startRedshift, type RedshiftStack } from '../servers/redshift.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';

describeWithServer('ecommerce-daily on Redshift', () => [locateTemporal(), locateRedshift()], () => {
  let stack: PipelineStack;
  let redshift: RedshiftStack;

  beforeAll(async () => {
    [stack, redshift] = await Promise.all([startPipelineStack({ preload: [DATE] }), startRedshift()]);
  }, 180_000);
  afterAll(async () => {
    await stack?.stop();
    await redshift?.stop();
  });

  it('publishes the same tables as on DuckDB, by nothing but another warehouse, and leaves nothing in its staging folder', async () => {
    const onRedshift = { WAREHOUSE: redshift.uri };
    await Promise.all([stack.worker('embedded'), stack.worker('redshift', onRedshift)]);
    const run = (taskQueue: string): Promise<EcommerceDailyResult> =>
      stack.client.workflow.execute('ecommerceDaily', { taskQueue, workflowId: taskQueue, args: [{ date: DATE }] }) as Promise<EcommerceDailyResult>;
    const [embedded, first] = [await run('embedded'), await run('redshift')];

    expect(first.warehouse).toMatch(/^redshift-data:\/\//);
    expect({ ...first, warehouse: '', interval: '', quarantine: '' }).toEqual({ ...embedded, warehouse: '', interval: '', quarantine: '' });
    expect(await publishedContent(stack.adapters(onRedshift))).toBe(await publishedContent(stack.adapters()));

    await run('redshift');
    expect(await publishedContent(stack.adapters(onRedshift))).toBe(await publishedContent(stack.adapters()));
    expect(await redshift.staged()).toEqual([]);
  }, 120_000);
});
