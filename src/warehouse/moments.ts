import { DateTime } from 'luxon';
import { MillraceError } from '../errors.js';

const MOMENT = /^(\d{4,}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * ISO 8601 → the wall clock in UTC as SQL writes it: `2010-12-01T10:26:00+02:00` → `2010-12-01 08:26:00`. Microseconds are
 * kept; what carries no offset is UTC. `WAREHOUSE_REJECTED` for what is no time, because databases guess or drop the offset.
 */
export function utcWallClock(moment: string): string {
  const [matched, day, clock = '00:00:00', fraction = '', offset = 'Z'] = MOMENT.exec(moment) ?? [];
  const time = DateTime.fromISO(`${day}T${clock}${offset}`, { zone: 'utc' });
  if (matched === undefined || !time.isValid) throw new MillraceError('WAREHOUSE_REJECTED', `"${moment}" is not a time such as 2010-12-01T08:26:00Z`);
  return time.toFormat('yyyy-MM-dd HH:mm:ss') + (/[1-9]/.test(fraction) ? `.${fraction.slice(0, 6)}` : '');
}

const WALL_CLOCK = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?$/;

/**
 * The other way round, in the one spelling that all adapters share: `2010-12-01T08:26:00.000Z`, with six digits instead of
 * three where there are microseconds. What is no such time (`infinity`, years before Christ) comes back as it is.
 */
export function isoUtc(wallClock: string): string {
  const [matched, day, clock, fraction = ''] = WALL_CLOCK.exec(wallClock) ?? [];
  if (matched === undefined) return wallClock;
  const micros = fraction.padEnd(6, '0').slice(0, 6);
  return `${day}T${clock}.${micros.endsWith('000') ? micros.slice(0, 3) : micros}Z`;
}
