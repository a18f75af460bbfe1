import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KillReport } from '../../src/verify/verify-report.js';
import { millrace } from '../support/millrace-command.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';
const STEPS = ['extract.extractSales', 'extract.extractCustomers', 'extract.extractProducts', 'extract.extractClicks', 'cleanAndJoin', 'stageOrders', 'checkOrders', 'publishOrders', 'removeStaging'];

interface Printed {
  same: boolean;
  kills: KillReport[];
  tables: Record<string, { rows: number }>;
}

describeWithServer('millrace verify', locateTemporal, () => {
  let stack: PipelineStack;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
  }, 120_000);
  afterAll(() => stack?.stop());

  const verify = (...args: string[]): ReturnType<typeof millrace> =>
    millrace(['verify', ...args, '--date', DATE, '--json', '--parallel', '4'], {
      ...Object.fromEntries(Object.entries(stack.connections).map(([name, uri]) => [`MILLRACE_CONN_${name}`, uri])),
      TEMPORAL_ADDRESS: stack.temporal.address,
      TEMPORAL_NAMESPACE: stack.temporal.namespace,
      MILLRACE_HOME: stack.home,
    });

  it('kills the worker at every step boundary and inside every step of ecommerce-daily, and finds the same tables', async () => {
    const { code, stdout, stderr } = await verify('ecommerce-daily');

    expect(stderr).toContain('everything is written below');
    const report = JSON.parse(stdout) as Printed;
    expect(report.kills.map(({ step, place }) => `${step} ${place}`)).toEqual(STEPS.flatMap((step) => ['start', 'middle', 'end'].map((place) => `${step} ${place}`)));
    expect(report.kills.filter(({ outcome, place }) => outcome !== 'same' && !(outcome === 'unreached' && place === 'middle'))).toEqual([]);
    expect(code).toBe(0);
    expect(report.tables['orders']!.rows).toBeGreaterThan(1000);
    for (const { attempts, takenUpAfterMs } of report.kills.filter(({ outcome }) => outcome === 'same')) {
      expect(attempts).toBeGreaterThanOrEqual(2);
      // Its only worker has to be started again meanwhile, on a busy machine: far from the step's own two hours all the same.
      expect(takenUpAfterMs).toBeLessThan(60_000);
    }
    // Nothing of the real targets was touched, and nobody was told.
    expect(await stack.adapters().warehouse().describe('orders')).toBeUndefined();
    expect(stack.mails).toEqual([]);
  }, 900_000);

  it('kills in the steps that are asked for only, of any pipeline', async () => {
    const { code, stdout } = await verify('s3-etl', '--step', 'loadSales', '--step', 'publishSales');
    const report = JSON.parse(stdout) as Printed;
    expect(report.kills.map(({ step, place }) => `${step} ${place}`)).toEqual(['loadSales', 'publishSales'].flatMap((step) => ['start', 'middle', 'end'].map((place) => `${step} ${place}`)));
    expect(report.kills.filter(({ outcome, place }) => outcome !== 'same' && !(outcome === 'unreached' && place === 'middle'))).toEqual([]);
    expect(code).toBe(0);
    expect(report.tables['retail_sales']!.rows).toBeGreaterThan(1000);
  }, 900_000);

  it('names the steps that there are when another one is asked for', async () => {
    expect(await verify('s3-etl', '--step', 'loadOrders')).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is no step loadOrders; there are findArrivals.*, loadSales, /) as string });
  }, 120_000);
});
