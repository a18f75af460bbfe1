import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRestSource, type RestSourceOptions } from '../../src/sources/rest.js';
import type { RestSource } from '../../src/sources/rest-source.js';
import { sendJson, startHttpServer, type HttpCall, type HttpServer } from '../servers/http.js';

const never = new AbortController().signal;
const REQUEST = { path: 'customers', pageSize: 2, items: 'customers', cursor: 'next' };
const TOKEN = 't0ken-of-the-test';

let server: HttpServer;
const sourceWith = (options: Partial<RestSourceOptions> = {}): RestSource =>
  createRestSource({ baseUrl: `${server.url}/v1`, name: 'customers', token: TOKEN, backoffMs: 5, ...options });

async function itemsOf(source: RestSource, signal: AbortSignal = never): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of source.pages(REQUEST, { signal })) items.push(...page);
  return items;
}

const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then((value) => ({ none: value }), (error: unknown) => error);

/** Answers the first calls as told, and everything after them with one page. */
function answerFirst(...answers: ((response: ServerResponse, call: HttpCall) => void)[]): void {
  const queue = [...answers];
  server.answer((call, response) => {
    const next = queue.shift();
    if (next) next(response, call);
    else sendJson(response, { customers: [{ id: 1 }], next: null });
  });
}

const text = (status: number, body: string | Buffer, headers: Record<string, string> = {}) => (response: ServerResponse): void => {
  response.writeHead(status, headers).end(body);
};

beforeEach(async () => {
  server = await startHttpServer((_, response) => sendJson(response, { customers: [], next: null }));
});
afterEach(() => server.stop());

describe('the REST source pages', () => {
  test('through all pages, with the token, the page size and the cursor as it was given', async () => {
    const pages: Record<string, unknown> = {
      '': { customers: [{ id: 1 }, { id: 2 }], next: 'a&b =/9007199254740993' },
      'a&b =/9007199254740993': { customers: [], next: 7 },
      '7': { customers: [{ id: 3 }], next: '' },
    };
    server.answer((call, response) => sendJson(response, pages[call.url.searchParams.get('cursor') ?? '']));
    expect(await itemsOf(sourceWith())).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(server.calls.map((call) => [call.url.pathname, call.url.searchParams.get('limit')])).toEqual(Array.from({ length: 3 }, () => ['/v1/customers', '2']));
    expect(new Set(server.calls.map((call) => call.headers.authorization))).toEqual(new Set([`Bearer ${TOKEN}`]));
  });

  test('on when a row is inserted while paging: none skipped, none doubled', async () => {
    const ids = [10, 20, 30, 40];
    server.answer((call, response) => {
      const after = Number(call.url.searchParams.get('cursor') ?? 0);
      const page = ids.filter((id) => id > after).slice(0, 2);
      // One lands before the place that was reached, one after it.
      if (after === 0) ids.splice(0, ids.length, 5, 10, 20, 25, 30, 40);
      const last = page.at(-1);
      sendJson(response, { customers: page.map((id) => ({ id })), next: last !== undefined && ids.some((id) => id > last) ? String(last) : null });
    });
    expect((await itemsOf(sourceWith())).map(({ id }) => id)).toEqual([10, 20, 25, 30, 40]);
  });

  test.each([
    ['at once', { '': 'a', a: 'a' }, 2],
    ['after a while', { '': 'a', a: 'b', b: 'c', c: 'a' }, 4],
  ])('not in a loop: a cursor that repeats %s is an error', async (_, next: Record<string, string>, calls) => {
    server.answer((call, response) => sendJson(response, { customers: [{ id: 1 }], next: next[call.url.searchParams.get('cursor') ?? ''] }));
    const failure = await failureOf(itemsOf(sourceWith()));
    expect(failure).toMatchObject({ code: 'SOURCE_PAGING_LOOP', message: expect.stringContaining('"next"') as string });
    expect(server.calls).toHaveLength(calls);
  });

  test('numbers unchanged: what a float cannot hold stays text', async () => {
    answerFirst(text(200, '{"customers": [{"id": 12345678901234567890, "limit": 12.10, "age": 7, "rate": 0.5}], "next": 12345678901234567891}'));
    expect((await itemsOf(sourceWith()))[0]).toEqual({ id: '12345678901234567890', limit: '12.10', age: 7, rate: 0.5 });
    expect(server.calls[1]?.url.searchParams.get('cursor')).toBe('12345678901234567891');
  });

  test('gives nothing for an empty source', async () => {
    expect(await itemsOf(sourceWith())).toEqual([]);
  });
});

