import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { WorkflowFailedError } from '@temporalio/client';
import type { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { arrivedSignal } from '../../src/durable/wait-for.js';
import { generateDay } from '../../src/demo/generate-day.js';
import { retailCsv } from '../../src/demo/retail-csv.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { gateFiles } from '../../src/verify/gate-files.js';
import type { S3EtlParams, S3EtlResult } from '../../workflows/s3-etl.js';
import { millrace } from '../support/millrace-command.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { salesContent } from '../support/sales-content.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const RETAIL = join(process.env['MILLRACE_SHARED_DATA'] ?? resolve('../shared/data'), 'online-retail', 'by-day');
const DATE = '2026-01-31';
const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n';
const line = (invoice: string, quantity = '2'): string => `${invoice},85123A,"HOLDER, ""WHITE""",${quantity},2026-01-31 08:26:00,2.55,17850,United Kingdom\r\n`;

describeWithServer('s3-etl on the embedded stack', locateTemporal, () => {
  let stack: PipelineStack;
  let incoming: ObjectStore;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
    await stack.worker('s3-etl');
    incoming = stack.adapters().incoming();
  }, 120_000);
  afterAll(() => stack?.stop());

  let runs = 0;
  const start = (params: S3EtlParams = {}) => stack.client.workflow.start('s3Etl', { taskQueue: 's3-etl', workflowId: `s3-etl-${++runs}`, args: [{ date: DATE, ...params }] });
  const run = async (params?: S3EtlParams): Promise<S3EtlResult> => (await start(params)).result() as Promise<S3EtlResult>;
  const linesOf = async (key: string): Promise<unknown> =>
    (await stack.adapters().warehouse().query(`SELECT invoice_no, line_no, quantity FROM retail_sales WHERE source_file = '${key}' ORDER BY line_no`)).rows;
  const waitsFor = (handle: Awaited<ReturnType<typeof start>>, message: RegExp): Promise<void> =>
    vi.waitFor(
      async () => {
        const { raw } = await handle.describe();
        expect(raw.pendingActivities?.map(({ lastFailure }) => lastFailure?.message).join('\n')).toMatch(message);
      },
      { timeout: 60_000, interval: 200 },
    );

  it('publishes or quarantines every line of the files that have arrived, and leaves nothing in staging', async () => {
    const result = await run();
    const day = generateDay(DATE);
    const quarantined = Object.values(result.quarantined).reduce((sum, rows) => sum + rows, 0);
    expect(result.files).toEqual([{ key: `incoming/data_${DATE}.csv`, etag: expect.any(String), rows: day.lines.length }]);
    expect(result.published + quarantined).toBe(day.lines.length);
    expect(result.quarantine.rows).toBe(quarantined);
    expect(result.exported).toBeNull();
    expect(result.checks.filter(({ passed }) => !passed)).toEqual([]);

    const adapters = stack.adapters();
    const byCountry = await adapters.warehouse().query('SELECT sum(revenue) = (SELECT sum(line_total) FROM retail_sales) FROM retail_sales_by_country');
    expect(byCountry.rows).toEqual([[true]]);
    const layers = new Set<string>();
    for await (const { key } of adapters.lake().list('')) if (key.includes(result.interval.run)) layers.add(key.slice(0, key.indexOf('/')));
    expect(layers).toEqual(new Set(['quarantine', 'logs']));
  });

  it('refuses to re-run a completed run from a step whose inputs its cleanup has removed, before anything runs', async () => {
    const cli = (...args: string[]) => millrace(args, { TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_NAMESPACE: stack.temporal.namespace });
    const step = `transformFile[incoming/data_${DATE}.csv]`;
    const refused = await cli('rerun', 's3-etl-1', '--from', 'loadSales');
    expect(refused).toMatchObject({ code: 6, stderr: expect.stringMatching(/what would be reused no longer exists: file:\S+\.csv\.gz \(of transformFile\[/) as string });
    expect(refused.stderr).toContain(`--from ${step}`);
    expect(await cli('rerun', 's3-etl-1', '--from', step, '--watch')).toMatchObject({ code: 0 });
  }, 120_000);

  it('publishes the same lines as ecommerce-daily, whose rules they are judged by', async () => {
    await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 's3-etl', workflowId: 'orders', args: [{ date: DATE }] });
    const columns = 'invoice_no, stock_code, description, quantity, unit_price, line_total, is_return, order_ts';
    const [ours, theirs] = [`SELECT ${columns} FROM retail_sales`, `SELECT ${columns} FROM orders`];
    const { rows } = await stack.adapters().warehouse().query(`SELECT * FROM ((${ours} EXCEPT ALL ${theirs}) UNION ALL (${theirs} EXCEPT ALL ${ours}))`);
    expect(rows).toEqual([]);
  });

  it('does not take a file again that an earlier run has processed, takes one that arrives while it waits, and ends its wait by the notification, which may come twice', async () => {
    const handle = await start();
    await waitsFor(handle, /have been processed by earlier runs/);
    await incoming.put('incoming/data_late.csv', HEADER + line('600001'));
    await Promise.all([handle.signal(arrivedSignal, 'arrival'), handle.signal(arrivedSignal, 'arrival')]);
    const { files, published } = (await handle.result()) as S3EtlResult;
    expect(files.map(({ key }) => key)).toEqual(['incoming/data_late.csv']);
    expect(published).toBe(1);
    await handle.signal(arrivedSignal, 'arrival').catch(() => undefined);
  });

  it('replaces all that a file has published when the file is replaced, also by a shorter one', async () => {
    const pattern = 'incoming/data_replaced.csv';
    await incoming.put(pattern, HEADER + line('1') + line('2') + line('3'));
    await run({ pattern });
    expect(await linesOf(pattern)).toHaveLength(3);
    await incoming.put(pattern, HEADER + line('9', '7'));
    await run({ pattern });
    expect(await linesOf(pattern)).toEqual([['9', '2', '7']]);
    const { rows } = await stack.adapters().warehouse().query(`SELECT lines FROM retail_sales_by_country WHERE source_file = '${pattern}'`);
    expect(rows).toEqual([['1']]);
  });

  it('fails, and publishes nothing, when a file is replaced after it was sensed', async () => {
    const pattern = 'incoming/data_swapped.csv';
    await incoming.put(pattern, HEADER + line('1'));
    const before = await salesContent(stack.adapters().warehouse());
    const step = `transformFile[${pattern}]`;
    const hold = gateFiles.hold('swapped', step);
    await stack.gate.set(hold);
    const handle = await stack.client.workflow.start('s3Etl', { taskQueue: 's3-etl', workflowId: 'swapped', args: [{ date: DATE, pattern }] });
    await stack.gate.seen(gateFiles.held('swapped', step));
    await incoming.put(pattern, HEADER + line('2'));
    await stack.gate.clear(hold);
    expect(await failureOf(handle)).toMatchObject({ type: 'OBJECT_CHANGED', nonRetryable: true });
    expect(await salesContent(stack.adapters().warehouse())).toBe(before);
  });

  it('takes no file of a half-written set before its marker is there', async () => {
    const [pattern, marker] = ['incoming/set/data_?.csv', 'incoming/set/_DONE'];
    await incoming.put('incoming/set/data_1.csv', HEADER + line('1'));
    const handle = await start({ pattern, ready: { marker } });
    await waitsFor(handle, /1 files are there, and their marker incoming\/set\/_DONE is not/);
    await incoming.put('incoming/set/data_2.csv', HEADER + line('2'));
    await incoming.put(marker, '');
    await handle.signal(arrivedSignal, 'arrival');
    expect(((await handle.result()) as S3EtlResult).files).toHaveLength(2);
  });

  it('quarantines lines that are no good, with file, line and reason, and takes the others', async () => {
    const pattern = 'incoming/data_malformed.csv';
    await incoming.put(pattern, `${HEADER}${line('1')}536366,22633,"A stray "quote" here",1,2026-01-31 09:00:00,1.85,17850,United Kingdom\r\nonly,three,values\r\n${line('2', 'two')}${line('3')}`);
    const result = await run({ pattern });
    expect(result.quarantined).toEqual({ bad_quantity: 1, bad_quotes: 1, wrong_columns: 1 });
    expect(result.published).toBe(2);
    expect(result.checks.find(({ name }) => name === 'nine of ten lines are usable')).toMatchObject({ passed: false, severity: 'WARN' });
  });

  it('takes gzip files too, whose lines are those of the plain one', async () => {
    const pattern = 'incoming/gzip/data_1.csv.gz';
    await incoming.put(pattern, gzipSync(HEADER + line('1') + line('2', 'x') + line('3')));
    expect(await run({ pattern })).toMatchObject({ published: 2, quarantined: { bad_quantity: 1 }, files: [{ key: pattern, rows: 3 }] });
    expect(await linesOf(pattern)).toEqual([['1', '2', '2'], ['3', '4', '2']]);
  });

  it.each([
    ['is another kind of file', 'incoming/data_other.csv', 'a;b\r\n1;2\r\n', 'SOURCE_MALFORMED', /data_other\.csv lacks the columns InvoiceNo/],
    ['has no usable line', 'incoming/data_useless.csv', `${HEADER}${line('1', 'x')}`, 'CHECK_FAILED', /every file has usable lines/],
  ])('names a file that %s, publishes nothing of the run, and takes the file again the next time', async (_, key, content, type, message) => {
    await incoming.put(key, content);
    const before = await salesContent(stack.adapters().warehouse());
    const failure = await failureOf(await start({ pattern: key }));
    expect(failure.type).toBe(type);
    expect(failure.message).toMatch(message);
    expect(await salesContent(stack.adapters().warehouse())).toBe(before);
    await incoming.put(key, HEADER + line('1'));
    expect(await run({ pattern: key })).toMatchObject({ published: 1 });
  });

  describe.skipIf(!existsSync(RETAIL))('with real files (skipped where shared/data/online-retail is absent)', () => {
    it('takes several days at once, and none of their lines is lost', async () => {
      const days = ['2010-12-01', '2010-12-02', '2010-12-03'];
      for (const day of days) await incoming.put(`incoming/data_${day}.csv`, readFileSync(join(RETAIL, `${day}.csv`)));
      const result = await run({ pattern: 'incoming/data_2010-12-0[1-3].csv' });
      const quarantined = Object.values(result.quarantined).reduce((sum, rows) => sum + rows, 0);
      expect(result.files.map(({ key }) => key)).toEqual(days.map((day) => `incoming/data_${day}.csv`));
      expect(result.files.reduce((sum, { rows }) => sum + rows, 0)).toBe(result.published + quarantined);
    });
  });

  it('writes demonstration files that read back as they were', () => {
    expect(retailCsv(generateDay(DATE).lines).split('\r\n')[0]).toBe(HEADER.trim());
  });
});

async function failureOf(handle: { result(): Promise<unknown> }): Promise<ApplicationFailure> {
  const failed = await handle.result().then(
    () => expect.fail('the run completed'),
    (error: unknown) => error as WorkflowFailedError,
  );
  return (failed.cause as ActivityFailure).cause as ApplicationFailure;
}
