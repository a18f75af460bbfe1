import { afterEach, describe, expect, it } from 'vitest';
import { startCustomerApi, type CustomerApi, type CustomerApiOptions } from '../../src/demo/customer-api.js';
import { ensureDemoDay, setDemoApiMode } from '../../src/demo/demo-client.js';
import type { Customer } from '../../src/demo/demo-day.js';
import { MillraceError } from '../../src/errors.js';

const TOKEN = 'token of a throw-away server';
const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };

interface Page {
  customers: Customer[];
  next: string | null;
}

function customer(id: number): Customer {
  return { customer_id: String(id), name: `Customer ${id}`, country: 'Norway', segment: 'consumer' };
}

let api: CustomerApi;
afterEach(() => api.stop());

async function start(options: Partial<CustomerApiOptions> = {}): Promise<void> {
  api = await startCustomerApi({ token: TOKEN, rate: { burst: 1_000, perSecond: 1_000 }, unavailableEvery: 0, ...options });
  api.setCustomers(Array.from({ length: 25 }, (_, index) => customer(10_000 + ((index * 7) % 25))));
}

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`http://127.0.0.1:${api.port}${path}`, { headers: AUTHORIZED, ...init });
const uri = (token = TOKEN): string => `http://:${encodeURIComponent(token)}@127.0.0.1:${api.port}/v1`;

