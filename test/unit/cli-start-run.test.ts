import { describe, expect, it } from 'vitest';
import { CATALOG, findPipeline, type Pipeline } from '../../src/catalog.js';
import { knownEndingPipeline, nearest } from '../../src/cli/find-run.js';
import { daysOf, planRun } from '../../src/cli/start-run.js';

const pipeline = CATALOG[0]!;
const NOW = new Date('2026-03-30T00:30:00Z');

describe('millrace run', () => {
  it('without a date means yesterday, by name, so that midnight does not change it', () => {
    expect(planRun(pipeline, { params: [] }, NOW)).toEqual({
      workflowId: 'ecommerce-daily-2026-03-29',
      interval: { label: '2026-03-29', start: '2026-03-29T00:00:00.000Z', end: '2026-03-30T00:00:00.000Z' },
      params: { date: '2026-03-29', timezone: 'UTC' },
    });
  });

  it('without a date means the last interval of the schedule, where that is not a day', () => {
    const workdays: Pipeline = { ...pipeline, schedule: { cron: '30 2 * * 1-5', timezone: 'UTC' } };
    expect(planRun(workdays, { params: [] }, NOW)).toMatchObject({
      workflowId: 'ecommerce-daily-2026-03-27--2026-03-29',
      params: { start: '2026-03-27T00:00:00.000Z', end: '2026-03-30T00:00:00.000Z', timezone: 'UTC' },
    });
  });

  it('of a stream is one run, whatever the day', () => {
    const stream = findPipeline('kafka-signups-stream')!;
    expect(planRun(stream, { params: ['seconds=30'] }, NOW)).toMatchObject({ workflowId: 'kafka-signups-stream', params: { seconds: 30 } });
    expect(() => planRun(stream, { date: '2026-01-31', params: [] }, NOW)).toThrow('has no interval: it runs until it is drained');
    expect(() => knownEndingPipeline('kafka-signups-stream')).toThrow('has no intervals');
  });

  it('takes the days of a zone, of 23 hours too', () => {
    const { interval } = planRun(pipeline, { date: '2026-03-29', timezone: 'Europe/Berlin', params: [] }, NOW);
    expect(interval).toMatchObject({ start: '2026-03-28T23:00:00.000Z', end: '2026-03-29T22:00:00.000Z' });
    expect(daysOf(interval)).toEqual(['2026-03-28', '2026-03-29']);
  });

  it('takes parameters of the catalog as JSON', () => {
    expect(planRun(pipeline, { date: '2010-12-01', params: ['allowEmpty=["clicks"]'] }, NOW).params).toEqual({ date: '2010-12-01', timezone: 'UTC', allowEmpty: ['clicks'] });
  });

  it.each([
    [{ date: '2010-13-01', params: [] }, /not a calendar day/],
    [{ date: '2010-12-01', start: '2010-12-01T00:00:00Z', params: [] }, /either date or start and end/],
    [{ start: '2010-12-01T00:00:00Z', params: [] }, /end is missing/],
    [{ timezone: 'Mars/Olympus', params: [] }, /not an IANA time zone/],
    [{ params: ['allowempty=[]'] }, /no parameter allowempty/],
    [{ params: ['allowEmpty=clicks'] }, /is not JSON/],
    [{ params: ['allowEmpty'] }, /is not name=JSON/],
  ])('refuses %o before anything is started', (request, message) => {
    expect(() => planRun(pipeline, request, NOW)).toThrow(message);
  });
});

describe('a misspelt name', () => {
  it('is answered with the one that is near, and with none when none is', () => {
    expect(nearest('ecomerce-dayly', ['ecommerce-daily', 'sales-weekly'])).toBe('ecommerce-daily');
    expect(nearest('xyz', ['ecommerce-daily'])).toBeUndefined();
  });
});
