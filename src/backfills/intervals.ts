import { setImmediate as otherWork } from 'node:timers/promises';
import { DateTime } from 'luxon';
import type { Pipeline } from '../catalog.js';
import { MOST_INTERVALS } from '../durable/backfill.js';
import { firstMoment, type Bounds } from '../durable/bounds.js';
import { intervalsBetween } from '../durable/cron-intervals.js';
import { MillraceError } from '../errors.js';

/** A year of hours takes seconds: a worker that does nothing else meanwhile is taken for dead by its steps. */
const BETWEEN_OTHER_WORK = 200;

/** One interval of a pipeline. */
export type Interval = Bounds;

/**
 * The intervals of a pipeline's schedule that begin on one of these days, the oldest first. `BAD_PARAMS` for what is no range of
 * days, and for more than `MOST_INTERVALS`.
 */
export async function intervalsOf(pipeline: Pipeline, { from, to }: { from: string; to: string }): Promise<Interval[]> {
  const zone = timezoneOf(pipeline);
  const first = day('from', from, zone);
  const last = day('to', to, zone);
  if (last < first) throw new MillraceError('BAD_PARAMS', `to ${to} is before from ${from}: give the first day and the last one, both are included`);
  const tooMany = new MillraceError('BAD_PARAMS', `from ${from} to ${to} are more than ${MOST_INTERVALS} intervals: backfill one part after the other`);
  // Found without counting for days, and close enough for weeks.
  if (last.diff(first, 'days').days >= MOST_INTERVALS) throw tooMany;
  const intervals: Interval[] = [];
  const range = { from: firstMoment(first).toJSDate(), to: firstMoment(last.plus({ days: 1 })).toJSDate() };
  // Without a schedule: days.
  for (const { label, start, end } of intervalsBetween({ cron: pipeline.schedule?.cron ?? '@daily', timezone: zone, ...range })) {
    intervals.push({ label, start, end });
    if (intervals.length % BETWEEN_OTHER_WORK === 0) await otherWork();
    if (intervals.length > MOST_INTERVALS) throw tooMany;
  }
  return intervals;
}

/** In which days begin and end. */
export function timezoneOf(pipeline: Pipeline): string {
  return pipeline.schedule?.timezone ?? 'UTC';
}

function day(name: string, text: string, zone: string): DateTime {
  const date = DateTime.fromFormat(text, 'yyyy-MM-dd', { zone });
  if (!date.isValid) throw new MillraceError('BAD_PARAMS', `${name} "${text}" is not a calendar day such as 2010-12-01`);
  return date;
}
