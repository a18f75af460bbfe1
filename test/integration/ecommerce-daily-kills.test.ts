import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithServer } from '../support/with-server.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';

const KILLS = ['extract.extractClicks.end', 'cleanAndJoin.end', 'stageOrders.end', 'checkOrders.end', 'publishOrders.end', 'removeStaging.end'];

describeWithServer('a worker that is killed with SIGKILL', locateTemporal, () => {
  let stack: PipelineStack;
  let undisturbed: string;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
    await stack.worker('undisturbed');
    await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'undisturbed', workflowId: 'undisturbed', args: [{ date: DATE }] });
    undisturbed = await publishedContent(stack.adapters());
  }, 120_000);
  afterAll(() => stack?.stop());

  /** `verify.test.ts` kills at every place, and looks at the published tables; this one at what is left behind. */
  it('between each step and its report leaves the same tables, one ledger row and no staging table', async () => {
    const warehouse = { WAREHOUSE: `duckdb://${stack.home}/killed.duckdb` };
    for (const kill of KILLS) await stack.gate.set(`kill-killed-${kill}`);
    await stack.worker('killed', warehouse);

    const result = await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'killed', workflowId: 'killed', args: [{ date: DATE }] });

    const killed = (await stack.gate.all()).filter((name) => name.startsWith('killed-killed-'));
    expect(killed.toSorted()).toEqual(KILLS.map((kill) => `killed-killed-${kill}`).toSorted());
    const adapters = stack.adapters(warehouse);
    expect(await publishedContent(adapters)).toBe(undisturbed);
    expect(await adapters.warehouse().describe(`stg_orders_${result.interval.run.replaceAll('-', '_')}`)).toBeUndefined();
    const ledger = await adapters.warehouse().query('SELECT count(*) FROM millrace_loads');
    expect(Number(ledger.rows[0]![0])).toBe(1);
  }, 400_000);
});
