import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { simpleParser } from 'mailparser';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Product } from '../../src/demo/demo-day.js';
import { startDynalite } from '../../src/demo/dynalite-server.js';
import { startMailSink, type ReceivedMail } from '../../src/demo/mail-sink.js';
import { createProductCatalog, type ProductCatalog } from '../../src/demo/product-catalog.js';

const product = (code: string, price: string | null = '12.50'): Product => ({ stock_code: code, name: `Name of ${code}, 🎁`, category: 'toys', list_price: price });

describe('the product catalog of the demonstration', () => {
  const access = { region: 'local-1', credentials: { accessKeyId: 'key', secretAccessKey: 'not for messages' } };
  let server: Awaited<ReturnType<typeof startDynalite>>;
  let client: DynamoDBClient;
  let catalog: ProductCatalog;
  beforeAll(async () => {
    server = await startDynalite();
    client = new DynamoDBClient({ endpoint: server.endpoint, ...access });
    catalog = createProductCatalog({ table: 'products', endpoint: server.endpoint, ...access });
  });
  afterAll(async () => {
    catalog.close();
    client.destroy();
    await server.stop();
  });

  const count = async (): Promise<number | undefined> => (await client.send(new ScanCommand({ TableName: 'products', Select: 'COUNT' }))).Count;
  const item = async (code: string): Promise<unknown> => (await client.send(new GetItemCommand({ TableName: 'products', Key: { stock_code: { S: code } } }))).Item;

  it('holds every product as an item, with its price as an exact number', async () => {
    await catalog.put([...Array.from({ length: 60 }, (_, index) => product(`P${index}`)), product('EXACT', '0.10000000000000000001'), product('FREE', null)]);
    expect(await count()).toBe(62);
    expect(await item('EXACT')).toEqual({
      stock_code: { S: 'EXACT' }, name: { S: 'Name of EXACT, 🎁' }, category: { S: 'toys' }, list_price: { N: '0.10000000000000000001' },
    });
    expect(await item('FREE')).not.toHaveProperty('list_price');
  });

  it('can be filled again, and takes an existing table as it is', async () => {
    await catalog.put([product('P0', '99')]);
    expect(await item('P0')).toMatchObject({ list_price: { N: '99' } });
    await catalog.put([]);
    expect(await count()).toBe(62);
  });

  it('sends again what the server left unprocessed, and gives up with an error when it stays so', async () => {
    // dynalite never throttles: in front of it, a server that leaves batches unprocessed and passes everything else on.
    let refusals = 3;
    const throttling = createServer((request, response) => {
      void (async () => {
        const body = await buffer(request);
        const isBatch = String(request.headers['x-amz-target']).endsWith('.BatchWriteItem');
        if (isBatch && refusals > 0) {
          refusals -= 1;
          const { RequestItems: items } = JSON.parse(body.toString()) as { RequestItems: unknown };
          response.setHeader('content-type', 'application/x-amz-json-1.0').end(JSON.stringify({ UnprocessedItems: items }));
          return;
        }
        const { host: _, 'content-length': __, connection: ___, ...headers } = request.headers as Record<string, string>;
        const answer = await fetch(server.endpoint, { method: 'POST', headers, body });
        response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(await answer.text());
      })();
    });
    await new Promise<void>((resolve) => throttling.listen(0, '127.0.0.1', resolve));
    const { port } = throttling.address() as AddressInfo;
    const hesitant = createProductCatalog({ table: 'products', endpoint: `http://127.0.0.1:${port}`, ...access });
    try {
      await hesitant.put([product('A'), product('B')]);
      expect([refusals, await count()]).toEqual([0, 64]);
      refusals = Infinity;
      await expect(hesitant.put([product('C')])).rejects.toThrowError(expect.objectContaining({ code: 'SOURCE_RATE_LIMITED' }));
    } finally {
      hesitant.close();
      throttling.closeAllConnections();
      await new Promise((resolve) => throttling.close(resolve));
    }
  });

  it('that is not there is named, without the secret', async () => {
    const nowhere = createProductCatalog({ table: 'products', endpoint: 'http://127.0.0.1:1', ...access });
    const failure: unknown = await nowhere.put([product('A')]).catch((error: unknown) => error);
    nowhere.close();
    expect(failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining('dynamodb://local-1/products') as string });
    expect(String(failure)).not.toContain(access.credentials.secretAccessKey);
  });
});

describe('the mail sink of the demonstration', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-mails-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('keeps every mail as it was sent, and numbers on after a restart', async () => {
    for (const number of [1, 2]) {
      const mails: ReceivedMail[] = [];
      const sink = await startMailSink({ directory: folder, onMail: (mail) => mails.push(mail) });
      const transport = createTransport({ host: sink.host, port: sink.port });
      try {
        await transport.sendMail({ from: 'millrace@localhost', to: ['team@localhost', 'lead@localhost'], subject: `Lauf fehlgeschlagen № ${number}`, text: '.\nline', html: '<p>é</p>' });
      } finally {
        transport.close();
        await sink.stop();
      }
      expect(mails).toMatchObject([{ from: 'millrace@localhost', to: ['team@localhost', 'lead@localhost'], file: join(folder, `00000${number}.eml`) }]);
      const parsed = await simpleParser(await readFile(join(folder, `00000${number}.eml`)));
      expect(parsed).toMatchObject({ subject: `Lauf fehlgeschlagen № ${number}`, text: '.\nline', html: '<p>é</p>' });
    }
    expect((await readdir(folder)).sort()).toEqual(['000001.eml', '000002.eml']);
  });
});
