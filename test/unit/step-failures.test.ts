import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/errors.js';
import { guardResultSize, toFailure } from '../../src/steps/step-failures.js';

const redact = (text: string): string => text.replaceAll('hunter2', '***');
const running = new AbortController().signal;

describe('what Temporal is told of a failed step', () => {
  it('is not retried when the code says that a retry cannot help', () => {
    const failure = toFailure(new MillraceError('SOURCE_FORBIDDEN', 'no'), running, redact) as ApplicationFailure;
    expect(failure).toMatchObject({ type: 'SOURCE_FORBIDDEN', nonRetryable: true, message: 'no' });
  });

  it('is retried no earlier than the source asked for', () => {
    const failure = toFailure(new MillraceError('SOURCE_RATE_LIMITED', 'later', { retryAfterMs: 90_000 }), running, redact) as ApplicationFailure;
    expect(failure).toMatchObject({ type: 'SOURCE_RATE_LIMITED', nonRetryable: false, nextRetryDelay: 90_000 });
  });

  it('holds no secret, whoever threw the error', () => {
    const errors = [
      new MillraceError('WAREHOUSE_REJECTED', 'password hunter2', { details: { nested: [{ url: 'x:hunter2@y' }] } }),
      ApplicationFailure.create({ message: 'hunter2', type: 'X', details: [{ a: 'hunter2' }] }),
      new TypeError('hunter2 is not a function'),
      'hunter2',
    ];
    for (const error of errors) {
      const failure = toFailure(error, running, redact) as ApplicationFailure;
      expect(JSON.stringify([failure.message, failure.stack, failure.details])).not.toContain('hunter2');
    }
  });

  it('is a cancellation when the step was cancelled, whatever its driver threw', () => {
    const controller = new AbortController();
    controller.abort(new CancelledFailure('CANCELLED'));
    expect(toFailure(new Error('Query execution was interrupted'), controller.signal, redact)).toBe(controller.signal.reason);
    const plain = new AbortController();
    plain.abort();
    expect(toFailure(new Error('x'), plain.signal, redact)).toBeInstanceOf(CancelledFailure);
  });
});

describe('the size of a result', () => {
  it('is refused above 256 KiB with the name of the step, before Temporal sees it', () => {
    expect(() => guardResultSize('extract.extractSales', { rows: 'x'.repeat(300 * 1024) })).toThrow(/Step extract\.extractSales returned 301 KiB.*DatasetRef/);
  });

  it('counts bytes, not characters', () => {
    expect(() => guardResultSize('s', '€'.repeat(100 * 1024))).toThrow('returned 301 KiB');
  });

  it('lets small results and none pass', () => {
    expect(() => {
      guardResultSize('s', undefined);
      guardResultSize('s', { rows: 'x'.repeat(200 * 1024) });
    }).not.toThrow();
  });
});
