import { DescribeStatementCommand, RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import type { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateDay } from '../../src/demo/generate-day.js';
import { retailCsv } from '../../src/demo/retail-csv.js';
import { gateFiles } from '../../src/verify/gate-files.js';
import type { Adapters } from '../../workers/adapters.js';
import type { S3EtlResult } from '../../workflows/s3-etl.js';
import { startAws, type AwsStack } from '../servers/aws.js';
import { locateRedshift } from '../servers/redshift.js';
import { locateTemporal } from '../servers/temporal.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { salesContent } from '../support/sales-content.js';
import { describeWithServer } from '../support/with-server.js';

const DATE = '2026-01-31';
const FILE = `incoming/data_${DATE}.csv`;
const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n';
const line = (quantity: string): string => `600001,85123A,HOLDER,${quantity},2026-02-01 08:26:00,2.55,17850,\r\n`;

describeWithServer('s3-etl on S3, Lambda and Redshift', () => [locateTemporal(), locateRedshift()], () => {
  let stack: PipelineStack;
  let aws: AwsStack;
  let onAws: Adapters;
  let onePublished: string;

  beforeAll(async () => {
    [stack, aws] = await Promise.all([startPipelineStack({ preload: [DATE] }), startAws()]);
    onAws = stack.adapters(aws.connections);
    await onAws.incoming().put(FILE, retailCsv(generateDay(DATE).lines));
    await Promise.all([stack.worker('embedded'), stack.worker('aws', aws.connections)]);
  }, 180_000);
  afterAll(async () => {
    await stack?.stop();
    await aws?.stop();
  });

  const run = (taskQueue: string, workflowId = taskQueue): Promise<S3EtlResult> =>
    stack.client.workflow.execute('s3Etl', { taskQueue, workflowId, args: [{ date: DATE }] }) as Promise<S3EtlResult>;
  /** Nothing that is meant for a while only: staging tables, files of the run's staging layer, files for COPY. */
  const leftovers = async (): Promise<unknown[]> => {
    const { rows } = await onAws.warehouse().query("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'stg_%'");
    const left: unknown[] = [...rows, ...(await aws.redshift.staged()).filter((uri) => uri.includes('stg_'))];
    for await (const { key } of onAws.lake().list('staging/')) if (!key.endsWith('stray.csv.gz')) left.push(key);
    return left;
  };

  it('publishes the same rows as on the embedded stack, copied by Redshift from the lake, and exports their summary as Parquet', async () => {
    const [embedded, result] = [await run('embedded'), await run('aws')];
    expect(result.warehouse).toMatch(/^redshift-data:\/\//);
    const elsewhere = { interval: '', quarantine: '', warehouse: '', exported: '', files: '' };
    expect({ ...result, ...elsewhere }).toEqual({ ...embedded, ...elsewhere });
    onePublished = await salesContent(onAws.warehouse());
    expect(onePublished).toBe(await salesContent(stack.adapters().warehouse()));

    expect(aws.lambda.invocations.length).toBeGreaterThan(0);
    expect(result.exported).toMatchObject({ rows: result.revenueByCountry.length, manifest: expect.stringMatching(/^s3:\/\/lake\/exports\/s3-etl\/2026-01-31\//) });
    const exported: string[] = [];
    const lake = onAws.lake();
    for await (const { key } of lake.list('')) if (!key.startsWith('logs/')) exported.push(key.slice(0, key.indexOf('/')));
    expect(new Set(exported)).toEqual(new Set(['exports', 'quarantine']));
    expect(await leftovers()).toEqual([]);
  }, 120_000);

  it('loads no stray file that lies beside those of the run', async () => {
    const before = await salesContent(onAws.warehouse());
    await onAws.incoming().put('incoming/data_2026-02-01.csv', HEADER + line('2'));
    await onAws.lake().put(`staging/s3-etl/${DATE}/stray.csv.gz`, 'not even gzip');
    const result = await run('aws', 'aws-2');
    expect(result).toMatchObject({ published: 1, revenueByCountry: [{ country: 'Unspecified', lines: 1, revenue: '5.10' }] });
    expect(result.files.map(({ key }) => key)).toEqual(['incoming/data_2026-02-01.csv']);
    expect(await salesContent(onAws.warehouse())).not.toBe(before);
  }, 60_000);

  it('publishes the same rows when its worker is killed after the function, after COPY and after the publication, none of which is done twice', async () => {
    const places = [`transformFile[${FILE}]`, 'loadSales', 'publishSales'];
    for (const step of places) await stack.gate.set(gateFiles.kill('killed', step, 'end'));
    const onKilled = { ...aws.connections, WAREHOUSE: `${aws.connections.WAREHOUSE}&schema=killed` };
    await aws.redshift.sql('CREATE SCHEMA killed');
    const [calls, invocations] = [aws.redshift.data.calls.length, aws.lambda.invocations.length];
    await stack.worker('killed', onKilled);
    await stack.client.workflow.execute('s3Etl', { taskQueue: 'killed', workflowId: 'killed', args: [{ date: DATE, pattern: FILE }] });

    expect(await stack.gate.all()).toEqual(expect.arrayContaining(places.map((step) => gateFiles.killed('killed', step, 'end'))));
    expect(await salesContent(stack.adapters(onKilled).warehouse())).toBe(onePublished);
    const keys = aws.lambda.invocations.slice(invocations).map(({ event }) => (JSON.parse(event) as { idempotencyKey?: string }).idempotencyKey);
    expect(keys.length).toBeGreaterThanOrEqual(2);
    expect(new Set(keys).size).toBe(1);
    for (const start of ['COPY ', 'LOCK "millrace_loads"']) {
      const submitted = aws.redshift.data.calls.slice(calls).filter(({ operation, body }) => operation === 'BatchExecuteStatement' && (body['Sqls'] as string[]).some((sql) => sql.startsWith(start)));
      const tokens = submitted.map(({ body }) => body['ClientToken']);
      expect(tokens.length).toBeGreaterThanOrEqual(2);
      expect(new Set(tokens).size).toBe(1);
    }
  }, 240_000);

  it('publishes the version that was sensed when the file is replaced meanwhile, and the new one with the next run', async () => {
    const pattern = 'incoming/replaced/data_1.csv';
    const sensed = await onAws.incoming().put(pattern, HEADER + line('2'));
    const step = `transformFile[${pattern}]`;
    await stack.gate.set(gateFiles.hold('replaced', step));
    const start = (workflowId: string) => stack.client.workflow.start('s3Etl', { taskQueue: 'aws', workflowId, args: [{ date: DATE, pattern }] });
    const handle = await start('replaced');
    await stack.gate.seen(gateFiles.held('replaced', step));
    await onAws.incoming().put(pattern, HEADER + line('3') + line('4'));
    await stack.gate.clear(gateFiles.hold('replaced', step));

    expect(await handle.result()).toMatchObject({ files: [{ key: pattern, etag: sensed.etag }], published: 1, revenue: '5.10' });
    expect(await (await start('replaced-again')).result()).toMatchObject({ published: 2 });
    const { rows } = await onAws.warehouse().query(`SELECT quantity FROM retail_sales WHERE source_file = '${pattern}' ORDER BY line_no`);
    expect(rows).toEqual([['3'], ['4']]);
  }, 120_000);

  it('cancels the batch of COPY when its run is cancelled, and leaves no staging table and no staged file', async () => {
    const pattern = 'incoming/cancelled/data_1.csv';
    await onAws.incoming().put(pattern, HEADER + line('2'));
    const before = await salesContent(onAws.warehouse());
    const hold = gateFiles.hold('cancelled', 'loadSales');
    await stack.gate.set(hold);
    const handle = await stack.client.workflow.start('s3Etl', { taskQueue: 'aws', workflowId: 'cancelled', args: [{ date: DATE, pattern }] });
    await stack.gate.seen(gateFiles.held('cancelled', 'loadSales'));

    // Somebody who is about to make a table of the same name makes the batch wait where it has begun and has not ended.
    const other = new Client({ ...aws.redshift.postgres });
    await other.connect();
    await other.query(`BEGIN; CREATE TABLE stg_retail_sales_${handle.firstExecutionRunId.replaceAll('-', '_')} (n int)`);
    const calls = aws.redshift.data.calls.length;
    await stack.gate.clear(hold);
    await expect.poll(async () => (await other.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount, { timeout: 60_000 }).toBeGreaterThan(0);
    await handle.cancel();
    const failed = (await handle.result().catch((error: unknown) => error)) as WorkflowFailedError;
    await other.query('ROLLBACK');
    await other.end();

    expect(failed.cause).toBeInstanceOf(CancelledFailure);
    const cancelled = aws.redshift.data.calls.slice(calls).find(({ operation }) => operation === 'CancelStatement');
    const { endpoint, region } = aws.redshift.data;
    const client = new RedshiftDataClient({ endpoint, region, credentials: aws.redshift.s3 });
    const statement = await client.send(new DescribeStatementCommand({ Id: String(cancelled?.body['Id']) }));
    client.destroy();
    expect(statement.Status).toBe('ABORTED');
    expect(statement.SubStatements?.map(({ QueryString }) => QueryString)).toContainEqual(expect.stringMatching(/^COPY /));
    expect(await leftovers()).toEqual([]);
    expect(await salesContent(onAws.warehouse())).toBe(before);
  }, 120_000);

  it('removes all that a failed run of s3-etl-fault-tolerant has loaded, and publishes nothing of it', async () => {
    const pattern = 'incoming/range/data_1.csv';
    await onAws.incoming().put(pattern, HEADER + line('100001'));
    const before = await salesContent(onAws.warehouse());
    const failed = (await stack.client.workflow
      .execute('s3EtlFaultTolerant', { taskQueue: 'aws', workflowId: 'range', args: [{ date: DATE, pattern }] })
      .catch((error: unknown) => error)) as WorkflowFailedError;
    expect(String((failed.cause as Error).cause)).toContain('sold quantity in range');
    expect(await leftovers()).toEqual([]);
    expect(await salesContent(onAws.warehouse())).toBe(before);
  }, 120_000);
});
