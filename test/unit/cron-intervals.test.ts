import { describe, expect, it } from 'vitest';
import { intervalsBetween } from '../../src/durable/cron-intervals.js';
import { intervalBounds } from '../../src/durable/data-interval.js';

const hours = ({ start, end }: { start: string; end: string }): number => (Date.parse(end) - Date.parse(start)) / 3_600_000;
const between = (cron: string, timezone: string, from: string, to: string) => [...intervalsBetween({ cron, timezone, from: new Date(from), to: new Date(to) })];

/** What the run that is due at this time covers. */
const due = (cron: string, nominal: string, timezone = 'UTC') => intervalBounds({ cron, timezone }, new Date(nominal));

describe('the interval of a scheduled run', () => {
  it('is the day before for a daily schedule, whatever its hour', () => {
    expect(due('30 2 * * *', '2010-12-02T02:30:00Z')).toEqual({ label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' });
    expect(due('59 23 * * *', '2010-12-02T23:59:00Z').label).toBe('2010-12-01');
  });

  it('is every day since the one on which it was due before', () => {
    expect(due('30 2 * * 1-5', '2010-12-06T02:30:00Z').label).toBe('2010-12-03--2010-12-05');
    expect(due('30 2 * * 1-5', '2010-12-07T02:30:00Z').label).toBe('2010-12-06');
    expect(due('0 6 * * 0', '2010-12-12T06:00:00Z').label).toBe('2010-12-05--2010-12-11');
    expect(due('0 6 1 * *', '2011-03-01T06:00:00Z').label).toBe('2011-02-01--2011-02-28');
    expect(due('0 6 29 2 *', '2012-02-29T06:00:00Z').label).toBe('2008-02-29--2012-02-28');
  });

  it('is the time since it was due before, where that is on the same day', () => {
    expect(due('0 */6 * * *', '2010-12-01T12:00:00Z')).toEqual({ label: '2010-12-01T06:00:00.000Z', start: '2010-12-01T06:00:00.000Z', end: '2010-12-01T12:00:00.000Z' });
    expect(due('0 6,18 * * *', '2010-12-02T06:00:00Z')).toMatchObject({ start: '2010-12-01T18:00:00.000Z', end: '2010-12-02T06:00:00.000Z' });
  });

  it('is the last one that was due for a run that is started by hand', () => {
    expect(due('30 2 * * 1-5', '2010-12-05T12:00:00Z').label).toBe('2010-12-02');
    expect(due('0 * * * *', '2010-12-01T12:34:56Z')).toMatchObject({ start: '2010-12-01T11:00:00.000Z', end: '2010-12-01T12:00:00.000Z' });
  });

  it.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Havana', 'Africa/Cairo'])('is one day of 23, 24 or 25 hours at 02:30 in %s, and touches the next', (timezone) => {
    const year = between('30 2 * * *', timezone, '2026-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
    expect(year).toHaveLength(365);
    expect(year.slice(1).map(({ start }) => start)).toEqual(year.slice(0, -1).map(({ end }) => end));
    const change = timezone === 'Australia/Lord_Howe' ? 0.5 : 1;
    expect(new Set(year.map(hours))).toEqual(new Set([24, 24 - change, 24 + change]));
    for (const { nominal, ...interval } of year) expect(due('30 2 * * *', nominal, timezone)).toEqual(interval);
  });

  it('has two hours where an hour comes twice and its run once, and loses none where one is left out', () => {
    const back = between('0 * * * *', 'Europe/Berlin', '2026-10-24T20:00:00Z', '2026-10-25T06:00:00Z');
    expect(back.map(hours)).toEqual([1, 1, 1, 1, 2, 1, 1, 1, 1]);
    const forward = between('0 * * * *', 'Europe/Berlin', '2026-03-28T22:00:00Z', '2026-03-29T04:00:00Z');
    expect(forward.map(hours)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('is refused for a schedule that cannot be read or is never due', () => {
    expect(() => due('0 0 L * *', '2010-12-01T00:00:00Z')).toThrow('cannot be scheduled');
    expect(() => due('0 0 30 2 *', '2010-12-01T00:00:00Z')).toThrow(/never due|cannot be scheduled/);
  });
});

describe('the intervals of a range', () => {
  it('are those that begin in it', () => {
    expect(between('0 1 * * *', 'UTC', '2010-12-01T00:00:00Z', '2010-12-04T00:00:00Z').map(({ label, nominal }) => [label, nominal])).toEqual([
      ['2010-12-01', '2010-12-02T01:00:00.000Z'],
      ['2010-12-02', '2010-12-03T01:00:00.000Z'],
      ['2010-12-03', '2010-12-04T01:00:00.000Z'],
    ]);
    expect(between('0 1 * * 1', 'UTC', '2010-12-01T00:00:00Z', '2010-12-14T00:00:00Z').map(({ label }) => label)).toEqual(['2010-12-06--2010-12-12', '2010-12-13--2010-12-19']);
  });
});
