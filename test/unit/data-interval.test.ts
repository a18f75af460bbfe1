import { describe, expect, it } from 'vitest';
import { intervalBounds } from '../../src/durable/data-interval.js';

const anyTime = new Date('2026-01-01T12:00:00Z');

describe('the data interval of a run', () => {
  it('is the day that was asked for', () => {
    expect(intervalBounds({ date: '2010-12-01' }, anyTime)).toEqual({ label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' });
  });

  it('is the whole day before the nominal time of the schedule', () => {
    expect(intervalBounds({}, new Date('2010-12-02T01:00:00Z'))).toEqual({ label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' });
  });

  it('has 23 hours on the day on which summer time begins and 25 on the day on which it ends, and touches its neighbours', () => {
    const nominal = (day: number, month: number): Date => new Date(Date.UTC(2026, month - 1, day, 6));
    for (const [month, first] of [[3, 27], [10, 23]] as const) {
      const days = [0, 1, 2, 3, 4].map((offset) => intervalBounds({ timezone: 'Europe/Berlin' }, nominal(first + offset + 1, month)));
      expect(days.slice(1).map((day) => day.start)).toEqual(days.slice(0, -1).map((day) => day.end));
      const hours = days.map((day) => (Date.parse(day.end) - Date.parse(day.start)) / 3_600_000);
      expect(hours).toEqual(month === 3 ? [24, 24, 23, 24, 24] : [24, 24, 25, 24, 24]);
    }
  });

  it('begins at the first moment of a day that has no midnight', () => {
    // Cairo's clocks go from 00:00 to 01:00 on 2024-04-26.
    expect(intervalBounds({ date: '2024-04-26', timezone: 'Africa/Cairo' }, anyTime)).toMatchObject({ start: '2024-04-25T22:00:00.000Z', end: '2024-04-26T21:00:00.000Z' });
  });

  it('takes both ends as they are given, and names a whole day by its date', () => {
    expect(intervalBounds({ start: '2010-12-01T00:00:00Z', end: '2010-12-02T00:00:00Z' }, anyTime).label).toBe('2010-12-01');
    expect(intervalBounds({ start: '2010-12-01T06:00:00+01:00', end: '2010-12-01T07:00:00+01:00' }, anyTime)).toEqual({
      label: '2010-12-01T05:00:00.000Z',
      start: '2010-12-01T05:00:00.000Z',
      end: '2010-12-01T06:00:00.000Z',
    });
  });

  it.each([
    [{ date: '2011-02-29' }, 'date "2011-02-29" is not a calendar day'],
    [{ date: '1.12.2010' }, 'is not a calendar day'],
    [{ timezone: 'Europe/Atlantis' }, 'timezone "Europe/Atlantis" is not an IANA time zone'],
    [{ start: '2010-12-01T00:00:00Z' }, 'end is missing'],
    [{ start: '2010-12-01T00:00:00', end: '2010-12-02T00:00:00Z' }, 'is not a time with an offset'],
    [{ start: '2010-12-02T00:00:00Z', end: '2010-12-01T00:00:00Z' }, 'is not after start'],
    [{ date: '2010-12-01', start: '2010-12-01T00:00:00Z', end: '2010-12-02T00:00:00Z' }, 'not both'],
  ])('refuses %j', (params, message) => {
    expect(() => intervalBounds(params, anyTime)).toThrow(message);
  });
});
