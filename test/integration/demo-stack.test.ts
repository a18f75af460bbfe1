import { readdir, mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultDate } from '../../src/demo/default-date.js';
import type { DemoDays } from '../../src/demo/demo-day.js';
import { loadConnections } from '../../src/connections/connections.js';
import { ensureDemoDay } from '../../src/demo/demo-client.js';
import { startDemoSources, type DemoSources } from '../../src/demo/demo-stack.js';
import { encodeClickFile } from '../../src/demo/generate-clicks.js';
import { generateDay, generatedDays } from '../../src/demo/generate-day.js';
import { retailFileDays } from '../../src/demo/retail-files.js';
import { withDatabaseFile } from '../../src/duckdb/duckdb.js';
import { createDynamoDbSource } from '../../src/sources/dynamodb.js';
import { createRestSource } from '../../src/sources/rest.js';

const DATE = '2026-01-31';

/** What the sources say through their own protocols, with nothing but the connections. */
function visitor({ connections }: DemoSources, home: string) {
  const limits = { memoryLimit: '256MB', threads: 1, scratchDir: join(home, 'visitor') };
  return {
    salesLines: () =>
      withDatabaseFile(fileURLToPath(connections.SALES.replace('duckdb:', 'file:')), { ...limits, readOnly: true }, async (connection) => {
        const reader = await connection.runAndReadAll('SELECT CAST(business_date AS VARCHAR), count(*) FROM sales_lines GROUP BY 1 ORDER BY 1');
        return Object.fromEntries(reader.getRows() as [string, bigint][]);
      }),
    customers: async () => {
      const { origin, pathname, password } = new URL(connections.CUSTOMERS);
      const found: { customer_id: string; country: string }[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const response = await fetch(`${origin}${pathname}/customers?limit=500&cursor=${cursor}`, { headers: { Authorization: `Bearer ${password}` } });
        const page = (await response.json()) as { customers: typeof found; next: string | null };
        found.push(...page.customers);
        cursor = page.next;
      }
      return found;
    },
    products: async () => {
      const uri = new URL(connections.CATALOG);
      const client = new DynamoDBClient({
        endpoint: `http://${uri.host}`,
        region: uri.searchParams.get('region') ?? '',
        credentials: { accessKeyId: uri.username, secretAccessKey: uri.password },
      });
      const { Items: items = [] } = await client.send(new ScanCommand({ TableName: uri.pathname.slice(1) }));
      client.destroy();
      return items;
    },
    clicks: async (date: string) => {
      const folder = join(fileURLToPath(connections.CLICKS), 'clicks', date);
      const names = (await readdir(folder)).sort();
      return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })));
    },
  };
}

describe('the day that is meant when nobody names one', () => {
  it('is yesterday for generated data, in UTC', async () => {
    expect(await defaultDate(generatedDays(), new Date('2024-03-01T00:30:00+02:00'))).toBe('2024-02-28');
  });

  it('is the first day of the files', async () => {
    const days: DemoDays = { ...generatedDays(), dates: async () => ['2010-12-01', '2010-12-02'] };
    expect(await defaultDate(days, new Date())).toBe('2010-12-01');
  });
});

