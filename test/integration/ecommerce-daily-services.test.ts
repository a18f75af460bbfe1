import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMysqlSalesDatabase } from '../../src/demo/mysql-sales-database.js';
import { generateDay } from '../../src/demo/generate-day.js';
import { writeClicks } from '../../src/demo/generate-clicks.js';
import { ORDERS } from '../../activities/ecommerce-daily/order-tables.js';
import type { EcommerceDailyResult } from '../../workflows/ecommerce-daily.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateMariaDb, startMariaDb, type MariaDb } from '../servers/mariadb.js';
import { locatePostgres, startPostgres, type PostgresServer } from '../servers/postgres.js';
import { locateTemporal } from '../servers/temporal.js';
import { locateVersityGateway, startVersityGateway, type VersityGateway } from '../servers/versitygw.js';

const DATE = '2026-01-31';

const locateAll = (): unknown[] => [locateTemporal(), locateMariaDb(), locatePostgres(), locateVersityGateway()];

describeWithServer('ecommerce-daily on MySQL, S3, DynamoDB and PostgreSQL', locateAll, () => {
  let stack: PipelineStack;
  let mysql: MariaDb;
  let postgres: PostgresServer;
  let s3: VersityGateway;

  beforeAll(async () => {
    [stack, mysql, postgres, s3] = await Promise.all([startPipelineStack({ preload: [DATE] }), startMariaDb(), startPostgres(), startVersityGateway()]);
  }, 180_000);
  afterAll(async () => {
    await stack?.stop();
    await Promise.all([mysql?.stop(), postgres?.stop(), s3?.stop()]);
  });

  const s3Uri = (bucketAndPrefix: string): string =>
    `s3://${s3.accessKeyId}:${encodeURIComponent(s3.secretAccessKey)}@${bucketAndPrefix}?endpoint=${encodeURIComponent(s3.endpoint)}&region=${s3.region}&forcePathStyle=true`;

  it('publishes the same tables as on the embedded stack, by nothing but other connections', async () => {
    await s3.createBucket('lake');
    await s3.createBucket('clicks');
    const services = { SALES: mysql.uri, CLICKS: s3Uri('clicks/stream'), LAKE: s3Uri('lake/millrace'), WAREHOUSE: postgres.uri };
    const adapters = stack.adapters(services);
    const day = generateDay(DATE);
    await createMysqlSalesDatabase({ host: mysql.host, port: mysql.port, database: mysql.database, user: 'admin', password: mysql.adminPassword }).load(DATE, day.lines);
    await writeClicks(adapters.clicks(), DATE, day.clicks);

    await Promise.all([stack.worker('embedded'), stack.worker('services', services)]);
    const run = (taskQueue: string): Promise<EcommerceDailyResult> =>
      stack.client.workflow.execute('ecommerceDaily', { taskQueue, workflowId: taskQueue, args: [{ date: DATE }] }) as Promise<EcommerceDailyResult>;
    const [embedded, onServices] = [await run('embedded'), await run('services')];

    expect(onServices.warehouse).toMatch(/^postgres:\/\//);
    expect(onServices.quarantine.uri).toMatch(/^s3:\/\/lake\/millrace\/quarantine\//);
    const facts = ({ published, returns, revenue, quarantined, revenueByCategory, revenueByCountry }: EcommerceDailyResult) => ({ published, returns, revenue, quarantined, revenueByCategory, revenueByCountry });
    expect(facts(onServices)).toEqual(facts(embedded));
    expect(await publishedContent(adapters)).toBe(await publishedContent(stack.adapters()));
    expect((await adapters.warehouse().describe(ORDERS.name))?.length).toBe(ORDERS.columns.length);

    await run('services');
    expect(await publishedContent(adapters)).toBe(await publishedContent(stack.adapters()));
  }, 120_000);
});
