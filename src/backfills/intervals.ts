import { DateTime } from 'luxon';
import type { Pipeline } from '../catalog.js';
import { MOST_INTERVALS } from '../durable/backfill.js';
import { intervalBounds, type IntervalParams } from '../durable/data-interval.js';
import { MillraceError } from '../errors.js';

export interface Interval {
  label: string;
  start: string;
  end: string;
}

/**
 * The intervals of a pipeline that begin on one of these days, the oldest first. `BAD_PARAMS` for what is no range of days, and
 * for more than `MOST_INTERVALS`.
 */
export function intervalsOf(pipeline: Pipeline, { from, to }: { from: string; to: string }): Interval[] {
  const zone = timezoneOf(pipeline);
  const first = day('from', from, zone);
  const last = day('to', to, zone);
  if (last < first) throw new MillraceError('BAD_PARAMS', `to ${to} is before from ${from}: give the first day and the last one, both are included`);
  const intervals: Interval[] = [];
  for (let date = first; date <= last; date = date.plus({ days: 1 })) {
    intervals.push(intervalBounds({ date: date.toISODate()!, timezone: zone }, new Date(0)));
    if (intervals.length > MOST_INTERVALS) {
      throw new MillraceError('BAD_PARAMS', `from ${from} to ${to} are more than ${MOST_INTERVALS} intervals: backfill one part after the other`);
    }
  }
  return intervals;
}

/** The parameters of a run of the interval: those that `millrace run` gives it. */
export function intervalParams(pipeline: Pipeline, { label, start, end }: Interval): IntervalParams {
  const timezone = timezoneOf(pipeline);
  return /^\d{4}-\d\d-\d\d$/.test(label) ? { date: label, timezone } : { start, end, timezone };
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
