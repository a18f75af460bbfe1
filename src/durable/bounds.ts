import type { DateTime } from 'luxon';

/** A half-open interval, ISO 8601 UTC, and what it is called. */
export interface Bounds {
  label: string;
  start: string;
  end: string;
}

/**
 * Bounds with their label: `2010-12-01` for a calendar day of the zone of `start`, `2010-12-03--2010-12-05` (both included) for
 * several, else the start time.
 */
export function boundsOf(start: DateTime, end: DateTime): Bounds {
  return { label: labelOf(start, end), start: utc(start), end: utc(end) };
}

function labelOf(start: DateTime, end: DateTime): string {
  const until = end.setZone(start.zone);
  if (!isFirstMoment(start) || !isFirstMoment(until)) return utc(start);
  const [first, last] = [start.toISODate()!, until.minus({ minutes: 1 }).toISODate()!];
  return first === last ? first : `${first}--${last}`;
}

function isFirstMoment(time: DateTime): boolean {
  return firstMoment(time).toMillis() === time.toMillis();
}

/** Of a day of its zone. On some days of some zones midnight does not exist, or exists twice (Havana, Azores): then `startOf` may be the second one. */
export function firstMoment(day: DateTime): DateTime {
  const start = day.startOf('day');
  const earlier = start.minus({ hours: 1 });
  return earlier.toISODate() === start.toISODate() ? earlier : start;
}

export function utc(time: DateTime): string {
  return time.toUTC().toISO()!;
}
