import { DateTime } from 'luxon';
import { runsAt, runsAtClockChanges, type WallTime } from './clock-changes.js';
import type { CronFields } from './cron-fields.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * When a schedule is due on a calendar day (given in UTC): the times of Temporal's schedule, with what `compileSchedule` adds to
 * it and leaves out of it when clocks change. In order.
 */
export function dueOn(date: DateTime, cron: CronFields, timezone: string): DateTime[] {
  if (!isDueDay(date, cron)) return [];
  const times = clocksChangeAround(date, timezone) ? dueAtClockChange(date, cron, timezone) : dueUsually(date, cron, timezone);
  return times.map((time) => DateTime.fromMillis(time, { zone: timezone }));
}

function isDueDay(date: DateTime, cron: CronFields): boolean {
  return runsAt(cron, date.set({ hour: cron.hours[0]!, minute: cron.minutes[0]! }));
}

function dueUsually(date: DateTime, cron: CronFields, timezone: string): number[] {
  return cron.hours.flatMap((hour) => cron.minutes.map((minute) => instantOf({ ...dayOf(date), hour, minute }, timezone)));
}

function clocksChangeAround(date: DateTime, timezone: string): boolean {
  const [before, after] = noonsAround(date, timezone);
  return before.offset !== after.offset;
}

function noonsAround(date: DateTime, timezone: string): [DateTime, DateTime] {
  const noon = date.set({ hour: 12 }).setZone(timezone, { keepLocalTime: true });
  return [noon.minus({ days: 1 }), noon.plus({ days: 1 })];
}

function dueAtClockChange(date: DateTime, cron: CronFields, timezone: string): number[] {
  const [before, after] = noonsAround(date, timezone);
  const { added, leftOut } = runsAtClockChanges(cron, timezone, before.toJSDate(), after.toJSDate());
  const isLeftOut = (time: number): boolean => leftOut.some((wall) => isAt(DateTime.fromMillis(time, { zone: timezone }), wall));
  const times = new Set(added.map((wall) => instantOf(wall, timezone)));
  for (let time = nextDue(before.toMillis(), cron, timezone); time < after.toMillis(); time = nextDue(time, cron, timezone)) if (!isLeftOut(time)) times.add(time);
  return [...times].filter((time) => DateTime.fromMillis(time, { zone: timezone }).toISODate() === date.toISODate()).sort((a, b) => a - b);
}

/**
 * The next time at which a schedule's calendar is due, in milliseconds since the epoch, as the Temporal server finds it
 * (`compiledCalendar.next` in its service/worker/scheduler/calendar.go): of an hour that comes twice it takes one or both, as its
 * walk through the day happens to meet them.
 */
function nextDue(after: number, cron: CronFields, timezone: string): number {
  const start = DateTime.fromMillis(after, { zone: timezone });
  const instant = (hour: number, minute = 0): number => instantOf({ ...dayOf(date), hour, minute }, timezone);
  let date = start.setZone('utc', { keepLocalTime: true }).startOf('day');
  let hour = start.hour;
  let minute = start.minute + 1;
  // In the second copy of an hour.
  let shift = start.minus({ hours: 1 }).hour === hour ? HOUR_MS : 0;
  const startHour = (next: number): void => {
    hour = next;
    minute = 0;
    shift = 0;
  };
  for (;;) {
    if (minute >= 60) {
      // Two hours to the next one: the hour between them comes twice.
      if (shift === 0 && instant(hour + 1) - instant(hour) > HOUR_MS) {
        minute = 0;
        shift = HOUR_MS;
      } else startHour(hour + 1);
    }
    if (hour >= 24) {
      date = date.plus({ days: 1 });
      hour = 0;
    }
    if (!isDueDay(date, cron)) startHour(24);
    else if (!cron.hours.includes(hour)) startHour(hour + 1);
    else if (!cron.minutes.includes(minute)) minute += 1;
    else {
      const time = instant(hour, minute);
      if (DateTime.fromMillis(time, { zone: timezone }).hour === hour) return time + shift;
      // The time does not exist.
      hour += 1;
      minute = 0;
    }
  }
}

/** As Go's `time.Date` reads a wall time; hour 24 is the next day's first. */
function instantOf({ year, month, day, hour, minute }: WallTime, timezone: string): number {
  const local = Date.UTC(year, month - 1, day, hour, minute);
  const offset = (time: number): number => DateTime.fromMillis(time, { zone: timezone }).offset * MINUTE_MS;
  return local - offset(local - offset(local));
}

function dayOf({ year, month, day }: DateTime): Pick<WallTime, 'year' | 'month' | 'day'> {
  return { year, month, day };
}

function isAt(time: DateTime, { year, month, day, hour, minute }: WallTime): boolean {
  return time.year === year && time.month === month && time.day === day && time.hour === hour && time.minute === minute;
}
