import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRun } from '../../src/runs/follow-run.js';
import { resolveRun } from '../../src/runs/resolve-run.js';
import type { RunView } from '../../src/runs/run-view.js';
import { locateTemporal } from '../servers/temporal.js';
import { millrace, type CommandResult } from '../support/millrace-command.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';

const DATE = '2026-01-31';
const RUN = `ecommerce-daily-${DATE}`;

/** What `rerun --json` prints. */
interface Plan {
  reused: { id: string }[];
  again: { id: string; reason: string }[];
  rewrites: string[];
  runId?: string;
}

/** The command talks to Temporal only: it has no connection to the lake or the warehouse, as on another machine. */
describeWithServer('millrace rerun', locateTemporal, () => {
  let stack: PipelineStack;
  let uninterrupted: string;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
    await stack.worker('millrace');
    await stack.worker('elsewhere', { WAREHOUSE: `duckdb://${stack.home}/elsewhere.duckdb` });
    await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'elsewhere', workflowId: 'uninterrupted', args: [{ date: DATE }] });
    uninterrupted = await publishedContent(stack.adapters({ WAREHOUSE: `duckdb://${stack.home}/elsewhere.duckdb` }));
  }, 180_000);
  afterAll(() => stack?.stop());

  const cli = (...args: string[]): Promise<CommandResult> => millrace(args, { TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_NAMESPACE: stack.temporal.namespace });
  const json = async (...args: string[]): Promise<Plan> => JSON.parse((await cli(...args, '--json')).stdout) as Plan;
  const look = async (): Promise<RunView> => readRun(stack.client, (await resolveRun(stack.client, RUN))!, { ask: true });
  const states = async (): Promise<Record<string, string>> => Object.fromEntries((await look()).steps.map(({ id, state }) => [id, state]));
  const ids = (steps: { id: string }[]): string[] => steps.map(({ id }) => id).toSorted();
  const EXTRACTS = ['extract.extractClicks', 'extract.extractCustomers', 'extract.extractProducts', 'extract.extractSales'];

  it('publishes what the failed run has staged and checked, once the cause is gone', async () => {
    const warehouse = stack.adapters().warehouse();
    await warehouse.replaceRows({ name: 'orders', columns: [{ name: 'not_ours', type: 'text' }], key: ['not_ours'] }, { not_ours: 'x' }, []);
    expect(await cli('run', 'ecommerce-daily', '--date', DATE, '--watch')).toMatchObject({ code: 1, stdout: expect.stringMatching(/failed at publishOrders: SCHEMA_MISMATCH/) as string });

    const plan = await json('rerun', RUN, '--dry-run');
    expect(ids(plan.reused)).toEqual(['checkOrders', 'cleanAndJoin', ...EXTRACTS, 'stageOrders'].toSorted());
    expect(plan.again).toEqual([
      { id: 'publishOrders', reason: 'failed' },
      { id: 'removeStaging', reason: 'cleanup' },
    ]);
    expect(plan.rewrites).toContain('orders');
    expect((await look()).state).toBe('failed');

    await warehouse.dropStaging(['orders']);
    expect(await cli('rerun', RUN, '--watch')).toMatchObject({ code: 0, stdout: expect.stringMatching(/publishOrders +runs again +failed/) as string });
    expect(await states()).toMatchObject({ 'extract.extractSales': 'reused', checkOrders: 'reused', publishOrders: 'succeeded', removeStaging: 'succeeded' });
    expect(await publishedContent(stack.adapters())).toBe(uninterrupted);
  }, 240_000);

  it('says of a step that was itself reused which run has run it', async () => {
    const { code, stderr } = await cli('rerun', RUN, '--from', 'cleanAndJoin');
    expect(code).toBe(2);
    expect(stderr).toMatch(/this run has cleanAndJoin from the run before it — re-run that one: millrace rerun ecommerce-daily-2026-01-31\/[\da-f-]{36} --from cleanAndJoin/);
  }, 120_000);

  it('refuses to reuse what a completed run has removed, and runs it again from the step that makes it', async () => {
    await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'millrace', workflowId: RUN, args: [{ date: DATE }] });
    const gone = await cli('rerun', RUN, '--from', 'publishOrders');
    expect(gone).toMatchObject({ code: 6, stderr: expect.stringMatching(/what would be reused no longer exists: .*orders\.parquet \(of cleanAndJoin\).*table stg_orders_.*--from cleanAndJoin/s) as string });
    expect(await cli('rerun', RUN)).toMatchObject({ code: 2, stderr: expect.stringMatching(/every step of .* has finished — say where to begin/) as string });
    expect(await cli('rerun', RUN, '--from', 'cleanAndJoin', '--watch')).toMatchObject({ code: 0 });
    expect(ids((await look()).steps.filter(({ state }) => state === 'reused'))).toEqual(EXTRACTS);
    expect(await publishedContent(stack.adapters())).toBe(uninterrupted);
  }, 240_000);

  it('takes over from a run that is held only when it is told to', async () => {
    stack.demo.setApiMode('forbidden');
    await cli('run', 'ecommerce-daily', '--date', DATE, '--on-failure', 'hold');
    await expect.poll(states, { timeout: 60_000, interval: 500 }).toMatchObject({ 'extract.extractCustomers': 'held', 'extract.extractSales': 'succeeded' });
    expect(await cli('rerun', RUN)).toMatchObject({ code: 6, stdout: expect.stringMatching(/Cancels +ecommerce-daily/) as string, stderr: expect.stringMatching(/is still open — add --replace/) as string });
    stack.demo.setApiMode('ok');
    expect(await cli('rerun', RUN, '--replace', '--why', 'the token works again', '--watch')).toMatchObject({ code: 0 });
    expect(await states()).toMatchObject({ 'extract.extractSales': 'reused', 'extract.extractCustomers': 'succeeded', publishOrders: 'succeeded' });
    expect(await publishedContent(stack.adapters())).toBe(uninterrupted);
  }, 240_000);
});