async function page(query: string): Promise<Page> {
  const response = await get(`/v1/customers?${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Page;
}

describe('the customer API of the demonstration', () => {
  it('pages through all customers by id, each once', async () => {
    await start();
    const ids: string[] = [];
    let cursor: string | null = '';
    do {
      const { customers, next }: Page = await page(`limit=10&cursor=${cursor}`);
      ids.push(...customers.map((one) => one.customer_id));
      cursor = next;
    } while (cursor !== null);
    expect(ids).toEqual(Array.from({ length: 25 }, (_, index) => String(10_000 + index)));
  });

  it('skips and doubles nobody when customers come and go between two pages', async () => {
    await start();
    const first = await page('limit=10');
    api.setCustomers([customer(9_999), ...first.customers.slice(1), ...Array.from({ length: 15 }, (_, index) => customer(10_010 + index))].map((one) => ({ ...one })));
    const second = await page(`limit=10&cursor=${first.next}`);
    expect(second.customers.map((one) => one.customer_id)).toEqual(Array.from({ length: 10 }, (_, index) => String(10_010 + index)));
  });

  it('ends with a null cursor when the last page is full, and for no customers at all', async () => {
    await start();
    expect((await page('limit=25')).next).toBeNull();
    api.setCustomers([]);
    expect(await page('limit=25')).toEqual({ customers: [], next: null });
  });

  it('refuses a caller without the token, on every path but a health probe', async () => {
    await start();
    for (const headers of [{}, { Authorization: 'Bearer wrong' }, { Authorization: `Basic ${TOKEN}` }]) {
      for (const path of ['/v1/customers', '/nothing', '/admin/mode']) expect((await get(path, { headers })).status).toBe(401);
    }
    expect((await get('/v1/health', { headers: {} })).status).toBe(200);
    expect((await get('/v1/health', { headers: { Authorization: 'Bearer wrong' } })).status).toBe(401);
  });

  it('is not healthy before it has its customers', async () => {
    api = await startCustomerApi({ token: TOKEN });
    expect((await get('/v1/health')).status).toBe(503);
    expect((await get('/v1/customers')).status).toBe(503);
    api.setCustomers([]);
    expect((await get('/v1/health')).status).toBe(200);
  });

  it.each([
    ['GET', '/v1/nothing', 404],
    ['GET', '//', 400],
    ['POST', '/v1/customers', 405],
    ['GET', '/v1/customers?limit=0', 400],
    ['GET', '/v1/customers?limit=501', 400],
    ['GET', '/v1/customers?limit=ten', 400],
    ['GET', '/v1/customers?cursor=nonsense', 400],
    ['GET', `/v1/customers?cursor=${Buffer.from('{"before":1}').toString('base64url')}`, 400],
    ['POST', '/admin/days/2026-01-31', 404],
    ['GET', '/admin/mode', 405],
  ])('answers %s %s with status %i and says why as JSON', async (method, path, status) => {
    await start();
    const response = await get(path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: { code: expect.any(String) as string, message: expect.stringMatching(/\w+ \w+/) as string } });
  });

  it('lets no more than its rate through, and the wait it names is enough', async () => {
    let now = 1_000_000;
    await start({ rate: { burst: 2, perSecond: 0.5 }, now: () => now });
    expect((await get('/v1/customers')).status).toBe(200);
    expect((await get('/v1/customers')).status).toBe(200);
    const refused = await get('/v1/customers');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    now += 1_900;
    expect((await get('/v1/customers')).status).toBe(429);
    now += 100;
    expect((await get('/v1/customers')).status).toBe(200);
    expect((await get('/v1/customers')).status).toBe(429);
  });

  it('is unavailable at the same requests every time, with a date that is never in the past', async () => {
    const now = Date.parse('2026-01-31T10:00:00.900Z');
    await start({ unavailableEvery: 5, now: () => now });
    const statuses: number[] = [];
    for (let request = 1; request <= 10; request += 1) {
      const response = await get('/v1/customers');
      statuses.push(response.status);
      expect(response.headers.get('retry-after')).toBe(response.status === 503 ? 'Sat, 31 Jan 2026 10:00:01 GMT' : null);
    }
    expect(statuses).toEqual([200, 200, 503, 200, 200, 200, 200, 503, 200, 200]);
  });

  it('costs a client that obeys it at most two seconds with the rates of the demonstration', async () => {
    let now = Date.parse('2026-01-31T10:00:00.300Z');
    let waited = 0;
    api = await startCustomerApi({ token: TOKEN, now: () => now });
    api.setCustomers(Array.from({ length: 1_200 }, (_, index) => customer(10_000 + index)));
    const statuses: number[] = [];
    let found = 0;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const response = await get(`/v1/customers?limit=200&cursor=${cursor}`);
      statuses.push(response.status);
      const retryAfter = response.headers.get('retry-after');
      if (retryAfter === null) {
        const body = (await response.json()) as Page;
        found += body.customers.length;
        cursor = body.next;
      } else {
        const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
        waited += ms;
        now += ms;
      }
    }
    expect(found).toBe(1_200);
    expect(statuses).toContain(503);
    expect(waited).toBeLessThanOrEqual(2_000);
  });

  it('can be broken on purpose, over HTTP too, and mended while it is broken', async () => {
    await start({ slowMs: 60_000 });
    await setDemoApiMode(uri(), 'down');
    await expect(get('/v1/customers')).rejects.toThrowError('fetch failed');
    await setDemoApiMode(uri(), 'forbidden');
    expect((await get('/v1/customers')).status).toBe(403);
    await setDemoApiMode(uri(), 'slow');
    await expect(get('/v1/customers', { signal: AbortSignal.timeout(200) })).rejects.toThrowError(/timeout/);
    await setDemoApiMode(uri(), 'ok');
    expect((await get('/v1/customers')).status).toBe(200);
    const response = await get('/admin/mode', { method: 'POST', body: '{"mode": "molten"}' });
    expect(response.status).toBe(400);
  });

  it('stops at once, with an answer outstanding', async () => {
    await start();
    api.setMode('slow');
    const outstanding = get('/v1/customers').catch(String);
    // The request has arrived when a later one on the same server has been answered.
    await setDemoApiMode(uri(), 'slow');
    await api.stop();
    expect(await outstanding).toContain('fetch failed');
    await start();
  });
});

describe('asking the demonstration for a day', () => {
  const loaded = { date: '2026-01-31', lines: 3, customers: 2, products: 1, clickFiles: 4 };

  it('loads it and says what came', async () => {
    await start({ loadDay: async (date) => ({ ...loaded, date }) });
    expect(await ensureDemoDay(uri(), '2026-01-31')).toEqual(loaded);
  });

  it.each(['SOURCE_MISSING', 'BAD_PARAMS', 'SOURCE_MALFORMED'] as const)('fails with %s where loading it does, with the same message', async (code) => {
    await start({
      loadDay: async () => {
        throw new MillraceError(code, 'the folder has no file for 2026-01-31');
      },
    });
    await expect(ensureDemoDay(uri(), '2026-01-31')).rejects.toThrowError(expect.objectContaining({ code, message: 'the folder has no file for 2026-01-31' }));
  });

  it('says so when nothing listens, when the token is wrong, and when loading breaks; never with the token', async () => {
    await start({
      loadDay: async () => {
        throw new Error(`a bug beside ${TOKEN}`);
      },
    });
    const codes: [string, string][] = [
      [uri('wrong'), 'SOURCE_FORBIDDEN'],
      [uri(), 'SOURCE_UNAVAILABLE'],
      [`http://:${encodeURIComponent(TOKEN)}@127.0.0.1:1/v1`, 'SOURCE_UNAVAILABLE'],
    ];
    for (const [address, code] of codes) {
      const failure: unknown = await ensureDemoDay(address, '2026-01-31').catch((error: unknown) => error);
      expect(failure).toMatchObject({ code });
      expect(String(failure)).not.toContain(TOKEN);
    }
  });
});
