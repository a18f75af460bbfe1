import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Alert, AlertEvent, AlertSink } from '../../src/alerts/alert.js';
import { createIncidents } from '../../src/alerts/incident.js';
import { createSlack } from '../../src/alerts/slack.js';
import { createRedactor } from '../../src/connections/secrets.js';
import { isMillraceError, type MillraceError } from '../../src/errors.js';
import { sendJson, startHttpServer, type HttpServer } from '../servers/http.js';

const HOOK = 'services/T0123/B4567/hunter2hunter2';
const KEY = 'R0UT1NGKEYR0UT1NGKEY';
const redact = createRedactor([{ secret: HOOK }, { secret: KEY }, { secret: 'hunter2hunter2' }]);

const at = '2010-12-02T01:03:20.000Z';
const FAILED: AlertEvent = { kind: 'failed', step: 'extract.extractSales', errorCode: 'SOURCE_UNAVAILABLE', message: 'sales answered 503', at };
const RECOVERED: AlertEvent = { kind: 'recovered', at, steps: [{ step: 'extract.extractSales', how: 'retried', by: 'anna@host' }] };
const ALERT: Alert = {
  id: 'alert-1',
  run: {
    pipeline: 'shop-daily',
    owner: 'data-team',
    interval: { label: '2010-12-01' },
    workflowId: 'shop-daily-2010-12-01',
    runId: '0b9d2c9a',
    startedAt: '2010-12-02T01:00:00.000Z',
    webUiUrl: 'http://127.0.0.1:8233/namespaces/default/workflows/shop-daily-2010-12-01/0b9d2c9a/history',
  },
  events: [FAILED],
};

let server: HttpServer;
let slack: AlertSink;
let incidents: AlertSink;
beforeEach(async () => {
  server = await startHttpServer((_call, response) => sendJson(response, { status: 'success' }, 202));
  slack = createSlack({ url: `${server.url}/${HOOK}`, redact, timeoutMs: 500 });
  incidents = createIncidents({ baseUrl: server.url, routingKey: KEY, redact, timeoutMs: 500 });
});
afterEach(() => server.stop());

const body = (index = 0): Record<string, unknown> => JSON.parse(server.calls[index]!.body) as Record<string, unknown>;

async function failureOf(work: Promise<unknown>): Promise<MillraceError> {
  const error = await work.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  );
  if (!isMillraceError(error)) throw error;
  return error;
}

