import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { simpleParser } from 'mailparser';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ActivityFailure, CancelledFailure, type ApplicationFailure } from '@temporalio/common';
import type { DemoDays } from '../../src/demo/demo-day.js';
import { generateDay, generatedDays } from '../../src/demo/generate-day.js';
import { createLogReader } from '../../src/runs/run-logs.js';
import { readRun } from '../../src/runs/follow-run.js';
import type { EcommerceDailyParams, EcommerceDailyResult } from '../../workflows/ecommerce-daily.js';
import { historyText, publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';
import { freePort } from '../servers/server-process.js';
import { startSmtpServer } from '../servers/smtp.js';

const DATE = '2026-01-31';
const QUEUE = 'pipeline';

/** A day of which one good line is of another year, and days of which the click files are no good. */
const STRAY_DAY = '2026-03-01';
const CORRUPT_DAY = '2026-03-02';
const UTF16_DAY = '2026-03-03';

const days: DemoDays = {
  ...generatedDays(),
  async day(date) {
    const day = generateDay(date);
    if (date !== STRAY_DAY) return day;
    const stray = day.lines.findIndex(({ invoice_no: invoice, quantity, unit_price: price }) => /^\d+$/.test(invoice ?? '') && Number(quantity) > 0 && Number(price) > 0);
    return { ...day, lines: day.lines.map((line, index) => (index === stray ? { ...line, invoice_date: '2025-03-01 10:00:00' } : line)) };
  },
};

describeWithServer('ecommerce-daily', locateTemporal, () => {
  let stack: PipelineStack;

  beforeAll(async () => {
    stack = await startPipelineStack({ days, preload: [DATE, STRAY_DAY, CORRUPT_DAY, UTF16_DAY] });
    await stack.worker(QUEUE);
  }, 120_000);
  afterAll(() => stack?.stop());
  afterEach(() => stack.demo.setApiMode('ok'));

  const start = (workflowId: string, params: EcommerceDailyParams = { date: DATE }, taskQueue = QUEUE): Promise<WorkflowHandle> =>
    stack.client.workflow.start('ecommerceDaily', { taskQueue, workflowId, args: [params] });
  const run = async (workflowId: string, params?: EcommerceDailyParams, taskQueue?: string): Promise<EcommerceDailyResult> =>
    (await start(workflowId, params, taskQueue)).result() as Promise<EcommerceDailyResult>;

  it('publishes or quarantines every line that it has read, and reconciles them', async () => {
    const result = await run('complete');
    const lines = generateDay(DATE).lines.length;
    const quarantined = Object.values(result.quarantined).reduce((sum, rows) => sum + rows, 0);
    expect(result.sources.sales.rows).toBe(lines);
    expect(result.published + quarantined).toBe(lines);
    expect(Object.keys(result.quarantined).toSorted()).toEqual(
      ['bad_price', 'bad_quantity', 'bad_timestamp', 'missing_invoice', 'missing_stock_code', 'negative_quantity', 'positive_return', 'zero_price'].toSorted(),
    );
    expect(result.returns).toBeGreaterThan(0);
    expect(result.checks.filter(({ passed }) => !passed)).toEqual([]);
    const byCategory = await stack.adapters().warehouse().query('SELECT sum(revenue) = (SELECT sum(line_total) FROM orders) FROM daily_revenue_by_category');
    expect(byCategory.rows).toEqual([[true]]);
  });

  it('leaves the same table, byte for byte, when the day is run again', async () => {
    await run('first');
    const first = await publishedContent(stack.adapters());
    await run('again');
    expect(await publishedContent(stack.adapters())).toBe(first);
  });

  it('removes its staging table and its staged files, and keeps the raw and the quarantined rows', async () => {
    const { interval } = await run('cleaned');
    const adapters = stack.adapters();
    const keys: string[] = [];
    for await (const { key } of adapters.lake().list('')) if (key.includes(interval.run)) keys.push(key.slice(0, key.indexOf('/')));
    expect(new Set(keys)).toEqual(new Set(['raw', 'quarantine', 'logs']));
    expect(await adapters.warehouse().describe(`stg_orders_${interval.run.replaceAll('-', '_')}`)).toBeUndefined();
  });

  it('names every step readably for the Web UI, and keeps its log by step and attempt', async () => {
    const handle = await start('readable');
    const { interval } = (await handle.result()) as EcommerceDailyResult;
    const history = await handle.fetchHistory();
    const summaries = Object.fromEntries(
      history.events!.flatMap((event) => {
        const step = event.activityTaskScheduledEventAttributes?.activityId;
        return step == null ? [] : [[step, Buffer.from(event.userMetadata?.summary?.data ?? []).toString()]];
      }),
    );
    expect(Object.keys(summaries)).toEqual([
      'extract.extractSales', 'extract.extractCustomers', 'extract.extractProducts', 'extract.extractClicks',
      'cleanAndJoin', 'stageOrders', 'checkOrders', 'publishOrders', 'removeStaging',
    ]);
    expect(summaries['cleanAndJoin']).toMatch(/^"2026-01-31 · sales \d+ rows · customers 1200 rows · products 480 rows · clicks \d+ rows"$/);

    const reader = createLogReader(stack.adapters().lake(), { workflowId: 'readable', runId: interval.run }, { step: 'publishOrders', level: 'info' });
    await vi.waitFor(async () => {
      const messages = (await reader.next()).map(({ message, attempt }) => `${attempt} ${message}`);
      expect(messages).toEqual(expect.arrayContaining([expect.stringMatching(/^1 published \d+ lines of 2026-01-31/)]));
    });
  });

  describe('when a source has nothing', () => {
    const EMPTY_DAY = '2026-02-01';

    it.each([
      ['sales', ['clicks'], 'SOURCE_EMPTY', /^sales \(duckdb:.*has no rows for 2026-02-01\. Nothing was published/],
      ['clicks', ['sales'], 'SOURCE_MISSING', /^clicks: there is no file under file:.*clicks\/2026-02-01\. Nothing was published/],
    ] as const)('%s: the run fails with its name and the target is unchanged', async (source, allowEmpty, type, message) => {
      await run('before-empty');
      const before = await publishedContent(stack.adapters());
      const failure = await failureOf(start(`empty-${source}`, { date: EMPTY_DAY, allowEmpty: [...allowEmpty] }));
      expect(failure).toMatchObject({ type, nonRetryable: true });
      expect(failure.message).toMatch(message);
      expect(await publishedContent(stack.adapters())).toBe(before);
    });

    it('publishes an empty day when every source may be empty', async () => {
      const result = await run('allowed-empty', { date: EMPTY_DAY, allowEmpty: ['sales', 'clicks'] });
      expect(result).toMatchObject({ published: 0, revenue: '0.00', quarantined: {} });
    });
  });

  describe('when the input is bad', () => {
    it('publishes nothing when a check of severity ERROR fails, keeps the results, and says what was observed', async () => {
      const failure = await failureOf(start('stray', { date: STRAY_DAY }));
      expect(failure).toMatchObject({ type: 'CHECK_FAILED', nonRetryable: true });
      expect(failure.message).toContain('dates inside the interval');
      expect(await publishedLines(STRAY_DAY)).toBe(0);
      const results = await stack.adapters().warehouse().query(`SELECT check_name, observed FROM millrace_checks WHERE interval_start = TIMESTAMP '${STRAY_DAY}' AND NOT passed AND severity = 'ERROR'`);
      expect(results.rows).toEqual([['dates inside the interval', expect.stringMatching(/^1 of \d+ rows fail/)]]);
    });

    it.each([
      ['is corrupt gzip', CORRUPT_DAY, () => Buffer.concat([gzipSync('{"event_id":"1"}\n'.repeat(100)).subarray(0, 20), Buffer.from('garbage, not deflate')])],
      ['is in another encoding', UTF16_DAY, () => Buffer.from('\uFEFF{"event_id":"1"}\n', 'utf16le')],
    ])('names the click file that %s, and publishes nothing', async (_, date, content) => {
      await stack.adapters().clicks().put(`clicks/${date}/part-0002.jsonl.gz`, content());
      const failure = await failureOf(start(`clicks-${date}`, { date }));
      expect(failure).toMatchObject({ type: 'SOURCE_MALFORMED', nonRetryable: true });
      expect(failure.message).toContain(`clicks/${date}/part-0002.jsonl.gz`);
      expect(await publishedLines(date)).toBe(0);
    });
  });

  it('fails at once, without a retry, when a connection is missing, and says which', async () => {
    await stack.worker('no-catalog', { CATALOG: '' });
    const handle = await start('no-catalog', { date: DATE }, 'no-catalog');
    const failure = await failureOf(Promise.resolve(handle));
    expect(failure).toMatchObject({ type: 'CONNECTION_MISSING' });
    expect(failure.message).toContain('MILLRACE_CONN_CATALOG');
    const view = await readRun(stack.client, { workflowId: handle.workflowId, runId: (await handle.describe()).runId });
    expect(view.steps.find(({ id }) => id === 'extract.extractProducts')).toMatchObject({ state: 'failed', attempts: 1 });
  });

  it('refuses wrong parameters before the first step', async () => {
    const handle = await start('bad-date', { date: '2026-02-30' });
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    const history = await handle.fetchHistory();
    expect(history.events!.filter((event) => event.activityTaskScheduledEventAttributes)).toEqual([]);
  });

  it('lets the older of two overlapping runs not publish after the newer one', async () => {
    await stack.gate.set('hold-older-publishOrders');
    const older = await start('older');
    await stack.gate.seen('held-older-publishOrders');
    await run('newer');
    const published = await publishedContent(stack.adapters());
    await stack.gate.clear('hold-older-publishOrders');

    const failure = await failureOf(Promise.resolve(older));
    expect(failure).toMatchObject({ type: 'STALE_RUN', nonRetryable: true });
    expect(await publishedContent(stack.adapters())).toBe(published);
    const ledger = await stack.adapters().warehouse().query(`SELECT run FROM millrace_loads WHERE interval_start = TIMESTAMP '2026-01-31'`);
    expect(ledger.rows).toEqual([[(await stack.client.workflow.getHandle('newer').describe()).runId]]);
  });

  it.each(['extract.extractSales', 'cleanAndJoin', 'stageOrders', 'checkOrders', 'publishOrders'])(
    'ends as cancelled when it is cancelled during %s, with nothing published and nothing left behind',
    async (step) => {
      const warehouse = { WAREHOUSE: `duckdb://${stack.home}/cancel-${step}.duckdb` };
      await stack.worker(`cancel-${step}`, warehouse);
      await stack.gate.set(`hold-cancel-${step}-${step}`);
      const handle = await start(`cancel-${step}`, { date: DATE }, `cancel-${step}`);
      await stack.gate.seen(`held-cancel-${step}-${step}`);
      await handle.cancel();

      const error = await handle.result().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(WorkflowFailedError);
      expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
      expect((await handle.describe()).status.name).toBe('CANCELLED');
      const view = await readRun(stack.client, { workflowId: handle.workflowId, runId: (await handle.describe()).runId });
      expect(view.steps.find(({ id }) => id === 'removeStaging')).toMatchObject({ state: 'succeeded' });
      const adapters = stack.adapters(warehouse);
      expect(await adapters.warehouse().describe('orders')).toBeUndefined();
      expect(await adapters.warehouse().describe(`stg_orders_${view.runId.replaceAll('-', '_')}`)).toBeUndefined();
      for await (const { key } of adapters.lake().list('staging/')) expect(key).not.toContain(view.runId);
    },
    60_000,
  );

  describe('a run that fails', () => {
    it('sends one mail that says what failed, why, and what to do', async () => {
      stack.demo.setApiMode('forbidden');
      const handle = await start('told');
      await failureOf(Promise.resolve(handle));
      const { runId } = await handle.describe();
      await stack.client.workflow.getHandle(`alert-${runId}`).result();

      const mails = await Promise.all(stack.mails.map(async ({ file }) => simpleParser(await readFile(file))));
      const told = mails.filter(({ text }) => text?.includes(runId));
      expect(told).toHaveLength(1);
      expect(told[0]!.subject).toBe(`[millrace] ecommerce-daily ${DATE} failed at extract.extractCustomers`);
      for (const part of [told[0]!.text, told[0]!.html || '']) {
        expect(part).toContain('extract.extractCustomers');
        expect(part).toContain(`http://web-ui.example/namespaces/default/workflows/told/${runId}/history`);
        expect(part).toContain('millrace logs told');
      }
    });

    it('keeps its result while the mail server is down, and the mail arrives when it is back', async () => {
      const port = await freePort();
      await stack.worker('mail-down', { MAIL: `smtp://127.0.0.1:${port}?from=millrace@localhost&to=team@localhost` });
      stack.demo.setApiMode('forbidden');

      const handle = await start('mail-down', { date: DATE }, 'mail-down');
      expect(await failureOf(Promise.resolve(handle))).toMatchObject({ type: 'SOURCE_FORBIDDEN' });
      const { runId } = await handle.describe();
      const alert = stack.client.workflow.getHandle(`alert-${runId}`);
      await vi.waitFor(async () => {
        const [pending] = (await alert.describe()).raw.pendingActivities ?? [];
        expect(pending?.lastFailure?.applicationFailureInfo?.type).toBe('ALERT_UNDELIVERED');
      }, 30_000);

      const server = await startSmtpServer({ port });
      await alert.result();
      expect(server.mails).toHaveLength(1);
      expect((await handle.describe()).status.name).toBe('FAILED');
      await server.stop();
    }, 90_000);
  });

  it('shows no secret in histories, ids, logs or mails', async () => {
    stack.demo.setApiMode('forbidden');
    const handle = await start('secretive');
    await failureOf(Promise.resolve(handle));
    const { runId } = await handle.describe();
    await stack.client.workflow.getHandle(`alert-${runId}`).result();
    stack.demo.setApiMode('ok');
    await run('secretive-2');

    const secrets = [stack.connections['CUSTOMERS']!, stack.connections['CATALOG']!].map((uri) => decodeURIComponent(new URL(uri).password));
    const lake = stack.adapters().lake();
    const logs: string[] = [];
    for await (const { key } of lake.list('logs/')) logs.push(await readFile(await lake.localFile(key, stack.home), 'utf8'));
    const texts = [
      ...(await Promise.all(['secretive', 'secretive-2', `alert-${runId}`].map((id) => historyText(stack.client, id)))),
      ...logs,
      ...(await Promise.all(stack.mails.map(({ file }) => readFile(file, 'utf8')))),
      await stack.workerLogs(),
    ];
    expect(texts.length).toBeGreaterThan(5);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8);
      for (const text of texts) expect(text).not.toContain(secret);
    }
  });

  async function publishedLines(date: string): Promise<number> {
    const warehouse = stack.adapters().warehouse();
    if ((await warehouse.describe('orders')) === undefined) return 0;
    return Number((await warehouse.query(`SELECT count(*) FROM orders WHERE interval_start = TIMESTAMP '${date}'`)).rows[0]![0]);
  }

  /** What the failed step reported. */
  async function failureOf(started: Promise<WorkflowHandle>): Promise<ApplicationFailure> {
    const error = await (await started).result().then(
      () => new Error('the run completed'),
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(WorkflowFailedError);
    const step = (error as WorkflowFailedError).cause;
    expect(step).toBeInstanceOf(ActivityFailure);
    return (step as ActivityFailure).cause as ApplicationFailure;
  }
});
