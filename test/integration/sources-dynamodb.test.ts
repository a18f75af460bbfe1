import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createDynamoDbSource, type DynamoDbSourceOptions } from '../../src/sources/dynamodb.js';
import type { ItemSource, TextItem } from '../../src/sources/item-source.js';
import { sendAmzError, sendAmzJson, startDynamoDb, type DynamoDbServer } from '../servers/dynamodb.js';

const never = new AbortController().signal;
const PRODUCTS = 40;
/** 60 kB: a page of DynamoDB ends at 1 MB, so that the table has several. */
const PADDING = 'p'.repeat(60_000);

let server: DynamoDbServer;
const open: ItemSource[] = [];
function sourceOf(table: string, options: Partial<DynamoDbSourceOptions> = {}): ItemSource {
  const source = createDynamoDbSource({ ...server, table, maxAttempts: 2, ...options });
  open.push(source);
  return source;
}

async function itemsOf(source: ItemSource, segments = 1, signal: AbortSignal = never): Promise<TextItem[]> {
  const items: TextItem[] = [];
  for await (const page of source.scan({ segments }, { signal })) items.push(...page);
  return items;
}
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then((value) => ({ none: value }), (error: unknown) => error);
const idsOf = (items: readonly TextItem[]): Set<string | null | undefined> => new Set(items.map((item) => item['id']));
const scans = (): number => server.calls.filter((call) => String(call.headers['x-amz-target']).endsWith('.Scan')).length;

beforeAll(async () => {
  server = await startDynamoDb();
  const bytes = new TextEncoder().encode('ÿ');
  const oddities: Record<string, AttributeValue> = {
    id: { S: 'odd' },
    price: { N: '12345678901234567890.123456789012345678' },
    zero: { N: '0' },
    tiny: { N: '1E-120' },
    empty: { S: '' },
    nothing: { NULL: true },
    sold: { BOOL: false },
    raw: { B: bytes },
    tags: { SS: ['b"q'] },
    sizes: { NS: ['12345678901234567890'] },
    nested: { M: { amount: { N: '12345678901234567890' }, list: { L: [{ S: 'x' }, { NULL: true }, { BOOL: true }, { B: bytes }] } } },
  };
  await server.createTable('oddities', [oddities]);
  await server.createTable('nothing', []);
  await server.createTable('products', Array.from({ length: PRODUCTS }, (_, index) => ({ id: { S: `P${index}` }, text: { S: PADDING } })));
});
afterEach(async () => {
  server.intercept(() => false);
  server.calls.length = 0;
  for (const source of open.splice(0)) await source.close();
});
afterAll(() => server?.stop());

