import { describe, expect, it } from 'vitest';
import type { Alert, AlertEvent } from '../../src/alerts/alert.js';
import { causeOf } from '../../src/alerts/causes.js';
import { composeMessage } from '../../src/alerts/message.js';
import { mailId, renderMail } from '../../src/alerts/render-mail.js';
import { renderSlack } from '../../src/alerts/slack.js';
import { ERRORS } from '../../src/errors.js';

const RUN = {
  pipeline: 'ecommerce-daily',
  interval: { label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' },
  workflowId: 'ecommerce-daily-2010-12-01',
  runId: '0b9d2c9a-2f63-4a3e-9d0e-3f1f3a1d0c11',
  startedAt: '2010-12-02T01:00:00.000Z',
  webUiUrl: 'http://127.0.0.1:8233/namespaces/default/workflows/ecommerce-daily-2010-12-01/0b9d',
  owner: 'data-team',
} satisfies Alert['run'];
const at = '2010-12-02T01:03:20.000Z';
const until = '2010-12-03T01:03:20.000Z';
const FAILED = { kind: 'failed', step: 'extract.extractCustomers', errorCode: 'SOURCE_UNAVAILABLE', message: 'customers (http://127.0.0.1:8080/v1) answered 503', at } as const;

const alert = (events: readonly AlertEvent[], run: Alert['run'] = RUN): Alert => ({ id: 'alert-1', run, events });
const held = (step: string): AlertEvent => ({ ...FAILED, kind: 'held', step, until });
const recovered = (...steps: string[]): AlertEvent => ({ kind: 'recovered', at, steps: steps.map((step) => ({ step, how: 'retried', by: 'anna@host' })) });

/** What a reader sees of the HTML. */
function visible(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

describe('the mail for a failed run', () => {
  it('says pipeline, interval and step in the subject', () => {
    expect(renderMail(alert([FAILED])).subject).toBe('[millrace] ecommerce-daily 2010-12-01 failed at extract.extractCustomers');
  });

  it('says everything in the text and in the HTML', () => {
    const { text, html } = renderMail(alert([FAILED]));
    for (const part of [text, visible(html)]) {
      for (const fact of [
        'The source did not answer.',
        'ecommerce-daily',
        '2010-12-01 (2010-12-01T00:00:00.000Z to 2010-12-02T00:00:00.000Z)',
        'extract.extractCustomers',
        'SOURCE_UNAVAILABLE: customers (http://127.0.0.1:8080/v1) answered 503',
        '2010-12-02T01:00:00.000Z',
        '2010-12-02T01:03:20.000Z',
        '0b9d2c9a-2f63-4a3e-9d0e-3f1f3a1d0c11',
        'data-team',
        'millrace status ecommerce-daily-2010-12-01',
        'millrace logs ecommerce-daily-2010-12-01 extract.extractCustomers',
        'millrace rerun ecommerce-daily-2010-12-01',
        'millrace run ecommerce-daily --date 2010-12-01',
        'millrace connections check',
      ]) {
        expect(part).toContain(fact);
      }
    }
    expect(text).toContain(RUN.webUiUrl);
    expect(html).toContain(`href="${RUN.webUiUrl}"`);
  });

  it('does without what a run that failed before its first step does not have', () => {
    const { interval: _interval, webUiUrl: _webUiUrl, ...run } = RUN;
    const bare = renderMail(alert([{ kind: 'failed', errorCode: 'BAD_PARAMS', message: 'date "tomorrow" is not a calendar day', at }], run));
    expect(bare.subject).toBe('[millrace] ecommerce-daily failed');
    expect(bare.text).toContain('The run was started with wrong parameters.');
    expect(bare.text).toMatch(/^ {2}millrace run ecommerce-daily$/m);
    expect(bare.text).toMatch(/^ {2}millrace logs ecommerce-daily-2010-12-01$/m);
    expect(`${bare.text}${bare.html}`).not.toMatch(/undefined|Web UI|Failed step|rerun/);
  });

  it('asks for both ends again where the interval is not a day', () => {
    const interval = { label: '2010-12-01T06:00:00.000Z', start: '2010-12-01T06:00:00.000Z', end: '2010-12-01T07:00:00.000Z' };
    expect(renderMail(alert([FAILED], { ...RUN, interval })).text).toContain('millrace run ecommerce-daily --start 2010-12-01T06:00:00.000Z --end 2010-12-01T07:00:00.000Z');
  });

  it('quotes names that a shell would read as patterns or commands', () => {
    const { text } = renderMail(alert([{ ...FAILED, step: 'train[resnet]' }], { ...RUN, workflowId: "it's; rm -rf" }));
    expect(text).toContain(`millrace logs 'it'\\''s; rm -rf' 'train[resnet]'`);
  });

  it('shows markup of an error as text', () => {
    const { html } = renderMail(alert([{ ...FAILED, message: `<script>alert("1")</script> & <img src=x onerror='y'>` }], { ...RUN, webUiUrl: 'http://ui/?a="><script>' }));
    expect(html).not.toMatch(/<script|<img/);
    expect(visible(html)).toContain(`<script>alert("1")</script> & <img src=x onerror='y'>`);
  });

  it('loads nothing from elsewhere', () => {
    expect(renderMail(alert([FAILED])).html).not.toMatch(/<(img|link|script|style|iframe)|url\(|src=/i);
  });

  it('keeps a subject and an error on one line and within bounds', () => {
    const { subject, text } = renderMail(alert([{ ...FAILED, step: 'x\r\nBcc: eve@example.com', message: `first\nsecond\u2028third\u202E\u001b[31m ${'€'.repeat(5000)}` }]));
    expect(subject).toBe('[millrace] ecommerce-daily 2010-12-01 failed at x Bcc: eve@example.com');
    const line = text.split('\n').find((candidate) => candidate.startsWith('Last error:'))!;
    expect(line).toContain('first second third [31m €€€');
    expect(line.endsWith('…')).toBe(true);
    expect(line.length).toBeLessThan(2_100);
  });

  it('names each check that failed on a line of its own', () => {
    const message = '2 of 12 checks failed for orders, which stays as it was.\n- keys_unique: 1 key more than once; expected every key once\n- price: 3 rows; expected 0 to 10';
    const { facts } = composeMessage(alert([{ ...FAILED, step: 'checkOrders', errorCode: 'CHECK_FAILED', message }]));
    expect(facts).toContainEqual(['', '- keys_unique: 1 key more than once; expected every key once']);
    expect(facts).toContainEqual(['', '- price: 3 rows; expected 0 to 10']);
  });
});

describe('the message for', () => {
  const of = (...events: AlertEvent[]) => composeMessage(alert(events));
  const commands = (...events: AlertEvent[]): string[] => of(...events).commands.map(([command]) => command);

  it('held steps is one, with the commands that end each hold', () => {
    expect(of(held('extractSales')).title).toBe('ecommerce-daily 2010-12-01 is held at extractSales');
    expect(of(held('extractSales'), held('extractClicks')).title).toBe('ecommerce-daily 2010-12-01 is held at extractSales and 1 more step');
    expect(of(held('extractSales'))).toMatchObject({ severity: 'error', cause: `The source did not answer. The run waits for somebody until ${until}; other branches go on.` });
    expect(commands(held('train[resnet]'))).toEqual([
      "millrace logs ecommerce-daily-2010-12-01 'train[resnet]'",
      "millrace retry ecommerce-daily-2010-12-01 'train[resnet]'",
      "millrace skip ecommerce-daily-2010-12-01 'train[resnet]' --why REASON",
      "millrace fail ecommerce-daily-2010-12-01 'train[resnet]'",
    ]);
  });

  it('a thousand held steps is no longer than one can read', () => {
    const message = of(...Array.from({ length: 1000 }, (_, index) => held(`train[${index}]`)));
    expect(message.title).toBe('ecommerce-daily 2010-12-01 is held at train[0] and 999 more steps');
    expect(message.facts.length).toBeLessThan(40);
    expect(message.facts).toContainEqual(['And', '1970 lines more: see the status of the run']);
    expect(message.commands).toHaveLength(12);
  });

  it('a hold that was over before anybody was told says only that', () => {
    expect(of(held('a'), recovered('a'))).toMatchObject({ severity: 'info', title: 'ecommerce-daily 2010-12-01 goes on after a hold' });
    expect(of(held('a'), recovered('a'), held('b'))).toMatchObject({ severity: 'error', title: 'ecommerce-daily 2010-12-01 is held at b' });
  });

  it('a recovery says who did what, and why', () => {
    const { facts } = of({ kind: 'recovered', at, steps: [{ step: 'a', how: 'retried', by: 'anna@host' }, { step: 'b', how: 'skipped', by: 'ben@host', why: 'no data today' }] });
    expect(facts).toContainEqual(['Goes on', 'a (retried by anna@host)']);
    expect(facts).toContainEqual(['Goes on', 'b (skipped by ben@host: no data today)']);
  });

  it('a run that failed after a hold says so', () => {
    expect(of({ ...FAILED, afterHold: true }).title).toBe('ecommerce-daily 2010-12-01 failed at extract.extractCustomers after it was held');
  });

  it('an approval says what is to be decided, until when, and how', () => {
    const message = of({ kind: 'approval-wanted', name: 'publish', message: 'publish 3,634 lines?', until, at });
    expect(message).toMatchObject({ severity: 'warning', title: 'ecommerce-daily 2010-12-01 waits for the approval publish' });
    expect(message.cause).toBe(`The run waits for somebody's decision until ${until}: publish 3,634 lines?`);
    expect(message.commands.map(([command]) => command)).toContain('millrace approve ecommerce-daily-2010-12-01 publish');
  });

  it('a missed deadline says what is late', () => {
    expect(of({ kind: 'deadline-missed', what: 'run', due: at, at })).toMatchObject({ severity: 'warning', title: 'ecommerce-daily 2010-12-01 is late: it has missed its deadline' });
    expect(of({ kind: 'deadline-missed', what: 'load', due: at, at }).title).toBe('ecommerce-daily 2010-12-01 is late: load has missed its deadline');
  });

  it('a stream that has failed is started again, and not re-run', () => {
    const { interval: _, ...stream } = RUN;
    const commands = composeMessage(alert([FAILED], { ...stream, continuous: true })).commands.map(([command]) => command);
    expect(commands.filter((command) => command.includes('rerun'))).toEqual([]);
    expect(commands).toContain('millrace run ecommerce-daily');
  });

  it('a stream that lags says how many messages wait, behind what, and since when', () => {
    const message = of({ kind: 'lagging', what: 'batch[17]', since: at, topic: 'user_signups', waiting: 1203, at });
    expect(message).toMatchObject({ severity: 'warning', title: 'ecommerce-daily 2010-12-01 lags: 1203 messages of user_signups wait' });
    expect(message.cause).toContain(`batch[17] began at ${at} and has not ended`);
    expect(message.commands.map(([command]) => command)).toContain('millrace status ecommerce-daily-2010-12-01');
  });

  it('a warning of a check says what was seen and what was expected', () => {
    const message = of({ kind: 'check-warning', step: 'checkOrders', checks: [{ name: 'line count', observed: '12', expected: '3,000 to 4,000' }], at });
    expect(message).toMatchObject({ severity: 'warning', title: 'ecommerce-daily 2010-12-01 has 1 warning in checkOrders' });
    expect(message.facts).toContainEqual(['Warning', 'line count: 12; expected 3,000 to 4,000 (checkOrders)']);
  });

  it('a run whose code cannot go on says how it goes on', () => {
    const message = of({ kind: 'stuck', errorCode: 'TypeError', message: 'x is not a function', at });
    expect(message).toMatchObject({ severity: 'error', title: 'ecommerce-daily 2010-12-01 is stuck' });
    expect(message.cause).toContain('goes on by itself');
  });

  it('trouble that monitoring has seen says what it is, and the end of it what is left', () => {
    const problem = { message: 'The data of orders is 40 h old; 27 h are the most it may be.', since: at };
    const unhealthy = of({ kind: 'unhealthy', severity: 'warning', problems: [problem], open: 1, at });
    expect(unhealthy).toMatchObject({ severity: 'warning', title: `ecommerce-daily 2010-12-01 is not healthy: ${problem.message}` });
    expect(unhealthy.facts).toContainEqual(['Problem', problem.message]);
    expect(unhealthy.commands.map(([command]) => command)).toEqual(['millrace doctor', 'millrace runs ecommerce-daily']);
    expect(of({ kind: 'unhealthy', severity: 'error', problems: [problem, problem], open: 2, at })).toMatchObject({ severity: 'error', title: 'ecommerce-daily 2010-12-01 is not healthy: 2 problems' });
    expect(of({ kind: 'well-again', severity: 'error', problems: [problem], open: 0, at })).toMatchObject({ severity: 'info', title: 'ecommerce-daily 2010-12-01 is well again' });
    expect(of({ kind: 'well-again', severity: 'error', problems: [problem], open: 1, at }).cause).toContain('1 problem is still there');
  });

  it('several things at once leads with the gravest', () => {
    expect(of({ kind: 'deadline-missed', what: 'run', due: at, at }, held('a'), FAILED).title).toContain('failed at');
  });
});

describe('the message for Slack', () => {
  it('says the same in blocks, and calls nobody whom an error names', () => {
    const { text, blocks } = renderSlack(alert([{ ...FAILED, message: '<!channel> & <http://evil|click>' }]));
    expect(text).toBe('🔴 ecommerce-daily 2010-12-01 failed at extract.extractCustomers');
    const said = JSON.stringify(blocks);
    expect(said).toContain('&lt;!channel&gt; &amp; &lt;http://evil|click&gt;');
    expect(said).not.toContain('<!channel>');
    expect(said).toContain('millrace rerun ecommerce-daily-2010-12-01');
    expect(said).toContain(`<${RUN.webUiUrl}|Open the run in the Web UI>`);
  });

  it('keeps every block within what Slack takes', () => {
    const { blocks } = renderSlack(alert(Array.from({ length: 200 }, (_, index) => ({ ...held(`${'<'.repeat(100)}${index}`), message: '&'.repeat(4_000) }) as AlertEvent)));
    for (const block of blocks as { type: string; text: { text: string } }[]) expect(block.text.text.length).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3_000);
  });
});

describe('causes', () => {
  it('has one plain sentence for every error code', () => {
    const causes = Object.keys(ERRORS).map(causeOf);
    for (const cause of causes) expect(cause).toMatch(/^[A-Z][^.]+\.$/);
    expect(new Set(causes).size).toBe(causes.length);
  });

  it('names an error that nobody knows', () => {
    expect(causeOf('TypeError')).toBe('The step failed with an error that Millrace does not know (TypeError).');
    expect(causeOf('constructor')).toContain('(constructor)');
  });
});

it('makes ids of mails that are no header of their own', () => {
  expect(mailId('alert-0b9d.mail.1')).toBe('<alert-0b9d.mail.1@millrace>');
  expect(mailId('a>\r\nX: b')).toBe('<a___X__b@millrace>');
});
