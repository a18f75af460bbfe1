import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { WorkflowFailedError } from '@temporalio/client';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import type { S3EtlFaultTolerantResult } from '../../workflows/s3-etl-fault-tolerant.js';
import type { S3EtlParams, S3EtlResult } from '../../workflows/s3-etl.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { salesContent } from '../support/sales-content.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';
const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n';
const line = (invoice: string, quantity = '2'): string => `${invoice},85123A,HOLDER,${quantity},2026-01-31 08:26:00,2.55,17850,United Kingdom\r\n`;

describeWithServer('the pipelines made from s3-etl', locateTemporal, () => {
  let stack: PipelineStack;
  let incoming: ObjectStore;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
    await stack.worker('s3-etl');
    incoming = stack.adapters().incoming();
  }, 120_000);
  afterAll(() => stack?.stop());

  const run = <R extends S3EtlResult>(workflow: string, workflowId: string, params: S3EtlParams = {}): Promise<R> =>
    stack.client.workflow.execute(workflow, { taskQueue: 's3-etl', workflowId, args: [{ date: DATE, ...params }] }) as Promise<R>;

  it('s3-etl-modular publishes what s3-etl publishes, with its steps in groups', async () => {
    await incoming.put('incoming/data_more.csv', HEADER + line('600001') + line('600002', 'x'));
    const linear = await run('s3Etl', 'linear');
    const content = await salesContent(stack.adapters().warehouse());
    const modular = await run('s3EtlModular', 's3-etl-modular-1');
    expect({ ...modular, interval: '', quarantine: '' }).toEqual({ ...linear, interval: '', quarantine: '' });
    expect(await salesContent(stack.adapters().warehouse())).toBe(content);

    const { events } = await stack.client.workflow.getHandle('s3-etl-modular-1').fetchHistory();
    const steps = events!.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => (scheduled?.activityId == null ? [] : [scheduled.activityId]));
    expect(new Set(steps.map((step) => step.split('.')[0]))).toEqual(new Set(['ingest', 'transform', 'load', 'validate', 'publish', 'removeSalesStaging']));
    expect(steps).toContain('transform.transformFile[incoming/data_more.csv]');
  });

  describe('s3-etl-fault-tolerant', () => {
    it('sets files aside that fail for good, with their reasons, publishes the others, and mails a warning that names them', async () => {
      await incoming.put('incoming/ft/data_1.csv', HEADER + line('1'));
      await incoming.put('incoming/ft/data_2.csv', 'a;b\r\n1;2\r\n');
      await incoming.put('incoming/ft/data_3.csv', HEADER + line('3', 'x'));
      await incoming.put('incoming/ft/data_4.csv', HEADER + line('4') + line('5', 'x'));
      const pattern = 'incoming/ft/data_*.csv';
      const result = await run<S3EtlFaultTolerantResult>('s3EtlFaultTolerant', 'ft-1', { pattern });
      expect(result.files.map(({ key }) => key)).toEqual(['incoming/ft/data_1.csv', 'incoming/ft/data_4.csv']);
      expect(result).toMatchObject({ published: 2, quarantined: { bad_quantity: 1 } });
      expect(result.setAside).toEqual([
        { key: 'incoming/ft/data_2.csv', code: 'SOURCE_MALFORMED', message: expect.stringContaining('lacks the columns'), copy: expect.any(String) },
        { key: 'incoming/ft/data_3.csv', code: 'SOURCE_MALFORMED', message: expect.stringContaining('none of its 1 lines can be used'), copy: expect.any(String) },
      ]);

      const place = `failed/${DATE}/${result.interval.run}/incoming/ft/data_2.csv`;
      expect(await text((await incoming.get(place)).body)).toBe('a;b\r\n1;2\r\n');
      expect(JSON.parse(await text((await incoming.get(`${place}.reason.json`)).body))).toMatchObject({ key: 'incoming/ft/data_2.csv', code: 'SOURCE_MALFORMED', run: result.interval.run });
      const { rows } = await stack.adapters().warehouse().query("SELECT file_key, status FROM millrace_files WHERE pipeline = 's3-etl-fault-tolerant' ORDER BY file_key");
      expect(rows.map(([, status]) => status)).toEqual(['processed', 'set-aside', 'set-aside', 'processed']);
      await vi.waitFor(() => expect(stack.mails.map(({ raw }) => raw.toString()).join('\n')).toContain('no file was set aside'), { timeout: 30_000 });

      await incoming.put('incoming/ft/data_2.csv', HEADER + line('2'));
      const next = await run<S3EtlFaultTolerantResult>('s3EtlFaultTolerant', 'ft-2', { pattern });
      expect(next).toMatchObject({ published: 1, setAside: [], files: [{ key: 'incoming/ft/data_2.csv' }] });
    });

    it('fails when no file is left, and leaves neither published rows nor anything staged', async () => {
      const before = await salesContent(stack.adapters().warehouse());
      await incoming.put('incoming/bad/data_1.csv', 'a;b\r\n');
      const failed = (await run('s3EtlFaultTolerant', 'ft-none', { pattern: 'incoming/bad/data_*.csv' }).catch((error: unknown) => error)) as WorkflowFailedError;
      expect(failed.cause).toMatchObject({ type: 'SOURCE_MALFORMED', message: expect.stringContaining('All 1 files were set aside, the first is incoming/bad/data_1.csv') });
      expect(await salesContent(stack.adapters().warehouse())).toBe(before);
      const staged: string[] = [];
      for await (const { key } of stack.adapters().lake().list('staging/s3-etl-fault-tolerant/')) staged.push(key);
      expect(staged).toEqual([]);
    });

    it('leaves nothing staged when a check fails, and takes the files again the next time', async () => {
      await incoming.put('incoming/range/data_1.csv', HEADER + line('1', '100001'));
      const pattern = 'incoming/range/data_*.csv';
      const failed = (await run('s3EtlFaultTolerant', 'ft-range', { pattern }).catch((error: unknown) => error)) as WorkflowFailedError;
      expect(String((failed.cause as Error).cause)).toContain('sold quantity in range');
      const adapters = stack.adapters();
      const tables = await adapters.warehouse().query("SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'stg_%'");
      expect(tables.rows).toEqual([['0']]);
      await incoming.put('incoming/range/data_1.csv', HEADER + line('1', '100'));
      expect(await run('s3EtlFaultTolerant', 'ft-range-again', { pattern })).toMatchObject({ published: 1 });
    });
  });
});
