import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDynalite } from '../../src/demo/dynalite-server.js';
import { generateDay } from '../../src/demo/generate-day.js';
import { locateMariaDb, startMariaDb, type MariaDb } from '../servers/mariadb.js';
import { describeWithServer } from '../support/with-server.js';

const DATE = '2026-01-31';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describeWithServer('the script that fills given source systems', locateMariaDb, () => {
  let folder: string;
  let mariaDb: MariaDb;
  let dynalite: Awaited<ReturnType<typeof startDynalite>>;
  let env: Record<string, string>;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-demo-script-'));
    [mariaDb, dynalite, port] = await Promise.all([startMariaDb(), startDynalite(), freePort()]);
    const admin = await mariaDb.connectAdmin();
    await admin.query("CREATE USER 'filler'@'127.0.0.1' IDENTIFIED BY 's3cret'");
    await admin.query(`GRANT ALL ON ${mariaDb.database}.* TO 'filler'@'127.0.0.1'`);
    await admin.end();
    env = {
      PATH: process.env['PATH'] ?? '',
      MILLRACE_CONN_SALES: `mysql://filler:s3cret@127.0.0.1:${mariaDb.port}/${mariaDb.database}`,
      MILLRACE_CONN_CATALOG: `dynamodb://key:s3cret@127.0.0.1:${dynalite.port}/goods?region=local-1&tls=false`,
      MILLRACE_CONN_CLICKS: pathToFileURL(folder).href,
      MILLRACE_CONN_CUSTOMERS: `http://:s3cret@127.0.0.1:${port}/v1`,
      MILLRACE_HOME: join(folder, 'home'),
    };
  });
  afterAll(async () => {
    await Promise.all([mariaDb?.stop(), dynalite?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const run = (args: readonly string[], environment = env) =>
    spawn(process.execPath, ['--import', 'tsx', 'scripts/demo-sources.ts', ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });

  it('fills MySQL, DynamoDB and the object store, serves the customers until it is told to stop, and ends with 0', async () => {
    const child = run(['--date', DATE]);
    const ended = once(child, 'exit');
    const problems = text(child.stderr);
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.startsWith('customer API on')) break;
    }
    const day = generateDay(DATE);
    try {
      expect(lines.join('\n'), 'the script ended before it served').toContain(`customer API on 127.0.0.1:${port}`);
      const admin = await mariaDb.connectAdmin();
      const [rows] = await admin.query('SELECT COUNT(*) AS lines_of_day FROM sales_lines WHERE business_date = ?', [DATE]);
      await admin.end();
      expect(rows).toEqual([{ lines_of_day: day.lines.length }]);
      const client = new DynamoDBClient({ endpoint: dynalite.endpoint, region: 'local-1', credentials: { accessKeyId: 'key', secretAccessKey: 's3cret' } });
      const { Count: products } = await client.send(new ScanCommand({ TableName: 'goods', Select: 'COUNT' }));
      client.destroy();
      expect(products).toBe(day.products.length);
      expect(await readdir(join(folder, 'clicks', DATE))).toEqual(day.clicks.map((file) => file.name));
      const response = await fetch(`http://127.0.0.1:${port}/v1/customers`, { headers: { Authorization: 'Bearer s3cret' } });
      expect(response.status).toBe(200);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    expect(`${lines.join('\n')}${(await problems).replaceAll(/\(node:.*/g, '')}`).not.toContain('s3cret');
  });

  it.each([
    ['a connection is missing', { MILLRACE_CONN_SALES: '' }, /^CONNECTION_MISSING: MILLRACE_CONN_SALES/m],
    ['the API has no address of its own', { MILLRACE_CONN_CUSTOMERS: 'https://api.example.com/v1' }, /^CONNECTION_MALFORMED: MILLRACE_CONN_CUSTOMERS/m],
    ['the database is not there', { MILLRACE_CONN_SALES: 'mysql://filler:s3cret@127.0.0.1:1/shop' }, /^SOURCE_UNAVAILABLE: mysql:\/\/127\.0\.0\.1:1\/shop/m],
  ])('says so in one line, without secrets, and ends with 1 when %s', async (_, settings, message) => {
    const child = run(['--date', DATE], { ...env, ...settings });
    const [problems, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(problems).toMatch(message);
    expect(problems).not.toMatch(/s3cret|\n {4}at /);
    expect(code).toBe(1);
  });
});
