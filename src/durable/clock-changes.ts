import { DateTime } from 'luxon';
import type { CronFields } from './cron-fields.js';

/** A wall time of the zone, to the minute. */
export interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

/** What a schedule needs beside its cron expression, so that every calendar day gets its runs once. */
export interface ClockChangeRuns {
  /** Further times at which to run. */
  added: WallTime[];
  /** Times at which not to run, though the cron expression says so. */
  leftOut: WallTime[];
}

const MINUTE_MS = 60_000;

/**
 * Temporal reads a cron expression by the clock on the wall, and two things go wrong when clocks change (shown on the server
 * by test/integration/schedules.test.ts):
 *
 * - Clocks go forward: times that do not exist that day are left out, so a daily 02:30 has no run, and a day no data. Such a
 *   run is moved by as much as the clocks are, as cron daemons do (02:30 becomes 03:30); where that would be the next
 *   calendar day, to the last minute before the gap.
 * - Clocks go back to or from midnight (Havana, Nuuk, Santiago): the hour beside midnight runs twice. Both are left out for
 *   one run at the nearest minute outside that hour. Elsewhere Temporal runs in one of the two hours only.
 */
export function runsAtClockChanges(cron: CronFields, timezone: string, from: Date, until: Date): ClockChangeRuns {
  const added = new Map<string, WallTime>();
  const leftOut: WallTime[] = [];
  const add = (time: DateTime): void => {
    if (!runsAt(cron, time)) added.set(time.toISO()!, wallTime(time));
  };
  for (const { wallStart, minutes, forward } of clockChanges(timezone, from, until)) {
    // Counted in UTC, where every wall time exists.
    const affected = Array.from({ length: minutes }, (_, minute) => wallStart.plus({ minutes: minute })).filter((time) => runsAt(cron, time));
    if (forward) {
      for (const missing of affected) {
        const shifted = missing.plus({ minutes });
        add(shifted.hasSame(missing, 'day') ? shifted : wallStart.minus({ minutes: 1 }));
      }
    } else if (affected.length > 0 && touchesMidnight(wallStart, minutes) && !runsAtOtherHours(cron, wallStart)) {
      leftOut.push(...affected.map(wallTime));
      const before = wallStart.minus({ minutes: 1 });
      add(before.hasSame(wallStart, 'day') ? before : wallStart.plus({ minutes }));
    }
  }
  return { added: [...added.values()], leftOut };
}

interface ClockChange {
  /** The first wall time that does not exist, or that exists twice, written as if it were UTC. */
  wallStart: DateTime;
  minutes: number;
  forward: boolean;
}

function clockChanges(timezone: string, from: Date, until: Date): ClockChange[] {
  const found: ClockChange[] = [];
  const start = DateTime.fromJSDate(from, { zone: timezone }).startOf('day');
  let before = start;
  for (let day = start.plus({ days: 1 }); day.toMillis() <= until.getTime(); day = day.plus({ days: 1 })) {
    if (day.offset !== before.offset) found.push(changeBetween(before.toMillis(), day.toMillis(), timezone));
    before = day;
  }
  return found;
}

/** Finds the minute within these two moments (milliseconds since the epoch) at which the zone's offset changes. */
function changeBetween(low: number, high: number, timezone: string): ClockChange {
  const offset = (time: number): number => DateTime.fromMillis(time, { zone: timezone }).offset;
  const before = offset(low);
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / MINUTE_MS / 2) * MINUTE_MS;
    if (offset(middle) === before) low = middle;
    else high = middle;
  }
  const after = offset(high);
  return {
    wallStart: DateTime.fromMillis(high + Math.min(before, after) * MINUTE_MS, { zone: 'utc' }),
    minutes: Math.abs(after - before),
    forward: after > before,
  };
}

function touchesMidnight(wallStart: DateTime, minutes: number): boolean {
  return !wallStart.plus({ minutes }).hasSame(wallStart, 'day') || wallStart.equals(wallStart.startOf('day'));
}

/** A schedule that runs several times a day has a run of that day anyway. */
function runsAtOtherHours(cron: CronFields, wallStart: DateTime): boolean {
  return cron.hours.some((hour) => hour !== wallStart.hour);
}

function wallTime({ year, month, day, hour, minute }: DateTime): WallTime {
  return { year, month, day, hour, minute };
}

/** Whether the expression allows this time of the clock on the wall. */
export function runsAt(cron: CronFields, time: DateTime): boolean {
  return (
    cron.minutes.includes(time.minute) &&
    cron.hours.includes(time.hour) &&
    cron.daysOfMonth.includes(time.day) &&
    cron.months.includes(time.month) &&
    cron.daysOfWeek.includes(time.weekday % 7)
  );
}
