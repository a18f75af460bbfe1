import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConnections, type ConnectionRow } from '../../src/connections/check.js';
import { loadConnections, type Connections } from '../../src/connections/connections.js';
import { MillraceError } from '../../src/errors.js';
import { createAdapters, type Adapters } from '../../workers/adapters.js';
import { startSmtpServer } from '../servers/smtp.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-check-'));
});
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(root, { recursive: true });
});

function setUp(env: Record<string, string>): { connections: Connections; adapters: Adapters } {
  const connections = loadConnections({ env: Object.fromEntries(Object.entries(env).map(([name, uri]) => [`MILLRACE_CONN_${name}`, uri])), root });
  const adapters = createAdapters(connections, { memoryLimit: '128MB', threads: 1, scratchDir: join(root, 'scratch') });
  stops.push(() => adapters.close());
  return { connections, adapters };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const rowOf = (rows: readonly ConnectionRow[], name: string): ConnectionRow => rows.find(({ setting }) => setting === `MILLRACE_CONN_${name}`)!;

describe('the adapters of a worker', () => {
  it('are built when they are asked for, and once', () => {
    const { adapters } = setUp({ LAKE: 'file:lake', WAREHOUSE: 'duckdb:w.duckdb', SALES: 'duckdb:s.duckdb?timezone=Europe/London', MAIL: 'smtp://m?from=a@b&to=c@d' });
    expect(adapters.lake()).toBe(adapters.lake());
    expect(adapters.warehouse().description).toBe(`duckdb://${join(root, 'w.duckdb')}`);
    expect(adapters.sales().timezone).toBe('Europe/London');
    expect(adapters.alertSinks.mail().description).toBe('smtp://m:587');
  });

  it('are built for the servers of every other scheme too', () => {
    const { adapters } = setUp({
      LAKE: 's3://K:secret@lake/raw?endpoint=http://127.0.0.1:1',
      CLICKS: 's3://clicks?region=eu-west-1',
      WAREHOUSE: 'postgres://u:p@h/dw?schema=shop&sslmode=no-verify',
      SALES: 'mysql://u:p@h/shop?timezone=Europe/London&ssl=true',
      CUSTOMERS: 'https://us%2Fer:p%25w@api.example.com/v1',
      CATALOG: 'dynamodb:///products?region=eu-west-1',
    });
    expect(adapters.lake().uri('a/b')).toBe('s3://lake/raw/a/b');
    expect(adapters.clicks().uri('a')).toBe('s3://clicks/a');
    expect(adapters.warehouse().description).toBe('postgres://h:5432/dw');
    expect(adapters.sales()).toMatchObject({ description: 'mysql://h:3306/shop', timezone: 'Europe/London' });
    expect(adapters.customers().description).toBe('https://api.example.com/v1');
    expect(adapters.catalog().description).toBe('dynamodb://eu-west-1/products');
  });

  it.each([
    ['us%2Fer:p%25w%2B', `Basic ${Buffer.from('us/er:p%w+').toString('base64')}`],
    [':to%2Fken', 'Bearer to/ken'],
  ])('send the credentials of a REST API as they are meant: %s', async (userinfo, header) => {
    const seen: (string | undefined)[] = [];
    const server = createHttpServer(({ headers }, response) => {
      seen.push(headers.authorization);
      response.setHeader('content-type', 'application/json').end('{"items":[],"next":null}');
    });
    const port = await listen(server);
    stops.push(() => new Promise((resolve) => server.close(resolve)));
    const { adapters } = setUp({ CUSTOMERS: `http://${userinfo}@127.0.0.1:${port}/v1` });
    const pages = adapters.customers().pages({ path: 'customers', pageSize: 1, items: 'items', cursor: 'next' }, { signal: new AbortController().signal });
    for await (const page of pages) expect(page).toEqual([]);
    expect(seen).toEqual([header]);
  });

  it('fail only the step that asks for a connection that is missing or malformed', () => {
    const { adapters } = setUp({ LAKE: 'file:lake', WAREHOUSE: 'oracle://u:hunter2@h' });
    expect(() => adapters.sales()).toThrow(expect.objectContaining({ code: 'CONNECTION_MISSING', retryable: false }) as Error);
    expect(() => adapters.warehouse()).toThrow(expect.objectContaining({ code: 'CONNECTION_MALFORMED', retryable: false }) as Error);
    expect(adapters.lake().uri('a')).toMatch(/^file:.*\/lake\/a$/);
  });
});

describe('checking connections', () => {
  it('tries each with its own adapter and says what to do about those that fail', async () => {
    const mail = await startSmtpServer();
    stops.push(() => mail.stop());
    const port = await closedPort();
    const { connections, adapters } = setUp({
      LAKE: 'file:lake',
      WAREHOUSE: 'duckdb:w.duckdb',
      SALES: `mysql://etl:hunter22@127.0.0.1:${port}/shop`,
      CATALOG: 'dynamodb://key:hunter22@h/t?region=x',
      TRANSFORM: 'process://transform',
      MAIL: `smtp://127.0.0.1:${mail.port}?from=a@localhost&to=b@localhost`,
      ARCHIVE: 'file:archive',
      BROKEN: 'mqtt://u:hunter22@h',
    });
    const rows = await checkConnections(connections, adapters.byName);

    expect(rows.map(({ setting, ok }) => [setting.slice('MILLRACE_CONN_'.length), ok])).toEqual([
      ['ARCHIVE', true],
      ['BROKEN', false],
      ['CATALOG', false],
      ['CLICKS', false],
      ['CUSTOMERS', false],
      ['INCOMING', false],
      ['LAKE', true],
      ['MAIL', true],
      ['SALES', false],
      ['TRANSFORM', true],
      ['WAREHOUSE', true],
    ]);
    expect(rowOf(rows, 'SALES')).toMatchObject({
      role: 'sql-source',
      source: 'environment',
      description: `mysql://127.0.0.1:${port}/shop`,
      remedy: 'start MySQL, or correct the host and port in MILLRACE_CONN_SALES',
    });
    expect(rowOf(rows, 'CLICKS')).toMatchObject({ message: expect.stringContaining('is not set') as string, remedy: expect.stringContaining('npm start') as string });
    expect(rowOf(rows, 'CATALOG').remedy).toBe('correct MILLRACE_CONN_CATALOG');
    expect(rowOf(rows, 'BROKEN').message).toContain('has no known scheme');
    expect(rowOf(rows, 'ARCHIVE').message).toContain('no pipeline');
    expect(rowOf(rows, 'MAIL')).toMatchObject({ description: `smtp://127.0.0.1:${mail.port} to b@localhost` });
    for (const row of rows) expect('remedy' in row).toBe(!row.ok);
    expect(JSON.stringify(rows)).not.toContain('hunter22');
  });

  it('waits for no server longer than it was given', async () => {
    const { connections } = setUp({ SALES: 'mysql://etl:hunter22@h/shop' });
    const rows = await checkConnections(connections, { SALES: () => ({ check: () => new Promise<string>(() => {}) }) }, { timeoutMs: 20 });
    expect(rowOf(rows, 'SALES')).toMatchObject({ ok: false, message: 'no answer within 0.02 s', remedy: 'start MySQL, or correct the host and port in MILLRACE_CONN_SALES' });
  });

  it('points to the embedded stack where the connection came from it', async () => {
    const env = { MILLRACE_HOME: root };
    writeFileSync(join(root, 'connections.env'), 'MILLRACE_CONN_SALES=mysql://u:p@h/shop');
    const connections = loadConnections({ env, root });
    const down = { check: () => Promise.reject(new MillraceError('SOURCE_UNAVAILABLE', 'down')) };
    const rows = await checkConnections(connections, { SALES: () => down });
    expect(rowOf(rows, 'SALES')).toMatchObject({ source: 'stack', remedy: 'start the embedded stack (npm start)' });
  });

  it('takes secrets out of whatever a driver says', async () => {
    const { connections } = setUp({ SALES: 'mysql://etl:hunter%4022@h/shop' });
    const talkative = { check: () => Promise.reject(new Error('cannot log in with hunter@22')) };
    const rows = await checkConnections(connections, { SALES: () => talkative });
    expect(rowOf(rows, 'SALES').message).toBe('cannot log in with ***');
  });
});