describe('the source systems of the demonstration', () => {
  let home: string;
  let sources: DemoSources;
  const log: string[] = [];
  const api = { rate: { burst: 100, perSecond: 100 }, unavailableEvery: 0 };

  beforeAll(async () => {
    // A name that a URI has to encode.
    home = join(await mkdtemp(join(tmpdir(), 'millrace-demo-')), 'the home of 100 %');
    sources = await startDemoSources({ home, days: generatedDays(), preload: [DATE], log: (line) => log.push(line), api });
  });
  afterAll(async () => {
    await sources?.stop();
    await rm(join(home, '..'), { recursive: true, force: true });
  });

  it('hold the day that was asked for, each behind its own protocol', async () => {
    const day = generateDay(DATE);
    const visit = visitor(sources, home);
    expect(await visit.salesLines()).toEqual({ [DATE]: BigInt(day.lines.length) });
    expect((await visit.customers()).length).toBe(day.customers.length);
    expect((await visit.products()).length).toBe(day.products.length);
    expect(await visit.clicks(DATE)).toEqual(day.clicks.map((file) => ({ name: file.name, bytes: encodeClickFile(file) })));
    expect(gunzipSync((await visit.clicks(DATE))[0]?.bytes ?? '').toString().split('\n')[0]).toMatch(/"type":"session_start"/);
  });

  it('load another day when a second process asks for it, once, however many ask', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => ensureDemoDay(sources.connections.CUSTOMERS, '2026-02-01')));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(Object.keys(await visitor(sources, home).salesLines())).toEqual([DATE, '2026-02-01']);
    expect(log.filter((line) => line.startsWith('2026-02-01'))).toHaveLength(1);
  });

  it('go on after a day that cannot be loaded', async () => {
    await expect(ensureDemoDay(sources.connections.CUSTOMERS, '1960-01-01')).rejects.toThrowError(expect.objectContaining({ code: 'BAD_PARAMS' }));
    expect(await ensureDemoDay(sources.connections.CUSTOMERS, DATE)).toMatchObject({ date: DATE });
  });

  it('can be read by the adapters of the pipeline, through the connections that they hand out', async () => {
    const env = Object.fromEntries(Object.entries(sources.connections).map(([name, uri]) => [`MILLRACE_CONN_${name}`, uri]));
    const connections = loadConnections({ env, root: home });
    expect(connections.problems).toEqual([]);
    const { signal } = new AbortController();
    const { baseUrl, auth } = connections.get('CUSTOMERS', 'rest-source');
    const rest = createRestSource({ baseUrl, name: 'customers', ...(auth.kind === 'bearer' ? { token: auth.token } : {}) });
    const ids = new Set<unknown>();
    for await (const page of rest.pages({ path: 'customers', pageSize: 200, items: 'customers', cursor: 'next' }, { signal })) {
      for (const { customer_id: id } of page) ids.add(id);
    }
    const catalog = createDynamoDbSource(connections.get('CATALOG', 'item-source'));
    const codes = new Set<unknown>();
    for await (const page of catalog.scan({ segments: 2 }, { signal })) for (const item of page) codes.add(item['stock_code']);
    await catalog.close();
    const day = generateDay(DATE);
    expect([ids.size, codes.size]).toEqual([day.customers.length, day.products.length]);
    expect(connections.get('SALES', 'sql-source')).toEqual({ scheme: 'duckdb', path: join(home, 'sales.duckdb'), timezone: 'UTC' });
    expect(connections.get('CLICKS', 'object-store')).toEqual({ scheme: 'file', root: join(home, 'clickstream') });
    expect(connections.get('MAIL', 'mail')).toMatchObject({ from: 'millrace@localhost', to: ['team@localhost'] });
  });

  it('take mail', async () => {
    const { hostname, port, searchParams } = new URL(sources.connections.MAIL);
    const transport = createTransport({ host: hostname, port: Number(port) });
    await transport.sendMail({ from: searchParams.get('from') ?? '', to: searchParams.get('to') ?? '', subject: 'x', text: 'y' });
    transport.close();
    expect(await readdir(join(home, 'mails'))).toEqual(['000001.eml']);
  });

  it('keep their secrets out of the log', () => {
    expect(log.length).toBeGreaterThan(0);
    for (const uri of [sources.connections.CUSTOMERS, sources.connections.CATALOG]) expect(log.join('\n')).not.toContain(new URL(uri).password);
  });

  it('hold the same after a restart', async () => {
    const before = await visitor(sources, home).clicks(DATE);
    await sources.stop();
    sources = await startDemoSources({ home, days: generatedDays(), preload: [DATE], log: () => undefined, api });
    const visit = visitor(sources, home);
    expect(await visit.salesLines()).toMatchObject({ [DATE]: BigInt(generateDay(DATE).lines.length) });
    expect((await visit.products()).length).toBe(480);
    expect(await visit.clicks(DATE)).toEqual(before);
  });
});

describe('the source systems of the demonstration, filled from files', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-demo-files-'));
    await mkdir(join(home, 'data'));
    const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
    await writeFile(join(home, 'data', '2010-12-01.csv'), `${header}\n1,A,RED MUG,1,2010-12-01 08:26:00,2.55,17850.0,Norway\n`);
    await writeFile(join(home, 'data', '2010-12-02.csv'), `${header}\n2,A,BLUE BAG,1,2010-12-02 08:26:00,2.55,17850.0,Japan\n3,B,BELL,1,2010-12-02 08:26:00,1,12346,Japan\n`);
    await writeFile(join(home, 'data', '2010-12-03.csv'), '');
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it('know the union of the days, and say the same of a customer and a product whichever day comes later', async () => {
    const sources = await startDemoSources({ home, days: retailFileDays(join(home, 'data')), preload: ['2010-12-01'], log: () => undefined });
    try {
      await sources.loadDay('2010-12-02');
      const visit = visitor(sources, home);
      expect((await visit.customers()).map((one) => [one.customer_id, one.country])).toEqual([['12346', 'Japan'], ['17850', 'Norway']]);
      expect((await visit.products()).map((item) => item['name']?.S ?? '').sort()).toEqual(['BELL', 'RED MUG']);
      expect(await visit.salesLines()).toEqual({ '2010-12-01': 1n, '2010-12-02': 2n });
      await expect(ensureDemoDay(sources.connections.CUSTOMERS, '2010-12-04')).rejects.toThrowError(/no file for 2010-12-04; the nearest days are 2010-12-03/);
      await expect(ensureDemoDay(sources.connections.CUSTOMERS, '2010-12-03')).rejects.toThrowError(expect.objectContaining({ code: 'SOURCE_EMPTY' }));
    } finally {
      await sources.stop();
    }
  });

  it('do not stay half-started when the first day cannot be loaded', async () => {
    const listening = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'TCPServerWrap').length;
    // Those of the tests before.
    await expect.poll(listening).toBe(0);
    const files = retailFileDays(join(home, 'data'));
    let during = 0;
    const days: DemoDays = {
      ...files,
      day: (date) => {
        during = listening();
        return files.day(date);
      },
    };
    await expect(startDemoSources({ home, days, preload: ['2010-12-03'], log: () => undefined })).rejects.toThrowError(/2010-12-03\.csv is empty/);
    expect(during).toBe(3);
    await expect.poll(listening).toBe(0);
  });
});
