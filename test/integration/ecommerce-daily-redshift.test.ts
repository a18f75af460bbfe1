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

  it('finds what a killed worker had submitted, and neither loads nor publishes a second time', async () => {
    const kills = ['stageOrders.end', 'publishOrders.end'];
    for (const kill of kills) await stack.gate.set(`kill-killed-${kill}`);
    const before = redshift.data.calls.length;
    const onRedshift = { WAREHOUSE: `${redshift.uri}&schema=killed` };
    await redshift.sql('CREATE SCHEMA killed');
    await stack.worker('killed', onRedshift);

    await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'killed', workflowId: 'killed', args: [{ date: DATE }] });

    expect((await stack.gate.all()).filter((name) => name.startsWith('killed-killed-')).toSorted()).toEqual(kills.toSorted().map((kill) => `killed-killed-${kill}`));
    const tokensOf = (start: string): unknown[] =>
      redshift.data.calls
        .slice(before)
        .filter(({ operation, body }) => operation === 'BatchExecuteStatement' && (body['Sqls'] as string[]).some((sql) => sql.startsWith(start)))
        .map(({ body }) => body['ClientToken']);
    for (const start of ['COPY ', 'LOCK "millrace_loads"']) {
      const tokens = tokensOf(start);
      expect(tokens).toHaveLength(2);
      expect(new Set(tokens).size).toBe(1);
    }
    expect(await publishedContent(stack.adapters(onRedshift))).toBe(await publishedContent(stack.adapters()));
  }, 240_000);
});
