import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithServer } from '../support/with-server.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';

/**
 * What is killed where. Temporal counts a killed attempt like any other, and the API step has three retries, so that one run
 * cannot be killed at every place of the parallel steps: four runs share them.
 */
const PLANS: Record<string, string[]> = {
  'at the start of steps': ['extract.extractSales.start', 'extract.extractProducts.start', 'cleanAndJoin.start', 'stageOrders.start', 'checkOrders.start', 'publishOrders.start', 'removeStaging.start'],
  'inside of steps': ['extract.extractSales.middle', 'extract.extractClicks.middle', 'cleanAndJoin.middle', 'stageOrders.middle', 'checkOrders.middle', 'publishOrders.middle', 'removeStaging.middle'],
  'between a step and its report': ['extract.extractSales.end', 'extract.extractProducts.end', 'cleanAndJoin.end', 'stageOrders.end', 'checkOrders.end', 'publishOrders.end', 'removeStaging.end'],
  'around the API and the clicks': ['extract.extractCustomers.start', 'extract.extractCustomers.middle', 'extract.extractClicks.end'],
};

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

  it.concurrent.each(Object.entries(PLANS))(
    '%s leaves the same tables as one that is not',
    async (plan, kills) => {
      const id = plan.replaceAll(' ', '-');
      const warehouse = { WAREHOUSE: `duckdb://${stack.home}/${id}.duckdb` };
      for (const kill of kills) await stack.gate.set(`kill-${id}-${kill}`);
      await stack.worker(id, warehouse);

      const result = await stack.client.workflow.execute('ecommerceDaily', { taskQueue: id, workflowId: id, args: [{ date: DATE }] });

      const killed = (await stack.gate.all()).filter((name) => name.startsWith(`killed-${id}-`));
      expect(killed.toSorted()).toEqual(kills.map((kill) => `killed-${id}-${kill}`).toSorted());
      const adapters = stack.adapters(warehouse);
      expect(await publishedContent(adapters)).toBe(undisturbed);
      expect(await adapters.warehouse().describe(`stg_orders_${result.interval.run.replaceAll('-', '_')}`)).toBeUndefined();
      const ledger = await adapters.warehouse().query('SELECT count(*) FROM millrace_loads');
      expect(Number(ledger.rows[0]![0])).toBe(1);
    },
    400_000,
  );
});
