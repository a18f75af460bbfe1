import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateDay } from '../../src/demo/generate-day.js';
import { retailCsv } from '../../src/demo/retail-csv.js';
import type { Adapters } from '../../workers/adapters.js';
import type { S3EtlResult } from '../../workflows/s3-etl.js';
import { startAws, type AwsStack } from '../servers/aws.js';
import { locateRedshift } from '../servers/redshift.js';
import { locateTemporal } from '../servers/temporal.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { salesContent } from '../support/sales-content.js';
import { describeWithServer } from '../support/with-server.js';

const DATE = '2026-01-31';

describeWithServer('s3-etl on S3, Lambda and Redshift', () => [locateTemporal(), locateRedshift()], () => {
  let stack: PipelineStack;
  let aws: AwsStack;
  let onAws: Adapters;

  beforeAll(async () => {
    [stack, aws] = await Promise.all([startPipelineStack({ preload: [DATE] }), startAws()]);
    onAws = stack.adapters(aws.connections);
    await onAws.incoming().put(`incoming/data_${DATE}.csv`, retailCsv(generateDay(DATE).lines));
    await Promise.all([stack.worker('embedded'), stack.worker('aws', aws.connections)]);
  }, 180_000);
  afterAll(async () => {
    await stack?.stop();
    await aws?.stop();
  });

  const run = (taskQueue: string, workflowId = taskQueue): Promise<S3EtlResult> =>
    stack.client.workflow.execute('s3Etl', { taskQueue, workflowId, args: [{ date: DATE }] }) as Promise<S3EtlResult>;

  it('publishes the same rows as on the embedded stack, copied by Redshift from the lake, and exports their summary as Parquet', async () => {
    const [embedded, result] = [await run('embedded'), await run('aws')];
    expect(result.warehouse).toMatch(/^redshift-data:\/\//);
    const elsewhere = { interval: '', quarantine: '', warehouse: '', exported: '', files: '' };
    expect({ ...result, ...elsewhere }).toEqual({ ...embedded, ...elsewhere });
    expect(await salesContent(onAws.warehouse())).toBe(await salesContent(stack.adapters().warehouse()));

    expect(aws.lambda.invocations.length).toBeGreaterThan(0);
    expect(result.exported).toMatchObject({ rows: result.revenueByCountry.length, manifest: expect.stringMatching(/^s3:\/\/lake\/exports\/s3-etl\/2026-01-31\//) });
    const exported: string[] = [];
    const lake = onAws.lake();
    for await (const { key } of lake.list('')) if (!key.startsWith('logs/')) exported.push(key.slice(0, key.indexOf('/')));
    expect(new Set(exported)).toEqual(new Set(['exports', 'quarantine']));
    expect((await aws.redshift.staged()).filter((uri) => uri.includes('stg_'))).toEqual([]);
  }, 120_000);

  it('loads no stray file that lies beside those of the run', async () => {
    const before = await salesContent(onAws.warehouse());
    await onAws.incoming().put('incoming/data_2026-02-01.csv', 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n600001,85123A,HOLDER,2,2026-02-01 08:26:00,2.55,17850,\r\n');
    await onAws.lake().put(`staging/s3-etl/${DATE}/stray.csv.gz`, 'not even gzip');
    const result = await run('aws', 'aws-2');
    expect(result).toMatchObject({ published: 1, revenueByCountry: [{ country: 'Unspecified', lines: 1, revenue: '5.10' }] });
    expect(result.files.map(({ key }) => key)).toEqual(['incoming/data_2026-02-01.csv']);
    expect(await salesContent(onAws.warehouse())).not.toBe(before);
  }, 60_000);
});
