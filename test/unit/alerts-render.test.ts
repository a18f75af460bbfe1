import { describe, expect, it } from 'vitest';
import type { RunFailedAlert } from '../../src/alerts/alert.js';
import { causeOf } from '../../src/alerts/causes.js';
import { renderRunFailed, runFailedMessageId } from '../../src/alerts/render-run-failed.js';
import { ERRORS } from '../../src/errors.js';

const ALERT: RunFailedAlert = {
  pipeline: 'ecommerce-daily',
  interval: { label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' },
  run: 'ecommerce-daily-2010-12-01',
  runId: '0b9d2c9a-2f63-4a3e-9d0e-3f1f3a1d0c11',
  failedStep: 'extract.extractCustomers',
  attempts: 4,
  errorCode: 'SOURCE_UNAVAILABLE',
  lastError: 'customers (http://127.0.0.1:8080/v1) answered 503',
  startedAt: '2010-12-02T01:00:00.000Z',
  failedAt: '2010-12-02T01:03:20.000Z',
  webUiUrl: 'http://127.0.0.1:8233/namespaces/default/workflows/ecommerce-daily-2010-12-01/0b9d',
  owner: 'data-team',
};

/** What a reader sees of the HTML. */
function visible(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

describe('the alert for a failed run', () => {
  it('says pipeline, interval and step in the subject', () => {
    expect(renderRunFailed(ALERT).subject).toBe('[millrace] ecommerce-daily 2010-12-01 failed at extract.extractCustomers');
  });

  it('says everything in the text and in the HTML', () => {
    const { text, html } = renderRunFailed(ALERT);
    for (const part of [text, visible(html)]) {
      for (const fact of [
        'The source did not answer.',
        'ecommerce-daily',
        '2010-12-01 (2010-12-01T00:00:00.000Z to 2010-12-02T00:00:00.000Z)',
        'extract.extractCustomers (after 4 attempts)',
        'SOURCE_UNAVAILABLE: customers (http://127.0.0.1:8080/v1) answered 503',
        '2010-12-02T01:00:00.000Z',
        '2010-12-02T01:03:20.000Z',
        '0b9d2c9a-2f63-4a3e-9d0e-3f1f3a1d0c11',
        'data-team',
        'millrace status ecommerce-daily-2010-12-01',
        'millrace logs ecommerce-daily-2010-12-01 extract.extractCustomers',
        'millrace run ecommerce-daily --date 2010-12-01',
        'millrace connections check',
      ]) {
        expect(part).toContain(fact);
      }
    }
    expect(text).toContain(ALERT.webUiUrl);
    expect(html).toContain(`href="${ALERT.webUiUrl}"`);
  });

  it('does without what a run that failed before its first step does not have', () => {
    const { pipeline, run, runId, startedAt, failedAt, owner } = ALERT;
    const bare = renderRunFailed({ pipeline, run, runId, startedAt, failedAt, owner, errorCode: 'BAD_PARAMS', lastError: 'date "tomorrow" is not a calendar day' });
    expect(bare.subject).toBe('[millrace] ecommerce-daily failed');
    expect(bare.text).toContain('The run was started with wrong parameters.');
    expect(bare.text).toMatch(/^ {2}millrace run ecommerce-daily$/m);
    expect(bare.text).toMatch(/^ {2}millrace logs ecommerce-daily-2010-12-01$/m);
    expect(`${bare.text}${bare.html}`).not.toMatch(/undefined|Web UI|Failed step/);
  });

  it('asks for both ends again where the interval is not a day', () => {
    const interval = { label: '2010-12-01T06:00:00.000Z', start: '2010-12-01T06:00:00.000Z', end: '2010-12-01T07:00:00.000Z' };
    expect(renderRunFailed({ ...ALERT, interval }).text).toContain('millrace run ecommerce-daily --start 2010-12-01T06:00:00.000Z --end 2010-12-01T07:00:00.000Z');
  });

  it('quotes names that a shell would read as patterns or commands', () => {
    const { text } = renderRunFailed({ ...ALERT, failedStep: 'train[resnet]', run: "it's; rm -rf" });
    expect(text).toContain(`millrace logs 'it'\\''s; rm -rf' 'train[resnet]'`);
  });

  it('shows markup of an error as text', () => {
    const { html } = renderRunFailed({ ...ALERT, lastError: `<script>alert("1")</script> & <img src=x onerror='y'>`, webUiUrl: 'http://ui/?a="><script>' });
    expect(html).not.toMatch(/<script|<img/);
    expect(visible(html)).toContain(`<script>alert("1")</script> & <img src=x onerror='y'>`);
  });

  it('loads nothing from elsewhere', () => {
    expect(renderRunFailed(ALERT).html).not.toMatch(/<(img|link|script|style|iframe)|url\(|src=/i);
  });

  it('keeps a subject and an error on one line and within bounds', () => {
    const { subject, text } = renderRunFailed({ ...ALERT, failedStep: 'x\r\nBcc: eve@example.com', lastError: `first\nsecond\u2028third\u202E\u001b[31m ${'€'.repeat(5000)}` });
    expect(subject).toBe('[millrace] ecommerce-daily 2010-12-01 failed at x Bcc: eve@example.com');
    const line = text.split('\n').find((candidate) => candidate.startsWith('Last error:'))!;
    expect(line).toContain('first second third [31m €€€');
    expect(line.endsWith('…')).toBe(true);
    expect(line.length).toBeLessThan(2_100);
  });

  it('has one plain sentence for every error code', () => {
    const causes = Object.keys(ERRORS).map(causeOf);
    for (const cause of causes) expect(cause).toMatch(/^[A-Z][^.]+\.$/);
    expect(new Set(causes).size).toBe(causes.length);
  });

  it('names an error that nobody knows', () => {
    expect(causeOf('TypeError')).toBe('The step failed with an error that Millrace does not know (TypeError).');
    expect(causeOf('constructor')).toContain('(constructor)');
  });

  it('has one message id per run', () => {
    expect(runFailedMessageId(ALERT)).toBe('<run-failed.0b9d2c9a-2f63-4a3e-9d0e-3f1f3a1d0c11@millrace>');
    expect(runFailedMessageId({ runId: 'a>\r\nX: b' })).toBe('<run-failed.a___X__b@millrace>');
  });
});