describe('Slack', () => {
  it('gets one message, with text for notifications and blocks for readers', async () => {
    await slack.deliver(ALERT);
    expect(server.calls).toHaveLength(1);
    expect(server.calls[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
    expect(server.calls[0]!.url.pathname).toBe(`/${HOOK}`);
    expect(body()['text']).toContain('shop-daily 2010-12-01 failed at extract.extractSales');
    expect(JSON.stringify(body()['blocks'])).toContain('millrace rerun shop-daily-2010-12-01');
  });

  it('is checked without anybody reading anything', async () => {
    server.answer((_call, response) => void response.writeHead(400).end('no_text'));
    await expect(slack.check()).resolves.toBe(`Slack at ${new URL(server.url).host} knows the webhook.`);
    expect(body()).toEqual({});
    server.answer((_call, response) => void response.writeHead(404).end('no_service'));
    expect(await failureOf(slack.check())).toMatchObject({ code: 'ALERT_REJECTED', message: expect.stringContaining('404 (no_service)') as string });
  });
});

describe('incidents', () => {
  it('are triggered in the format of the Events API v2', async () => {
    await incidents.deliver(ALERT);
    expect(server.calls[0]!.url.pathname).toBe('/v2/enqueue');
    expect(body()).toMatchObject({
      routing_key: KEY,
      event_action: 'trigger',
      dedup_key: 'millrace/shop-daily/2010-12-01',
      client: 'Millrace',
      links: [{ href: ALERT.run.webUiUrl }],
      payload: {
        summary: 'shop-daily 2010-12-01 failed at extract.extractSales',
        source: 'shop-daily-2010-12-01',
        severity: 'error',
        timestamp: at,
        component: 'extract.extractSales',
        group: 'shop-daily',
        class: 'SOURCE_UNAVAILABLE',
      },
    });
  });

  it('are resolved under the same key when the run goes on, or another one completes for the interval', async () => {
    await incidents.deliver({ ...ALERT, events: [RECOVERED] });
    await incidents.deliver({ ...ALERT, run: { ...ALERT.run, workflowId: 'a-later-one', runId: 'x' }, events: [{ kind: 'ended', outcome: 'completed', at }] });
    expect([body(0), body(1)]).toEqual([0, 1].map(() => ({ routing_key: KEY, event_action: 'resolve', dedup_key: 'millrace/shop-daily/2010-12-01' })));
  });

  it('stay open when trouble follows the recovery in one message', async () => {
    await incidents.deliver({ ...ALERT, events: [RECOVERED, FAILED] });
    expect(body()['event_action']).toBe('trigger');
  });

  it('of the health of a pipeline are one, resolved when nothing is left of them', async () => {
    const { interval: _interval, ...run } = { ...ALERT.run, incident: 'health' };
    const health = { severity: 'error' as const, problems: [{ message: 'orders is old', since: at }], at };
    await incidents.deliver({ ...ALERT, run, events: [{ kind: 'unhealthy', ...health, open: 2 }] });
    await incidents.deliver({ ...ALERT, run: { ...run, workflowId: 'a-later-look' }, events: [{ kind: 'well-again', ...health, open: 1 }] });
    await incidents.deliver({ ...ALERT, run: { ...run, workflowId: 'the-last-look' }, events: [{ kind: 'well-again', ...health, open: 0 }] });
    expect([0, 1, 2].map((index) => [body(index)['event_action'], body(index)['dedup_key']])).toEqual(['trigger', 'trigger', 'resolve'].map((action) => [action, 'millrace/shop-daily/health']));
  });

  it('have keys of at most 255 characters, the same for the same run', async () => {
    const run = { ...ALERT.run, interval: { label: 'x'.repeat(400) } };
    await incidents.deliver({ ...ALERT, run });
    await incidents.deliver({ ...ALERT, run, events: [RECOVERED] });
    expect(String(body(0)['dedup_key']).length).toBeLessThanOrEqual(255);
    expect(body(0)['dedup_key']).toBe(body(1)['dedup_key']);
  });

  it('are checked by resolving what nobody has triggered', async () => {
    await expect(incidents.check()).resolves.toContain('takes the routing key');
    expect(body()['event_action']).toBe('resolve');
  });
});

describe.each([['Slack', () => slack], ['incidents', () => incidents]])('%s', (_name, sink) => {
  it.each([
    [400, 'ALERT_REJECTED'],
    [403, 'ALERT_REJECTED'],
    [404, 'ALERT_REJECTED'],
    [302, 'ALERT_REJECTED'],
    [408, 'ALERT_UNDELIVERED'],
    [500, 'ALERT_UNDELIVERED'],
    [503, 'ALERT_UNDELIVERED'],
  ] as const)('answering %i means %s', async (status, code) => {
    server.answer((_call, response) => void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('for this reason'));
    const error = await failureOf(sink().deliver(ALERT));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`${status} (for this reason)`);
    expect(server.calls).toHaveLength(1);
  });

  it('asking to be called later is called no earlier', async () => {
    server.answer((_call, response) => void response.writeHead(429, { 'retry-after': '30' }).end());
    expect(await failureOf(sink().deliver(ALERT))).toMatchObject({ code: 'ALERT_UNDELIVERED', retryable: true, retryAfterMs: 30_000 });
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    server.answer((_call, response) => void response.writeHead(503, { 'retry-after': inAMinute }).end());
    expect((await failureOf(sink().deliver(ALERT))).retryAfterMs).toBeGreaterThan(50_000);
  });

  it('that says nothing is undelivered', async () => {
    server.answer(() => undefined);
    expect(await failureOf(sink().deliver(ALERT))).toMatchObject({ code: 'ALERT_UNDELIVERED', message: expect.stringContaining('did not answer in time') as string });
  });

  it('that hangs up, or is down, is undelivered', async () => {
    server.answer((_call, response) => void response.socket?.destroy());
    expect((await failureOf(sink().deliver(ALERT))).code).toBe('ALERT_UNDELIVERED');
    await server.stop();
    expect(await failureOf(sink().deliver(ALERT))).toMatchObject({ code: 'ALERT_UNDELIVERED', message: expect.stringContaining('ECONNREFUSED') as string });
  });

  it('ends at once when it is cancelled', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled by the operator');
    server.answer(() => controller.abort(reason));
    await expect(sink().deliver(ALERT, controller.signal)).rejects.toBe(reason);
  });

  it('never repeats its secret, not even when the other side does', async () => {
    server.answer((call, response) => void response.writeHead(400).end(`no such thing: ${call.url.pathname} ${call.body}`));
    for (const work of [sink().deliver(ALERT), sink().check()]) {
      const error = await failureOf(work);
      expect(error.message).toContain('***');
      expect(`${error.stack ?? ''}${JSON.stringify(error)}${String(error.cause)}${sink().description}`).not.toMatch(/hunter2|T0123|R0UT1NG/);
    }
  });
});
