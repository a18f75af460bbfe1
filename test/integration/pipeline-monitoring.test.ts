import { readFile } from 'node:fs/promises';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { PipelineHealth } from '../../src/monitoring/health.js';
import { quartersOf } from '../../src/monitoring/quarters.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { gateFiles } from '../../src/verify/gate-files.js';
import type { PipelineMonitoringResult } from '../../workflows/pipeline-monitoring.js';
import { Client } from '@temporalio/client';
import { intervalBounds } from '../../src/durable/data-interval.js';
import { locateMoto, startMoto, type CloudWatchServer } from '../servers/moto.js';
import { locateTemporal } from '../servers/temporal.js';
import { historyText, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';

const QUEUE = 'millrace';
const BLIND = 'blind';
const NAMESPACE = 'Millrace';
const LONG_AGO = '2026-01-31';
const YESTERDAY = intervalBounds({}, new Date()).label;
const QUARTER_MS = 15 * 60_000;
const MAIL_MS = 60_000;

describeWithServer('pipeline-monitoring', () => [locateTemporal(), locateMoto()], () => {
  let stack: PipelineStack;
  let moto: CloudWatchServer;
  /** Ends after everything that these tests run: what is not over yet is measured as far as it is. */
  let interval: { start: string; end: string };
  let monitors = 0;

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    [stack, moto] = await Promise.all([startPipelineStack({ preload: [LONG_AGO, YESTERDAY] }), startMoto()]);
    await stack.worker(QUEUE, { METRICS: moto.uri(NAMESPACE) });
    const now = Math.floor(Date.now() / QUARTER_MS) * QUARTER_MS;
    interval = { start: new Date(now).toISOString(), end: new Date(now + 4 * QUARTER_MS).toISOString() };
  }, 180_000);
  afterAll(async () => {
    await moto?.stop();
    await stack?.stop();
  });

  const run = async (params: Record<string, unknown>): Promise<string> => {
    const handle = await stack.client.workflow.start('ecommerceDaily', { taskQueue: QUEUE, workflowId: `ecommerce-daily-${String(params['date'])}`, args: [params] });
    await handle.result().catch(() => undefined);
    await untilEnded(handle.firstExecutionRunId);
    return handle.firstExecutionRunId;
  };
  /** Visibility is written in the background. */
  const untilEnded = (runId: string): Promise<void> =>
    vi.waitFor(async () => expect((await stack.client.workflow.count(`RunId = '${runId}' AND ExecutionStatus != 'Running'`)).count).toBe(1), { timeout: 30_000, interval: 200 });
  const monitor = async (taskQueue = QUEUE, params: object = interval): Promise<PipelineMonitoringResult> =>
    stack.client.workflow.execute('pipelineMonitoring', { taskQueue, workflowId: `monitor-${(monitors += 1)}`, args: [params] }) as Promise<PipelineMonitoringResult>;
  const healthOf = ({ health }: PipelineMonitoringResult, name: string): PipelineHealth => health!.pipelines.find(({ pipeline }) => pipeline === name)!;
  const mails = async (): Promise<string[]> => Promise.all(stack.mails.map(async ({ file }) => simpleParser(await readFile(file))).map(async (mail) => `${(await mail).subject}\n${(await mail).text}`));
  const mailsOf = async (subject: RegExp): Promise<string[]> => (await mails()).filter((mail) => subject.test(mail.split('\n')[0]!));
  const rows = async (sql: string): Promise<readonly (readonly unknown[])[]> => (await stack.adapters().warehouse().query(sql)).rows;

  it('measures runs, failures, steps and rows once, at the time of the run, in CloudWatch and in the warehouse', { timeout: 180_000 }, async () => {
    const runId = await run({ date: LONG_AGO });
    await run({ date: 'tomorrow' });
    const { endTime } = await ended(runId);
    const first = await monitor();
    expect(first).toMatchObject({ unsure: 0, unreached: [] });
    expect(first.published.warehouse).toBeGreaterThan(20);
    expect(first.published.cloudwatch).toBe(first.published.warehouse);
    // Again, and two at the same time.
    await monitor();
    await Promise.all([monitor(), monitor()]);

    const sum = async (name: string, dimensions: Record<string, string>) => (await moto.read(NAMESPACE, name, { Pipeline: 'ecommerce-daily', ...dimensions })).filter(({ sum: value }) => value > 0);
    expect((await sum('Runs', {})).map(({ sum: value }) => value).reduce((a, b) => a + b)).toBe(2);
    expect((await sum('Failures', {})).map(({ sum: value }) => value)).toEqual([1]);
    expect(await sum('StepRows', { Step: 'stageOrders' })).toMatchObject([{ count: 1 }]);
    const times = await rows(`SELECT measured_at FROM millrace_metrics WHERE metric = 'RunSeconds' AND pipeline = 'ecommerce-daily'`);
    // Visibility rounds.
    expect(times.filter(([at]) => Math.abs(Date.parse(String(at)) - endTime.getTime()) <= 1)).toHaveLength(1);

    const seconds = await rows(`SELECT step, count(*), max(total) FROM millrace_metrics WHERE metric = 'StepSeconds' AND pipeline = 'ecommerce-daily' GROUP BY step ORDER BY step`);
    // The run that failed at its parameters had no steps.
    expect(seconds.map(([step, count]) => [step, Number(count)])).toEqual(
      ['checkOrders', 'cleanAndJoin', 'extract.extractClicks', 'extract.extractCustomers', 'extract.extractProducts', 'extract.extractSales', 'publishOrders', 'removeStaging', 'stageOrders'].map((step) => [step, 1]),
    );
    const [[published]] = (await rows(`SELECT total FROM millrace_metrics WHERE metric = 'StepRows' AND step = 'publishOrders'`)) as [[number]];
    expect(published).toBe(Number((await rows('SELECT count(*) FROM orders'))[0]![0]));
  });

  it('shows the health of every pipeline in the warehouse', async () => {
    const { health } = await monitor();
    const stored = await rows(`SELECT pipeline, state, succeeded, failed, success_rate, workers, schedule FROM millrace_pipeline_health ORDER BY pipeline`);
    expect(stored.map(([name]) => name)).toEqual(health!.pipelines.map(({ pipeline }) => pipeline).toSorted());
    expect(stored.find(([name]) => name === 'ecommerce-daily')).toEqual(['ecommerce-daily', 'unhealthy', '1', '1', 0.5, '1', 'not-applied']);
    expect(stored.find(([name]) => name === 'kafka-signups')).toEqual(['kafka-signups', 'healthy', '0', '0', null, '1', 'not-applied']);
    const ages = await rows(`SELECT table_name, age_hours, most_hours FROM millrace_table_ages WHERE pipeline = 'ecommerce-daily' ORDER BY table_name`);
    expect(ages.map(([table]) => table)).toEqual(['daily_revenue_by_category', 'daily_revenue_by_country', 'orders']);
    for (const [, age, most] of ages) expect(Number(age)).toBeGreaterThan(Number(most));
    expect(quartersOf(interval)).toHaveLength(4);
  });

  it('tells of stale tables once, in one message, and says when they are well again', { timeout: 120_000 }, async () => {
    await vi.waitFor(async () => expect(await mailsOf(/ecommerce-daily is not healthy/)).toHaveLength(1), { timeout: MAIL_MS, interval: 500 });
    const [told] = await mailsOf(/ecommerce-daily is not healthy/);
    for (const table of ['orders', 'daily_revenue_by_category', 'daily_revenue_by_country']) expect(told).toContain(`The data of ${table} is`);
    expect(await mailsOf(/ecommerce-daily is well again/)).toEqual([]);

    await run({ date: YESTERDAY });
    expect(healthOf(await monitor(), 'ecommerce-daily').problems).toEqual([]);
    await vi.waitFor(async () => expect(await mailsOf(/ecommerce-daily is well again/)).toHaveLength(1), { timeout: MAIL_MS, interval: 500 });
    expect((await mailsOf(/ecommerce-daily is well again/))[0]).toContain('The data of orders is');
    await monitor();
    expect(await mailsOf(/ecommerce-daily is (not healthy|well again)/)).toHaveLength(2);
  });

  it('counts held runs, which have told it themselves, and does not tell it again', { timeout: 120_000 }, async () => {
    stack.demo.setApiMode('forbidden');
    const withPlugin = new Client({ connection: stack.temporal.env.connection, namespace: stack.temporal.namespace, plugins: [new MillracePlugin()] });
    const handle = await withPlugin.workflow.start('ecommerceDaily', { taskQueue: QUEUE, workflowId: 'ecommerce-daily-held', args: [{ date: LONG_AGO }], memo: { millrace: { onStepFailure: 'hold' } } });
    await vi.waitFor(async () => expect((await handle.query<StepsAnswer>(STEPS_QUERY)).state).toBe('held'), { timeout: 60_000, interval: 200 });
    await vi.waitFor(async () => expect(await held()).toBe(1), { timeout: 30_000, interval: 500 });
    expect(healthOf(await monitor(), 'ecommerce-daily')).toMatchObject({ open: 1, held: 1, stuck: 0, problems: [] });
    expect(await mailsOf(/ecommerce-daily is not healthy/)).toHaveLength(1);
    await handle.terminate();
    await untilEnded(handle.firstExecutionRunId);
    stack.demo.setApiMode('ok');
  });

  it('says what it could not reach, tells it once, and goes on with the rest', { timeout: 120_000 }, async () => {
    await stack.worker(BLIND, { WAREHOUSE: 'postgres://nobody:hunter22@/', METRICS: 'cloudwatch://nowhere/Millrace' });
    const blind = await monitor(BLIND);
    expect([...new Set(blind.unreached.map(({ part }) => part))].toSorted()).toEqual(['the health tables of the warehouse', 'the metrics of cloudwatch', 'the metrics of warehouse', 'the tables']);
    expect(blind.published).toEqual({ warehouse: null, cloudwatch: null });
    // Nothing is known of the tables, so that nothing is said of them.
    expect(healthOf(blind, 'ecommerce-daily')).toMatchObject({ unknown: ['stale-table'], problems: [], workers: 1 });
    await monitor(BLIND);
    const told = async (): Promise<string[]> => (await mailsOf(/pipeline-monitoring is not healthy/)).filter((mail) => mail.includes('Monitoring could not reach the tables of'));
    await vi.waitFor(async () => expect(await told()).toHaveLength(1), { timeout: MAIL_MS, interval: 500 });
  });

  it('counts once and tells once, also when its worker is killed after it has published, and after it has told', { timeout: 180_000 }, async () => {
    const count = async (name: string): Promise<number> => (await moto.read(NAMESPACE, name, { Pipeline: 'ecommerce-daily' })).reduce((total, { sum }) => total + sum, 0);
    const [runs, failures] = [await count('Runs'), await count('Failures')];
    await run({ date: 'never' });
    const kills = ['publishMetrics[cloudwatch]', 'tellOfHealth'].map((step) => gateFiles.kill(`monitor-${monitors + 1}`, step, 'end'));
    for (const kill of kills) await stack.gate.set(kill);
    // With the run that was terminated, which those that could not publish have measured.
    expect(await monitor()).toMatchObject({ unreached: [], unsure: 0 });
    expect((await stack.gate.all()).filter((name) => name.startsWith('killed-'))).toHaveLength(kills.length);
    await monitor();
    expect([await count('Runs'), await count('Failures')]).toEqual([runs + 2, failures + 1]);
    expect((await rows(`SELECT sum(total) FROM millrace_metrics WHERE metric = 'Runs' AND pipeline = 'ecommerce-daily'`))[0]).toEqual([runs + 2]);
    const over = async (): Promise<string[]> => (await mailsOf(/pipeline-monitoring is (well again|better)/)).filter((mail) => mail.includes('Monitoring could not reach the tables of'));
    await vi.waitFor(async () => expect(await over()).toHaveLength(1), { timeout: MAIL_MS, interval: 500 });
  });

  it('shows no secret of a connection in histories, mails and logs', async () => {
    const histories = await Promise.all(Array.from({ length: monitors }, (_, index) => historyText(stack.client, `monitor-${index + 1}`)));
    const all = [...histories, ...(await mails()), await stack.workerLogs()].join('\n');
    expect(all).toContain('pipelineMonitoring');
    for (const secret of ['hunter22', moto.credentials.secretAccessKey, encodeURIComponent(moto.credentials.secretAccessKey)]) expect(all).not.toContain(secret);
  });

  it('measures an interval that is long over, and says nothing of its health', async () => {
    const past = await monitor(QUEUE, { start: '2026-01-01T00:00:00Z', end: '2026-01-01T00:15:00Z' });
    expect(past).toMatchObject({ published: { warehouse: 0, cloudwatch: 0 }, unreached: [] });
    expect(past).not.toHaveProperty('health');
  });

  async function ended(runId: string): Promise<{ endTime: Date }> {
    for await (const { closeTime } of stack.client.workflow.list({ query: `RunId = '${runId}'` })) return { endTime: closeTime! };
    throw new Error(`there is no run ${runId}`);
  }

  async function held(): Promise<number> {
    return (await stack.client.workflow.count(`WorkflowType = 'ecommerceDaily' AND ExecutionStatus = 'Running' AND MillraceState = 'held'`)).count;
  }
});
