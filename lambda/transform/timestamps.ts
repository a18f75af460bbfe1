import { DateTime, IANAZone } from 'luxon';
import { MillraceError } from '../../src/errors.js';

const ISO = /^((?:19|2\d)\d{2})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;
/** As many as the minutes of two weeks: the lines of a file share few of them. */
const MOST_CACHED = 20_000;

/** Offsets of local minutes in zones other than UTC; looking one up is slower than all the rest of a line. */
const offsets = new Map<string, number>();

/** `BAD_PARAMS` unless the zone is one of the IANA. */
export function assertTimezone(timezone: string): void {
  if (!IANAZone.isValidZone(timezone)) throw new MillraceError('BAD_PARAMS', `timezone "${timezone}" is not an IANA time zone such as Europe/London`);
}

/** ISO 8601 as `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC; `null` for anything else. Fractions beyond microseconds are cut off. */
export function readTimestamp(text: string | null, timezone: string): string | null {
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone] = ISO.exec(text ?? '') ?? [];
  if (year === undefined) return null;
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  if (!new Date(local).toISOString().startsWith(written)) return null;
  const offset = zone === undefined ? localOffset(local, timezone) : statedOffset(zone);
  if (offset === null) return null;
  const utc = (offset === 0 ? written : new Date(local - offset * 60_000).toISOString().slice(0, 19)).replace('T', ' ');
  const micros = fraction.slice(0, 6).replace(/0+$/, '');
  return micros === '' ? utc : `${utc}.${micros}`;
}

/** Minutes east of Greenwich. */
function statedOffset(zone: string): number | null {
  if (zone === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  if (hours > 15 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

function localOffset(local: number, timezone: string): number {
  if (timezone === 'UTC') return 0;
  const key = `${Math.floor(local / 60_000)} ${timezone}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  const { offset } = DateTime.fromMillis(local, { zone: 'UTC' }).setZone(timezone, { keepLocalTime: true });
  if (offsets.size >= MOST_CACHED) offsets.clear();
  offsets.set(key, offset);
  return offset;
}
