import { DateTime } from 'luxon';
import { isMillraceError } from '../errors.js';
import { boundsOf, firstMoment, utc, type Bounds } from './bounds.js';
import { parseCron, type CronFields } from './cron-fields.js';
import { dueOn } from './due-times.js';
import { badParams } from './failures.js';

/** The interval of a scheduled run. */
export interface CronInterval extends Bounds {
  /** When its run is due, ISO 8601 UTC. */
  nominal: string;
}

/**
 * A schedule divides time into intervals that touch each other, whatever the clocks do: a run covers what has passed since the
 * run before it.
 *
 * - Due at most once a day (daily, Mon-Fri, weekly, monthly): from the first moment of the day on which it was due before to the
 *   first moment of the day on which it is due. So a daily run covers the day before, a Monday's after a Friday's three days.
 * - Due several times a day: from the time at which it was due before to the time at which it is due.
 */
interface Edge {
  /** Where one interval ends and the next one begins. */
  at: DateTime;
  due: DateTime;
}

export interface IntervalRange {
  cron: string;
  /** IANA zone in which the cron expression is read. */
  timezone: string;
  /** Intervals that begin at this time or later. */
  from: Date;
  /** Intervals that begin before this time. */
  to: Date;
}

/** Every interval of a schedule that begins within the range, the oldest first; a later one may not have passed yet. */
export function* intervalsBetween({ cron, timezone, from, to }: IntervalRange): Generator<CronInterval> {
  let before: Edge | undefined;
  for (const edge of edges(cron, timezone, from, 1)) {
    if (before !== undefined && before.at.toMillis() >= to.getTime()) return;
    if (before !== undefined && before.at.toMillis() >= from.getTime()) yield { ...boundsOf(before.at, edge.at), nominal: utc(edge.due) };
    before = edge;
  }
}

/** The interval of the run that is due at this time; between two times at which it is due, of the one that was due last. */
export function cronInterval(cron: string, timezone: string, nominal: Date): Bounds {
  const daily = isDaily(fieldsOf(cron));
  const day = DateTime.fromJSDate(nominal, { zone: timezone });
  let end: Edge | undefined;
  for (const edge of edges(cron, timezone, nominal, -1)) {
    if (end !== undefined) return boundsOf(edge.at, end.at);
    if (daily ? edge.at <= day : edge.due <= day) end = edge;
  }
  throw neverDue(cron);
}

/** A schedule of 29 February is due again within eight years, whatever the century. */
const MOST_EMPTY_DAYS = 8 * 366;

/** The edges from a day on, in either direction of time, without end. `BAD_PARAMS` for a schedule that is never due. */
function* edges(cron: string, timezone: string, from: Date, direction: 1 | -1): Generator<Edge> {
  const fields = fieldsOf(cron);
  const daily = isDaily(fields);
  // Calendar days, counted in UTC, where all of them are alike.
  let date = DateTime.fromJSDate(from, { zone: timezone }).setZone('utc', { keepLocalTime: true }).startOf('day');
  for (let empty = 0; empty < MOST_EMPTY_DAYS; date = date.plus({ days: direction })) {
    const due = dueOn(date, fields, timezone);
    empty = due.length === 0 ? empty + 1 : 0;
    if (daily) {
      for (const time of due) yield { at: firstMoment(time), due: time };
    } else {
      for (const time of direction === 1 ? due : due.toReversed()) yield { at: time, due: time };
    }
  }
  throw neverDue(cron);
}

function fieldsOf(cron: string): CronFields {
  try {
    return parseCron(cron);
  } catch (error) {
    throw isMillraceError(error) ? badParams(error.message) : error;
  }
}

/** Whether the schedule's intervals are made of calendar days. `BAD_PARAMS` for an expression that cannot be read. */
export function hasDays(cron: string): boolean {
  return isDaily(fieldsOf(cron));
}

function isDaily({ hours, minutes }: CronFields): boolean {
  return hours.length * minutes.length === 1;
}

function neverDue(cron: string): Error {
  return badParams(`the schedule "${cron}" is never due`);
}
