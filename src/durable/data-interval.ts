import { workflowInfo } from '@temporalio/workflow';
import { DateTime } from 'luxon';
import { boundsOf, firstMoment, type Bounds } from './bounds.js';
import { cronInterval } from './cron-intervals.js';
import { badParams } from './failures.js';
import { pipelineName } from './pipeline-name.js';
import { rerunOrigin } from './rerun.js';

/** What one run is about. Every step gets it; ISO 8601 UTC, half-open: start <= t < end. */
export interface DataInterval {
  pipeline: string;
  /** The interval's name in paths, tables and mails: `2010-12-01`, `2010-12-03--2010-12-05`, or the start time where it is not made of days. */
  label: string;
  start: string;
  end: string;
  /** Temporal's run id: part of every path that this run writes. */
  run: string;
  /** Milliseconds since the epoch at which Temporal started the run: a later run of the same interval has a higher one. */
  generation: number;
  /** Run ids of the runs whose finished steps this run reuses, the newest first: its cleanup removes what they have left. */
  reuses?: readonly string[];
}

/** The parameters that choose an interval: a date, or both ends, or neither (then the schedule's nominal time decides). */
export interface IntervalParams {
  /** `2010-12-01`: the calendar day in `timezone`. */
  date?: string;
  /** ISO 8601 with an offset; needs `end`. */
  start?: string;
  end?: string;
  /** IANA zone in which a day begins and ends; default `UTC`. */
  timezone?: string;
  /** The schedule's cron expression, read in `timezone`: without a date or ends the interval is the one that it makes. */
  cron?: string;
}

/**
 * The data interval of this run: of the date or the ends that were asked for, else what has passed between the schedule's nominal
 * time and the one before it (Airflow's rule: a run covers the period that has just ended), else the day before the run was
 * started. Days are calendar days of the zone: across daylight saving they have 23 or 25 hours and still touch each other.
 */
export function dataInterval(params: IntervalParams): DataInterval {
  const info = workflowInfo();
  const origin = rerunOrigin();
  return {
    pipeline: pipelineName(info.workflowType),
    ...intervalBounds(params, origin === undefined ? (scheduledTime() ?? info.startTime) : new Date(origin.nominal)),
    run: info.runId,
    generation: info.startTime.getTime(),
    ...(origin === undefined ? {} : { reuses: origin.runs }),
  };
}

/** The pure part of `dataInterval`; `nominal` is the time a run without explicit bounds is due. */
export function intervalBounds(params: IntervalParams, nominal: Date): Bounds {
  const zone = params.timezone ?? 'UTC';
  if (!DateTime.local({ zone }).isValid) throw badParams(`timezone "${zone}" is not an IANA time zone such as Europe/Berlin`);
  if (params.date !== undefined) {
    if (params.start !== undefined || params.end !== undefined) throw badParams('give either date or start and end, not both');
    return dayBounds(calendarDay(params.date, zone));
  }
  if (params.start !== undefined || params.end !== undefined) {
    const start = instant('start', params.start);
    const end = instant('end', params.end);
    if (end <= start) throw badParams(`end ${params.end} is not after start ${params.start}`);
    return boundsOf(start.setZone(zone), end.setZone(zone));
  }
  if (params.cron !== undefined) return cronInterval(params.cron, zone, nominal);
  return dayBounds(DateTime.fromJSDate(nominal, { zone }).startOf('day').minus({ days: 1 }));
}

/** The parameters that ask for an interval. */
export function intervalParams({ label, start, end }: Bounds, timezone: string): IntervalParams {
  return /^\d{4}-\d\d-\d\d$/.test(label) ? { date: label, timezone } : { start, end, timezone };
}

function dayBounds(day: DateTime): Bounds {
  return boundsOf(firstMoment(day), firstMoment(day.plus({ days: 1 })));
}

function calendarDay(date: string, zone: string): DateTime {
  const day = DateTime.fromFormat(date, 'yyyy-MM-dd', { zone });
  if (!day.isValid) throw badParams(`date "${date}" is not a calendar day such as 2010-12-01`);
  return day;
}

function instant(name: string, text: string | undefined): DateTime {
  if (text === undefined) throw badParams(`${name} is missing: start and end go together`);
  const time = DateTime.fromISO(text, { setZone: true });
  if (!time.isValid || !/(Z|[+-]\d\d:?\d\d)$/.test(text)) throw badParams(`${name} "${text}" is not a time with an offset such as 2010-12-01T00:00:00Z`);
  return time;
}

/** When this run was due, for runs that a schedule started. */
function scheduledTime(): Date | undefined {
  const value = workflowInfo().searchAttributes['TemporalScheduledStartTime']?.[0];
  return value instanceof Date ? value : undefined;
}