describe('the DynamoDB source', () => {
  test('gives every attribute as text, numbers with all their digits', async () => {
    const [item] = await itemsOf(sourceOf('oddities'));
    expect(item).toEqual({
      id: 'odd',
      price: '12345678901234567890.123456789012345678',
      zero: '0',
      tiny: expect.stringMatching(/^(1E-120|0\.0{119}1)$/) as string,
      empty: '',
      nothing: null,
      sold: 'false',
      raw: 'w78=',
      tags: '["b\\"q"]',
      sizes: '[12345678901234567890]',
      nested: '{"amount":12345678901234567890,"list":["x",null,true,"w78="]}',
    });
  });

  test.each([1, 2, 7])('gives every item once with %i segments, over all pages', async (segments) => {
    const items = await itemsOf(sourceOf('products'), segments);
    expect(idsOf(items)).toEqual(new Set(Array.from({ length: PRODUCTS }, (_, index) => `P${index}`)));
    expect(items).toHaveLength(PRODUCTS);
    expect(scans()).toBeGreaterThan(Math.max(2, segments - 1));
  });

  test('gives nothing for an empty table', async () => {
    expect(await itemsOf(sourceOf('nothing'), 3)).toEqual([]);
  });

  test('goes on after an empty page that has a LastEvaluatedKey', async () => {
    let pages = 0;
    server.intercept((call, response) => {
      if (call.operation !== 'Scan' || pages === 2) return false;
      pages += 1;
      sendAmzJson(response, 200, JSON.stringify({ Items: [], Count: 0, ScannedCount: 10, LastEvaluatedKey: { id: { S: 'P0' } } }));
      return true;
    });
    const items = await itemsOf(sourceOf('products'));
    expect(pages).toBe(2);
    expect(items.length).toBeGreaterThan(0);
    expect(server.calls[2]?.body).toContain('"ExclusiveStartKey":{"id":{"S":"P0"}}');
  });

  test('holds back its segments while the reader pauses', async () => {
    const pages = sourceOf('products').scan({ segments: 2 }, { signal: never })[Symbol.asyncIterator]();
    await pages.next();
    await pages.next();
    // Two given to the reader, at most one waiting per segment.
    expect(scans()).toBeLessThanOrEqual(4);
    await pages.return?.();
  });

  test.each(['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded'])('waits and goes on after %s', async (type) => {
    let refusals = 0;
    server.intercept((call, response) => {
      if (call.operation !== 'Scan' || refusals === 3) return false;
      refusals += 1;
      sendAmzError(response, 400, type);
      return true;
    });
    expect(await itemsOf(sourceOf('oddities', { maxAttempts: 4 }))).toHaveLength(1);
    expect([refusals, scans()]).toEqual([3, 4]);
    // The pauses are random; three of them that add up to less happen once in fifty thousand times.
    expect((server.calls[3]?.at ?? 0) - (server.calls[0]?.at ?? 0)).toBeGreaterThan(50);
  });

  test('is SOURCE_RATE_LIMITED when throttling does not end', async () => {
    server.intercept((_, response) => {
      sendAmzError(response, 400, 'ProvisionedThroughputExceededException');
      return true;
    });
    expect(await failureOf(itemsOf(sourceOf('products'), 2))).toMatchObject({
      code: 'SOURCE_RATE_LIMITED',
      retryable: true,
      message: expect.stringContaining('dynamodb://eu-central-1/products') as string,
    });
  });

  test('names a table that is not there', async () => {
    const failure = await failureOf(itemsOf(sourceOf('absent'), 2));
    expect(failure).toMatchObject({ code: 'SOURCE_MISSING', message: expect.stringContaining('dynamodb://eu-central-1/absent') as string });
  });

  test.each([
    ['UnrecognizedClientException', 400, 'SOURCE_FORBIDDEN', 1],
    ['AccessDeniedException', 400, 'SOURCE_FORBIDDEN', 1],
    ['ExpiredTokenException', 400, 'SOURCE_FORBIDDEN', 1],
    ['ValidationException', 400, 'SOURCE_REJECTED', 1],
    ['InternalServerError', 500, 'SOURCE_UNAVAILABLE', 2],
  ])('translates %s (%i) to %s, after %i calls, without a secret', async (type, status, code, calls) => {
    server.intercept((_, response) => {
      sendAmzError(response, status, type, `no: ${server.credentials.secretAccessKey}`);
      return true;
    });
    const failure = await failureOf(itemsOf(sourceOf('products')));
    expect(failure).toMatchObject({ code });
    expect(String(failure)).not.toContain(server.credentials.secretAccessKey);
    expect(server.calls).toHaveLength(calls);
  });

  test('is SOURCE_FORBIDDEN when no credentials can be found', async () => {
    const saved = { ...process.env };
    // Nowhere to look: no profile, no instance metadata.
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: 'true', AWS_SHARED_CREDENTIALS_FILE: '/nonexistent', AWS_CONFIG_FILE: '/nonexistent' });
    try {
      const source = createDynamoDbSource({ table: 'products', region: server.region, endpoint: server.endpoint });
      open.push(source);
      expect(await failureOf(itemsOf(source))).toMatchObject({ code: 'SOURCE_FORBIDDEN' });
    } finally {
      process.env = saved;
    }
  });

  test('is SOURCE_MALFORMED when something else than DynamoDB answers', async () => {
    server.intercept((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>');
      return true;
    });
    expect(await failureOf(itemsOf(sourceOf('products')))).toMatchObject({ code: 'SOURCE_MALFORMED' });
  });

  test('is SOURCE_UNAVAILABLE when it is too slow, breaks off or is down', async () => {
    server.intercept(() => true);
    expect(await failureOf(itemsOf(sourceOf('products', { timeoutMs: 100 })))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    server.intercept((_, response) => {
      response.writeHead(200, { 'content-length': '500' }).write('{"Items":', () => response.destroy());
      return true;
    });
    expect(await failureOf(itemsOf(sourceOf('products')))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    expect(await failureOf(itemsOf(sourceOf('products', { endpoint: `http://127.0.0.1:${port}` })))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  test('ends the calls of all segments when the signal aborts', async () => {
    const control = new AbortController();
    let hanging = 0;
    const closed = new Promise<void>((resolve) => {
      server.intercept((_, response) => {
        hanging += 1;
        response.once('close', () => {
          hanging -= 1;
          if (hanging === 0) resolve();
        });
        if (hanging === 2) control.abort(new Error('cancelled by the test'));
        return true;
      });
    });
    expect(await failureOf(itemsOf(sourceOf('products'), 2, control.signal))).toEqual(new Error('cancelled by the test'));
    await closed;
  });

  test('says in one sentence that the table is there', async () => {
    expect(await sourceOf('products').check()).toContain('dynamodb://eu-central-1/products is ACTIVE');
    expect(await failureOf(sourceOf('absent').check())).toMatchObject({ code: 'SOURCE_MISSING' });
  });
});