describe('Retry-After binds the REST source', () => {
  test.each([
    [429, 'seconds', () => '1'],
    [503, 'seconds', () => '1'],
    [429, 'a date', () => new Date(Date.now() + 2_000).toUTCString()],
    [503, 'a date', () => new Date(Date.now() + 2_000).toUTCString()],
  ])('%i with %s: no call arrives before then, from no reader of the same source', async (status, _, retryAfter) => {
    let notBefore = 0;
    const slowDown = (response: ServerResponse): void => {
      const header = retryAfter();
      notBefore = /^\d+$/.test(header) ? Date.now() + Number(header) * 1000 : Date.parse(header);
      text(status, 'slow down', { 'retry-after': header })(response);
    };
    answerFirst(slowDown);
    expect(await itemsOf(sourceWith())).toEqual([{ id: 1 }]);
    expect(server.calls[1]?.at).toBeGreaterThanOrEqual(notBefore);

    // A reader that gives up leaves the source's wish to those that come after it.
    answerFirst(slowDown);
    const source = sourceWith({ retries: 0 });
    expect(await failureOf(itemsOf(source))).toMatchObject({ code: 'SOURCE_RATE_LIMITED' });
    expect(await Promise.all([itemsOf(source), itemsOf(source)])).toEqual([[{ id: 1 }], [{ id: 1 }]]);
    expect(server.calls).toHaveLength(5);
    for (const call of server.calls.slice(3)) expect(call.at).toBeGreaterThanOrEqual(notBefore);
  });

  test('a date is taken by the source’s own clock', async () => {
    // This server's clock is an hour ahead: its "in a second" must not become an hour and a second.
    const ahead = Date.now() + 3_600_000;
    answerFirst(text(429, '', { date: new Date(ahead).toUTCString(), 'retry-after': new Date(ahead + 1_000).toUTCString() }));
    expect(await itemsOf(sourceWith())).toEqual([{ id: 1 }]);
    expect((server.calls[1]?.at ?? 0) - (server.calls[0]?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  test('a longer wait raises SOURCE_RATE_LIMITED at once, and so does the next reader, without a call', async () => {
    const source = sourceWith({ maxWaitMs: 5_000 });
    answerFirst(text(429, '', { 'retry-after': '120' }));
    expect(await failureOf(itemsOf(source))).toMatchObject({ code: 'SOURCE_RATE_LIMITED', retryable: true, retryAfterMs: 120_000 });
    const next = (await failureOf(itemsOf(source))) as { code: string; retryAfterMs: number };
    expect(next.code).toBe('SOURCE_RATE_LIMITED');
    expect(next.retryAfterMs).toBeGreaterThan(110_000);
    expect(server.calls).toHaveLength(1);
  });

  test('a wait in place ends when the signal aborts', async () => {
    const control = new AbortController();
    answerFirst(text(429, '', { 'retry-after': '20' }));
    const failure = failureOf(itemsOf(sourceWith(), control.signal));
    await server.untilCalls(1);
    control.abort(new Error('cancelled while waiting'));
    expect(await failure).toEqual(new Error('cancelled while waiting'));
  });

  test('without the header, 429 is tried a few times and then SOURCE_RATE_LIMITED', async () => {
    server.answer((_, response) => text(429, '')(response));
    expect(await failureOf(itemsOf(sourceWith({ retries: 2 })))).toMatchObject({ code: 'SOURCE_RATE_LIMITED' });
    expect(server.calls).toHaveLength(3);
  });
});

describe('the REST source tries again', () => {
  const cutShort = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"customers": [{"id":', () => response.destroy());
  };
  const cutShortChunked = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"customers": []}', () => response.destroy());
  };
  test.each<[string, (response: ServerResponse) => void]>([
    ['500', text(500, 'oops')],
    ['502', text(502, '<html>bad gateway</html>')],
    ['503 without Retry-After', text(503, '')],
    ['503 with an unreadable Retry-After', text(503, '', { 'retry-after': 'soon' })],
    ['408', text(408, '')],
    ['a connection that is closed without an answer', (response) => response.destroy()],
    ['a body that breaks off', cutShort],
    ['a chunked body that breaks off after what looks whole', cutShortChunked],
  ])('after %s', async (_, trouble) => {
    answerFirst(trouble, trouble);
    expect(await itemsOf(sourceWith())).toEqual([{ id: 1 }]);
    expect(server.calls).toHaveLength(3);
  });

  test('and gives up with SOURCE_UNAVAILABLE', async () => {
    server.answer((_, response) => text(500, `trouble with ${TOKEN}`)(response));
    const failure = await failureOf(itemsOf(sourceWith({ retries: 2 })));
    expect(failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining(`customers (${server.url}/v1) answered 500 (trouble with ***)`) as string });
    expect(server.calls).toHaveLength(3);
  });

  test('when the source is too slow, with the headers or with the body', async () => {
    const silent = (): void => undefined;
    const dripping = (response: ServerResponse): void => {
      response.writeHead(200).write('{');
    };
    answerFirst(silent, dripping);
    expect(await itemsOf(sourceWith({ timeoutMs: 200 }))).toEqual([{ id: 1 }]);
    server.answer(silent);
    expect(await failureOf(itemsOf(sourceWith({ timeoutMs: 50, retries: 1 })))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  test('but not when the signal aborts in the middle of a call', async () => {
    const control = new AbortController();
    server.answer(() => undefined);
    const failure = failureOf(itemsOf(sourceWith(), control.signal));
    await server.untilCalls(1);
    control.abort(new Error('cancelled in the call'));
    expect(await failure).toEqual(new Error('cancelled in the call'));
    expect(server.calls).toHaveLength(1);
  });

  test('and is SOURCE_UNAVAILABLE when nobody listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const failure = await failureOf(itemsOf(sourceWith({ baseUrl: `http://127.0.0.1:${port}`, retries: 1 })));
    expect(failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining('ECONNREFUSED') as string });
  });
});

describe('the REST source does not try again', () => {
  test.each([
    [401, 'SOURCE_FORBIDDEN'],
    [403, 'SOURCE_FORBIDDEN'],
    [400, 'SOURCE_REJECTED'],
    [404, 'SOURCE_REJECTED'],
    [410, 'SOURCE_REJECTED'],
    [422, 'SOURCE_REJECTED'],
  ])('after %i: %s in one call, with the start of the answer and without the token', async (status, code) => {
    server.answer((_, response) => text(status, `refused for ${TOKEN}`)(response));
    const failure = await failureOf(itemsOf(sourceWith()));
    expect(failure).toMatchObject({ code, retryable: false, message: expect.stringContaining(`answered ${status} (refused for ***)`) as string });
    expect(server.calls).toHaveLength(1);
  });

  test.each<[string, string | Buffer, string]>([
    ['HTML', `<html>\n\u0007<body>${'x'.repeat(500)}`, 'not JSON; it begins with: <html> <body>xxx'],
    ['nothing', '', 'not JSON; it begins with: (nothing)'],
    ['half of a JSON text', '{"customers": [{"id": 1', 'not JSON; it begins with: {"customers": [{"id": 1'],
    ['Latin-1', Buffer.from('{"customers": [{"name": "José"}], "next": null}', 'latin1'), 'not UTF-8; it begins with: {"customers"'],
    ['another type of items', '{"customers": {"id": 1}}', 'the field "customers" holds an object, not an array'],
    ['no items', '{"data": []}', 'the field "customers" holds nothing, not an array'],
    ['an array', '[1]', 'the field "customers" holds nothing, not an array'],
    ['an item of another type', '{"customers": [{"id": 1}, "two"]}', 'item 2 of "customers" is a string, not an object'],
    ['a cursor of another type', '{"customers": [], "next": {"page": 2}}', 'the field "next" holds an object, not a cursor'],
  ])('after a body that is %s: SOURCE_MALFORMED', async (_, body, message) => {
    server.answer((_call, response) => text(200, body)(response));
    const failure = (await failureOf(itemsOf(sourceWith()))) as Error;
    expect(failure).toMatchObject({ code: 'SOURCE_MALFORMED', message: expect.stringContaining(message) as string });
    expect(failure.message.length).toBeLessThan(400);
    expect(server.calls).toHaveLength(1);
  });

  test('after a body beyond the limit, announced or not: SOURCE_TOO_LARGE', async () => {
    const body = JSON.stringify({ customers: [{ id: 'x'.repeat(5_000) }] });
    answerFirst(text(200, body), (response) => {
      response.writeHead(200).write(body.slice(0, 3_000));
    });
    for (let time = 0; time < 2; time += 1) {
      expect(await failureOf(itemsOf(sourceWith({ maxBodyBytes: 2_000 })))).toMatchObject({ code: 'SOURCE_TOO_LARGE' });
    }
  });
});

describe('the credentials of the REST source', () => {
  test('do not follow a redirect to another host, and do follow one on the same host', async () => {
    const elsewhere = await startHttpServer((_, response) => sendJson(response, { customers: [{ id: 9 }], next: null }));
    try {
      answerFirst(
        (response) => text(307, '', { location: `${server.url}/v2/customers` })(response),
        (response) => text(307, '', { location: `${elsewhere.url}/customers` })(response),
      );
      expect(await itemsOf(sourceWith())).toEqual([{ id: 9 }]);
      expect(server.calls.map((call) => call.headers.authorization)).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
      expect(elsewhere.calls[0]?.headers).not.toHaveProperty('authorization');
    } finally {
      await elsewhere.stop();
    }
  });

  test('in the address are sent as Basic, and never shown', async () => {
    const url = new URL(server.url);
    const source = createRestSource({ baseUrl: `http://reader:p%40ss@${url.host}/v1/`, name: 'customers' });
    expect(await itemsOf(source)).toEqual([]);
    expect(server.calls[0]?.headers.authorization).toBe(`Basic ${Buffer.from('reader:p@ss').toString('base64')}`);
    expect(source.description).toBe(`http://${url.host}/v1`);
  });

  test('are checked without reading: an answer, even 404, is enough', async () => {
    answerFirst(text(404, ''), text(401, ''));
    expect(await sourceWith().check()).toContain(`${server.url}/v1`);
    expect(await failureOf(sourceWith().check())).toMatchObject({ code: 'SOURCE_FORBIDDEN' });
  });

  test('of an address that is no URL do not appear in the error', () => {
    expect(() => createRestSource({ baseUrl: 'ftp://user:hidden@host', name: 'customers' })).toThrow(
      expect.objectContaining({ code: 'CONNECTION_MALFORMED', message: expect.not.stringContaining('hidden') as string }),
    );
  });
});
