import { DateTime } from 'luxon';
import { MillraceError } from '../errors.js';

export const DAY_MS = 86_400_000;

/** True for a date of the calendar written `YYYY-MM-DD` (2023-02-29 is none). */
export function isCalendarDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && DateTime.fromISO(text, { zone: 'utc' }).isValid;
}

/** Milliseconds since 1970 at which the UTC day begins; `BAD_PARAMS` for what is no date. */
export function startOfDay(date: string): number {
  if (!isCalendarDate(date)) {
    throw new MillraceError('BAD_PARAMS', `"${date}" is not a date of the calendar: write it as YYYY-MM-DD`);
  }
  return DateTime.fromISO(date, { zone: 'utc' }).toMillis();
}

/** The instant of a source's timestamp, in milliseconds; a missing zone means UTC; undefined for what is no timestamp. */
export function instantOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const trimmed = text.trim();
  for (const parsed of [DateTime.fromISO(trimmed, { zone: 'utc' }), DateTime.fromSQL(trimmed, { zone: 'utc' })]) {
    if (parsed.isValid) return parsed.toMillis();
  }
  return undefined;
}
